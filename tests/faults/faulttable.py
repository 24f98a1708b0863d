"""What became of the faults, as one table: for people, for programs, for a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from faultnode import Outcome

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


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, int, int, int]]:
    """Title, tried, held, else: of each group that was tried, and of all."""
    found = []
    for group, title in TITLES.items():
        mine = [one for one in outcomes if one.fault["group"] == group and not one.skipped]
        if mine:
            tried = sum(one.fault.get("boots", 1) for one in mine)
            other = sum(len(one.wrong) > 0 for one in mine)
            found.append((title, tried, tried - other, other))
    total = [sum(row[column] for row in found) for column in (1, 2, 3)]
    return [*found, ("all", total[0], total[1], total[2])]


def write(outcomes: Sequence[Outcome], name: str) -> str:
    """Write build/NAME.json, .txt and .md; returns the text."""
    BUILD.mkdir(exist_ok=True)
    values = [one._asdict() for one in outcomes]
    (BUILD / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n")
    table = rows(outcomes)
    width = max(len(row[0]) for row in table)
    lines = [f"{'fault':{width}}  {'tried':>6}  {'held':>6}  {'else':>6}"]
    lines += [
        f"{title:{width}}  {tried:6}  {held:6}  {other:6}" for title, tried, held, other in table
    ]
    left_out = sum(1 for one in outcomes if one.skipped)
    lines += [f"{left_out} were left out, since this node has nothing that can be broken so"]
    for one in (one for one in outcomes if one.wrong):
        lines += ["", described(one), *(f"  {line}" for line in one.wrong)]
    text = "\n".join(lines) + "\n"
    (BUILD / f"{name}.txt").write_text(text)
    page = ["| fault | tried | held | else |", "|---|---:|---:|---:|"]
    page += [
        f"| {title} | {tried:,} | {held:,} | {other:,} |" for title, tried, held, other in table
    ]
    (BUILD / f"{name}.md").write_text("\n".join(page) + "\n")
    return text


def described(one: Outcome) -> str:
    """A fault on one line."""
    fault = {name: str(value)[:60] for name, value in one.fault.items() if name not in _LISTS}
    return " ".join(fault.values())


_LISTS = ("tools", "files", "folders", "boots", "after", "and_later")
