"""The one table: each comparison with its ratio, its target, and whether that is met.

For the terminal all of it; for tests/PROOF.md the comparisons that have a target.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import marked

# What measure.py prints: "world case" to its figures.
Figures = Mapping[str, Mapping[str, Any]]


class Target(NamedTuple):
    """What is to be reached: by the ratio, or by the left figure where there is a unit."""

    words: str
    value: float
    unit: str = ""

    def met(self, figure: float) -> bool:
        """Whether a figure reaches it."""
        if self.words == "at least":
            return figure >= self.value
        return figure < self.value if self.words == "less than" else figure <= self.value

    def __str__(self) -> str:
        """As it stands in the table."""
        return f"{self.words} {self.value:g} {self.unit}".rstrip()


class Row(NamedTuple):
    """One comparison of a figure (time, cpu, own, child, programs) of two cases."""

    what: str
    figure: str
    left: str
    right: str
    target: Target | None = None


_MEMORY = Target("at most", 28, "MiB")
_PROGRAMS = Target("at most", 10, "programs")
# What a run with so many services may take of the same on an empty node.
_FLAT = Target("at most", 1.1)


def _world(world: str) -> Iterator[Row]:
    """The rows that every node has."""
    run, first = f"{world} nodefix", f"{world} nodefix first"
    hand, hand_first, play = f"{world} hand", f"{world} hand first", f"{world} play"
    empty = world == "empty"
    yield Row("converged run / hand fix", "time", run, hand, _TIMES[world])
    yield Row("first run / hand fix", "time", first, hand_first, _FIRST if empty else None)
    yield Row("Ansible play / converged run", "time", play, run, _PLAY if empty else None)
    yield Row("processor time, converged run / hand fix", "cpu", run, hand)
    yield Row("peak memory, converged run / hand fix", "own", run, hand, _MEMORY)
    yield Row("peak memory, first run / hand fix", "own", first, hand_first, _MEMORY)
    if empty:
        yield Row("peak memory, Ansible play / converged run", "own", play, run)
    yield Row("largest child, converged run / hand fix", "child", run, hand, _MEMORY)
    yield Row("largest child, first run / hand fix", "child", first, hand_first, _MEMORY)
    yield Row("programs, converged run / hand fix", "programs", run, hand)
    yield Row("programs, first run / hand fix", "programs", first, hand_first, _PROGRAMS)
    if empty:
        yield Row("programs, Ansible play / converged run", "programs", play, run)


_TIMES = {"empty": Target("at most", 5.5), "busy": Target("at most", 0.2)}
_FIRST = Target("at most", 6)
_PLAY = Target("at least", 30)

SECTIONS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "kubelet's gate",
        (
            Row(
                "wait / python3 -c pass",
                "time",
                "empty wait",
                "empty python",
                Target("at most", 1.2),
            ),
            Row(
                "kubelet's delay at boot / python3 -c pass",
                "time",
                "boot delay",
                "empty python",
                Target("at most", 10),
            ),
            Row(
                "peak memory, wait / python3 -c pass", "own", "empty wait", "empty python", _MEMORY
            ),
        ),
    ),
    ("empty node", tuple(_world("empty"))),
    (
        "node with 20,000 services",
        (
            Row(
                "converged run / the same, empty node",
                "time",
                "busy nodefix",
                "empty nodefix",
                _FLAT,
            ),
            *_world("busy"),
        ),
    ),
    (
        "node with 50,000 services",
        (
            Row(
                "converged run / the same, empty node",
                "time",
                "large nodefix",
                "empty nodefix",
                _FLAT,
            ),
            Row("converged run / hand fix", "time", "large nodefix", "large hand", _TIMES["busy"]),
            Row("Ansible play / converged run", "time", "large play", "large nodefix"),
            Row("peak memory, converged run", "own", "large nodefix", "large hand", _MEMORY),
        ),
    ),
)


_LISTS = {"time": "seconds", "cpu": "cpu_seconds"}
_UNITS = {"time": "ms", "cpu": "ms", "own": "MiB", "child": "MiB", "programs": ""}


_KEYS = {**_LISTS, "programs": "processes", "own": "own_kib", "child": "child_kib"}


def lacking(figures: Figures) -> list[str]:
    """What a whole table needs and was not measured."""
    needed = {
        (case, _KEYS[row.figure])
        for _, rows in SECTIONS
        for row in rows
        for case in (row.left, row.right)
    }
    return sorted(f"{case}: {key}" for case, key in needed if not figures.get(case, {}).get(key))


def _value(figures: Figures, name: str, figure: str) -> float:
    case = figures[name]
    if figure in _LISTS:
        return 1000 * float(statistics.median(case[_KEYS[figure]]))
    if figure == "programs":
        # Without the command itself.
        return float(case[_KEYS[figure]]) - 1
    return float(case[_KEYS[figure]]) / 1024


def _shown(value: float, figure: str) -> str:
    digits = 1 if figure != "programs" and value < 100 else 0
    return f"{value:,.{digits}f} {_UNITS[figure]}".rstrip()


def figure(shown: str) -> float:
    """What a cell says, without its unit."""
    return float(shown.split()[0].replace(",", ""))


def _cells(row: Row, figures: Figures) -> tuple[str, ...]:
    left = _value(figures, row.left, row.figure)
    right = _value(figures, row.right, row.figure)
    shown = (_shown(left, row.figure), _shown(right, row.figure))
    ratio = f"{left / right if right else float('nan'):.2f}"
    if not row.target:
        return (row.what, *shown, ratio, "", "")
    # By what the reader sees.
    met = row.target.met(figure(shown[0] if row.target.unit else ratio))
    return (row.what, *shown, ratio, str(row.target), "yes" if met else "NO")


HEAD = ("what", "measured", "against", "ratio", "target", "met")


def table(figures: Figures) -> str:
    """The whole table as text."""
    lines = [_line(("", *HEAD[1:]))]
    for title, rows in SECTIONS:
        lines += [title, *(_line(_cells(row, figures)) for row in rows)]
    return "\n".join((*lines, _note(figures)))


def _line(cells: tuple[str, ...]) -> str:
    what, left, right, ratio, target, met = cells
    return f"  {what:<43}{left:>11}{right:>11}{ratio:>8}   {target:<20}{met}".rstrip()


def _note(figures: Figures) -> str:
    runs = [len(case["seconds"]) for case in figures.values()]
    return (
        f"Times are medians, of {min(runs)} to {max(runs)} runs. Memory is the peak resident size"
        " of one process."
    )


class Place(NamedTuple):
    """Where it was measured.

    Attributes:
        processors: that the bench may use.
        load: the machine's mean load in the minute before.
        systemd: the node's version of it.
    """

    processors: int
    load: float
    systemd: str

    @property
    def busy(self) -> str:
        """That the machine had other work to do; empty if it had not."""
        if self.load <= self.processors / 2:
            return ""
        return (
            f"This machine was busy (load {self.load:.1f}, {self.processors} processors):"
            " measure again when it is not."
        )


def page(figures: Figures, place: Place) -> str:
    """The comparisons that have a target, in Markdown."""
    rows = [
        (f"{title}: {what}", *cells)
        for title, of_title in SECTIONS
        for what, *cells in (_cells(row, figures) for row in of_title if row.target)
    ]
    met = sum(row[-1] == "yes" for row in rows)
    python = _shown(_value(figures, "empty python", "time"), "time")
    where = (
        f"{met} of {len(rows)} targets are met. Measured on a machine with {place.processors}"
        f" processors, on which `python3 -c pass` takes {python}, in a node with systemd"
        f" {place.systemd}. {_note(figures)} {place.busy}"
    )
    return f"{marked.table(HEAD, rows, HEAD[1:4])}\n{where.rstrip()}\n"
