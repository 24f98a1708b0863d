"""What limits nodefix's units, what they are left, what that scores, and why: one table of each.

Scores are those of `systemd-analyze security`, which reads a unit without starting it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).resolve().parent
SYSTEMD = HERE.parents[1] / "systemd"
UNITS = tuple(sorted(path.name for path in SYSTEMD.glob("*.service")))
# The line in each unit below which its limits stand.
MARK = "# No more rights than it needs"

# Runs `systemd-analyze` with these arguments and returns what it prints.
Analyze = Callable[[list[str]], str]


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


def limits(unit: str) -> dict[str, str]:
    """The limits that stand in a unit: directive to its values, one after the other."""
    text = (SYSTEMD / unit).read_text().partition(MARK)[2].partition("\n[")[0]
    found: dict[str, str] = {}
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", text):
        found[key] = f"{found[key]} {value}" if key in found else value
    return found


class Judged(NamedTuple):
    """What systemd says of a unit: its score, and what each thing costs that it has not."""

    score: float
    costs: Mapping[str, float]


def judge(unit: str, folder: str, analyze: Analyze) -> Judged:
    """Have systemd judge the file of a unit in a folder."""
    # An instance's name, since a template is no unit.
    path = f"{folder}/{unit}"
    ask = ["security", "--offline=yes", "--no-pager"]
    rows = json.loads(analyze([*ask, "--json=short", path]))
    costs = {row["name"]: float(row["exposure"]) for row in rows if row.get("exposure")}
    (score,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", analyze([*ask, path]))
    return Judged(float(score), {name: cost for name, cost in costs.items() if cost > 0})


def lines(judged: Mapping[str, Judged]) -> Iterator[str]:
    """The tables, in Markdown."""
    why = reasons()
    names = {unit: unit.removesuffix(".service") for unit in judged}
    yield "| unit | score |"
    yield "|---|---|"
    yield from (f"| `{names[unit]}` | {found.score:.1f} |" for unit, found in judged.items())
    yield ""
    yield "| limit | in | why |"
    yield "|---|---|---|"
    for key, reason in why.given.items():
        having = [names[unit] for unit in judged if key in limits(unit)]
        where = "all" if len(having) == len(judged) else ", ".join(f"`{one}`" for one in having)
        yield f"| `{key}=` | {where} | {reason} |"
    yield ""
    yield "| left out | in | costs | why |"
    yield "|---|---|---|---|"
    for name, units, reason in why.refused:
        where = "all" if len(units) == len(judged) else ", ".join(f"`{names[u]}`" for u in units)
        cost = max(judged[unit].costs[name] for unit in units)
        yield f"| `{name.replace('|', chr(92) + '|')}` | {where} | {cost:.1f} | {reason} |"
