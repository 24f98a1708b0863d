"""The beginning of a boot, until nodefix: its phases, and the units that nodefix waited for."""

from __future__ import annotations

from collections.abc import Sequence

from nodefix.picture.bars import Clock
from nodefix.picture.lengths import length
from nodefix.picture.model import BEFORE, Row, Span
from nodefix.picture.reading import Material
from nodefix.picture.tries import Try, tries

# Rows of units, and of a unit seconds that count.
_MOST, _SECONDS = 10, 0.005


def phases(found: Material, clock: Clock, until: float) -> list[Row]:
    """The kernel, the initrd, and the time from there until nodefix.

    Args:
        found: what was read.
        clock: of this boot.
        until: when nodefix began, or would have; as seconds since the boot began.
    """
    times = found.times
    if times is None:
        return []
    begins = [("kernel", 0.0)] if times.is_machine else []
    if times.initrd:
        begins.append(("initrd", clock.since(times.initrd)))
    begins.append(("systemd", clock.since(times.userspace)))
    ends = [begin for _, begin in begins[1:]] + [until]
    return [
        Row(name, (_span(name, begin, end),))
        for (name, begin), end in zip(begins, ends, strict=True)
        if end > begin
    ]


def units(found: Material, clock: Clock, until: float) -> tuple[list[Row], str]:
    """The units that took longest, in the order in which they began; and which are not shown."""
    entries = [entry for entry in found.before if clock.since(entry.monotonic) <= until]
    names = dict.fromkeys(entry.fields.get("UNIT", "") for entry in entries)
    waited = [name for name in names if name and (found.waited is None or name in found.waited)]
    by_unit: dict[str, Sequence[Try]] = {name: tries(name, entries) for name in waited}
    rows = []
    for name, starts in by_unit.items():
        spans = tuple(
            _span(name, clock.since(one.begin), _ready(one, clock, until)) for one in starts
        )
        if sum(span.end - span.begin for span in spans) >= _SECONDS:
            rows.append(Row(name, spans))
    longest = sorted(rows, key=_taken, reverse=True)[:_MOST]
    shown = sorted(longest, key=lambda row: row.spans[0].begin)
    left = len(waited) - len(shown)
    if not left:
        return shown, ""
    most = max([_SECONDS, *(_taken(row) for row in rows if row not in longest)])
    are = "units are" if left > 1 else "unit is"
    return shown, f"{left} more {are} not shown before nodefix: none took more than {length(most)}"


def _ready(one: Try, clock: Clock, until: float) -> float:
    end = one.end if one.up is None else one.up
    return until if end is None else clock.since(end)


def _taken(row: Row) -> float:
    return sum(span.end - span.begin for span in row.spans)


def _span(name: str, begin: float, end: float) -> Span:
    took = length(end - begin)
    words = f"{name}: {took}, from {length(begin)} to {length(end)} after the boot began"
    return Span(begin, end, BEFORE, took, words)
