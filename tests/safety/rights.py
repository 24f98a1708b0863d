"""What limits nodefix's units, what they are left, what that scores, and why: one table of each.

Scores are those of `systemd-analyze security`, which reads a unit without starting it. The tables
stand in tests/PROOF.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import testnode
import yaml
from marked import table

HERE = Path(__file__).resolve().parent
SYSTEMD = HERE.parents[1] / "systemd"
UNITS = tuple(f"{stem}.service" for stem in sorted(path.stem for path in SYSTEMD.glob("*.service")))
# The line in each unit below which its limits stand.
MARK = "# No more rights than it needs"
# Where a node has the units, and where it gets the same without their limits.
FOLDER, BARE = "/usr/lib/systemd/system", "/tmp/bare"


class Refused(NamedTuple):
    """What is not there in some units, and why."""

    name: str
    units: tuple[str, ...]
    why: str


class Reasons(NamedTuple):
    """reasons.yaml: the most that each unit may score, why each limit is there, and is not."""

    scores: Mapping[str, float]
    given: Mapping[str, str]
    refused: tuple[Refused, ...]


def reasons() -> Reasons:
    """Read them."""
    found = yaml.safe_load((HERE / "reasons.yaml").read_text())
    refused = tuple(Refused(r["name"], tuple(r["units"]), r["why"]) for r in found["refused"])
    return Reasons(found["scores"], found["given"], refused)


def _parts(unit: str) -> tuple[str, str, str]:
    """The text of a unit: what comes before its limits, the limits, and what comes after."""
    before, _, rest = (SYSTEMD / unit).read_text().partition(MARK)
    given, section, after = rest.partition("\n[")
    return before, given, section + after


def limits(unit: str) -> dict[str, str]:
    """The limits that stand in a unit: directive to its values, one after the other."""
    found: dict[str, str] = {}
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", _parts(unit)[1]):
        found[key] = f"{found[key]} {value}" if key in found else value
    return found


class Judged(NamedTuple):
    """What systemd says of a unit: its score, and what each thing costs that it has not.

    Attributes:
        without: its score without any of its limits.
        score: its score, from 0 to 10, the worst.
        costs: what it has not, and what that is worth to systemd.
    """

    without: float
    score: float
    costs: Mapping[str, float]


class Judgement(NamedTuple):
    """What a node's systemd, of this version, says of all units."""

    systemd: str
    units: Mapping[str, Judged]


def judge(root: testnode.Root) -> Judgement:
    """Have the systemd of a node judge its units."""
    version = root.run(["systemctl", "--version"]).stdout.split()[1]
    for unit in UNITS:
        before, _, after = _parts(unit)
        root.write(f"{BARE}/{unit}", before + after)
    return Judgement(version, {unit: _judged(root, unit) for unit in UNITS})


def _judged(root: testnode.Root, unit: str) -> Judged:
    # Of the path, since a template is no unit.
    path = f"{FOLDER}/{unit}"
    rows = json.loads(_analyzed(root, "--json=short", path))
    costs = {row["name"]: float(row["exposure"]) for row in rows if row.get("exposure")}
    found = {name: cost for name, cost in costs.items() if cost > 0}
    return Judged(_score(root, f"{BARE}/{unit}"), _score(root, path), found)


def _score(root: testnode.Root, path: str) -> float:
    (score,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", _analyzed(root, path))
    return float(score)


def _analyzed(root: testnode.Root, *words: str) -> str:
    ask = ["systemd-analyze", "security", "--offline=yes", "--no-pager"]
    return root.run([*ask, *words]).stdout


def page(found: Judgement) -> str:
    """The tables, in Markdown."""
    scores = table(("unit", "without limits", "with them"), _scores(found), _SCORES)
    given = table(("limit", "in", "why"), _given())
    refused = table(("left out", "in", "costs", "why"), _refused(found), ("costs",))
    return (
        f"{scores}\nThe scores are those of `systemd-analyze security`, systemd {found.systemd}:"
        f" from 0 to 10, which is no limit at all.\n\n{given}\n{refused}"
    )


_SCORES = ("without limits", "with them")


def _scores(found: Judgement) -> Iterator[tuple[str, ...]]:
    for unit, one in found.units.items():
        yield f"`{_name(unit)}`", f"{one.without:.1f}", f"{one.score:.1f}"


def _given() -> Iterator[tuple[str, ...]]:
    for key, why in reasons().given.items():
        yield f"`{key}=`", _names([unit for unit in UNITS if key in limits(unit)]), why


def _refused(found: Judgement) -> Iterator[tuple[str, ...]]:
    for name, units, why in reasons().refused:
        cost = max(found.units[unit].costs[name] for unit in units)
        yield f"`{name}`", _names(units), f"{cost:.1f}", why


def _names(units: Collection[str]) -> str:
    return "all" if len(units) == len(UNITS) else ", ".join(f"`{_name(unit)}`" for unit in units)


def _name(unit: str) -> str:
    return unit.removesuffix(".service")
