"""A time axis of a given width, on which long times without an event are cut out."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

# A time without an event is cut out if it is this part of all that is left, and so many seconds.
_PART, _SECONDS, _MOST = 0.2, 30.0, 6
# Pixels of a cut, and between two ticks at the least.
CUT, _TICK = 56.0, 76.0
_STEPS = (1, 2, 5)
_LONG_STEPS = (
    *(15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200),
    *(86400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)


class Segment(NamedTuple):
    """A part of an axis, in seconds and in pixels."""

    begin: float
    end: float
    left: float
    right: float
    is_cut: bool = False


class Tick(NamedTuple):
    """A moment that is named."""

    seconds: float
    x: float


class Axis:
    """Seconds to pixels.

    Args:
        begin, end: in seconds.
        left, right: the same in pixels.
        events: when something happens; times without are cut out.
        busy: from when to when something is at work, which is never cut out.
    """

    def __init__(
        self,
        begin: float,
        end: float,
        left: float,
        right: float,
        events: Iterable[float],
        busy: Sequence[tuple[float, float]] = (),
    ) -> None:
        end = max(end, begin + 0.001)
        inside = sorted({begin, end, *(one for one in events if begin < one < end)})
        cuts = _cuts(inside, busy)
        kept = end - begin - sum(until - since for since, until in cuts)
        scale = (right - left - CUT * len(cuts)) / kept
        self.segments: list[Segment] = []
        at, x = begin, left
        for since, until in (*cuts, (end, end)):
            if since > at:
                self.segments.append(Segment(at, since, x, x := x + (since - at) * scale))
            if until > since:
                self.segments.append(Segment(since, until, x, x := x + CUT, True))
            at = until
        self._begins = [one.begin for one in self.segments]
        self.step = _step(_TICK / scale)

    def x(self, seconds: float) -> float:
        """Where a moment lies; one outside lies at the end that it is nearer to."""
        one = self.segments[max(bisect.bisect_right(self._begins, seconds) - 1, 0)]
        part = (seconds - one.begin) / (one.end - one.begin)
        return one.left + min(max(part, 0.0), 1.0) * (one.right - one.left)

    def ticks(self) -> list[Tick]:
        """The moments that are named: multiples of the step, outside of cuts."""
        found = []
        for one in self.segments:
            if one.is_cut:
                continue
            first = math.ceil(one.begin / self.step - 1e-9)
            for number in range(first, math.floor(one.end / self.step + 1e-9) + 1):
                found.append(Tick(number * self.step, self.x(number * self.step)))
        return found


def _cuts(moments: list[float], busy: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The times to cut out, in their order; a bit of each is left at both of its ends."""
    idle = (
        (since, until)
        for since, until in pairwise(moments)
        if not any(begin <= since and until <= end for begin, end in busy)
    )
    gaps = sorted(idle, key=lambda gap: gap[0] - gap[1])
    left = moments[-1] - moments[0]
    found = []
    for since, until in gaps[:_MOST]:
        gap = until - since
        if gap < _SECONDS or gap < _PART * left:
            break
        left -= gap
        found.append((since, until))
    # What stays seen on both sides of a cut.
    margin = min(0.03 * max(left, 1.0), _SECONDS / 10)
    return sorted((since + margin, until - margin) for since, until in found)


def _step(least: float) -> float:
    """The smallest round step of at least so many seconds."""
    for power in range(-3, 2):
        for one in _STEPS:
            if (step := one * 10.0**power) >= least and step <= 10:
                return step
    return next((float(step) for step in _LONG_STEPS if step >= least), float(_LONG_STEPS[-1]))
