"""What became of the faults, as one table: for people, for programs, for a page."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import proof
from faultlist import Fault
from faultnode import Outcome
from marked import put, table

BUILD = Path(__file__).resolve().parents[2] / "build"

# What a group is called in the table.
TITLES = {
    "tools": "a program missing, hanging, killed, talking or lying",
    "files": "a file that is a pipe, a device, huge, unreadable or broken",
    "folders": "a folder that is none",
    "entries": "odd files in a folder",
    "crowds": "a folder with 12,000 files",
    "places": "/etc, /run or /var read-only, full or out of inodes",
    "sockets": "bus or journal missing, deaf, stalled or dying",
    "limits": "limits on memory, descriptors, sizes of files",
    "refused": "a call that the kernel refuses",
    "streams": "standard streams closed, full, broken or stuck",
    "forms": "report and marker in odd forms",
    "at-once": "20 runs at once",
    "signals": "signals during a run",
    "meddling": "an ordinary user who meddles",
    "users": "commands of an ordinary user",
    "kill": "SIGKILL at a call that changes something",
    "boots": "boots in a row with random damage",
}


def seconds(outcomes: Sequence[Outcome]) -> str:
    """How long the faults of each group took, added up over all workers, and the slowest of it."""
    lines = []
    for group in TITLES:
        mine = [one for one in outcomes if one.fault["group"] == group]
        if mine:
            slowest = max(mine, key=lambda one: one.seconds)
            total = sum(one.seconds for one in mine)
            lines.append(f"{group:10} {total:8.0f} s, {slowest.seconds:6.1f} {described(slowest)}")
    return "\n".join(lines)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, int, int, int]]:
    """Title, tried, held, else: of each group that was tried, and of all."""
    found = []
    for group, title in TITLES.items():
        mine = [one for one in outcomes if one.fault["group"] == group and not one.skipped]
        if mine:
            other = sum(len(one.wrong) > 0 for one in mine)
            found.append((title, len(mine), len(mine) - other, other))
    total = [sum(row[column] for row in found) for column in (1, 2, 3)]
    return [*found, ("all", total[0], total[1], total[2])]


def write(outcomes: Sequence[Outcome], name: str, took: float, every: Sequence[Fault]) -> str:
    """Write build/NAME.json, .txt and .md, and tests/PROOF.md where all faults were made.

    Args:
        outcomes: what became of the faults.
        name: of the files.
        took: how long they took, all in all, in seconds.
        every: all faults that there are.

    Returns:
        What stands in the text file.
    """
    BUILD.mkdir(exist_ok=True)
    values = [one._asdict() for one in outcomes]
    text, page = _text(outcomes), _page(outcomes, took)
    not_made = (counted(every) - _made(outcomes)).total()
    if not_made:
        text += f"\n{not_made:,} faults were not made, so tests/PROOF.md is left as it is\n"
    put(BUILD / f"{name}.json", json.dumps(values, indent=1) + "\n")
    put(BUILD / f"{name}.txt", text)
    put(BUILD / f"{name}.md", page)
    if not not_made:
        proof.write(proof.FAULTS, page)
    return text


def _text(outcomes: Sequence[Outcome]) -> str:
    found = rows(outcomes)
    width = max(len(row[0]) for row in found)
    lines = [f"{'fault':{width}}  {'tried':>6}  {'held':>6}  {'else':>6}"]
    lines += [
        f"{title:{width}}  {tried:6}  {held:6}  {other:6}" for title, tried, held, other in found
    ]
    lines += [_left_out(outcomes)]
    for one in (one for one in outcomes if one.wrong):
        lines += ["", described(one), *(f"  {line}" for line in one.wrong)]
    return "\n".join(lines) + "\n"


_HEAD = ("fault", "tried", "held", "else", "left out")


def _page(outcomes: Sequence[Outcome], took: float) -> str:
    skipped = counted([one.fault for one in outcomes if one.skipped])
    left_out = {TITLES[group]: number for group, number in skipped.items()}
    left_out["all"] = skipped.total()
    cells = [
        (row[0], *(f"{figure:,}" for figure in (*row[1:], left_out.get(row[0], 0))))
        for row in rows(outcomes)
    ]
    how_long = (
        f"All of them took {max(took / 60, 1):.0f} minutes on a machine with"
        f" {os.cpu_count()} processors, several at a time."
    )
    return f"{table(_HEAD, cells, _HEAD[1:])}\n{_left_out(outcomes)} {how_long}\n"


def _left_out(outcomes: Sequence[Outcome]) -> str:
    """How many faults this node cannot have, with the reasons."""
    # Without the path that they are told of.
    reasons = Counter(one.skipped.rpartition(": ")[2] for one in outcomes if one.skipped)
    if not reasons:
        return "None was left out."
    told = "; ".join(f"{count:,}: {reason}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total():,} were left out, since they cannot be made on this node ({told})."


def counted(faults: Iterable[Fault]) -> Counter[str]:
    """How many there are of each group, each boot by itself."""
    found = Counter[str]()
    for fault in faults:
        found[fault["group"]] += fault.get("boots", 1)
    return found


def _made(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How many of each group were made: what is wrong after no time at all is the harness."""
    return counted(one.fault for one in outcomes if one.seconds or not one.wrong)


def described(one: Outcome) -> str:
    """A fault on one line."""
    fault = {name: str(value)[:60] for name, value in one.fault.items() if name not in _LISTS}
    return " ".join(fault.values())


_LISTS = ("tools", "files", "folders", "boots", "after", "and_later", "waits")
