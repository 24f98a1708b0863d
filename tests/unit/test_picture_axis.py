"""nodefix/picture/axis.py and lengths.py: moments on a line."""

from __future__ import annotations

from itertools import pairwise

import pytest

from nodefix.picture.axis import CUT, Axis
from nodefix.picture.lengths import length, moment

LEFT, RIGHT = 100.0, 1100.0
DAY = 86400.0


@pytest.mark.parametrize(
    ("end", "events", "cuts"),
    [
        (1.0, [], 0),
        # Pauses of ten seconds between tries belong to the picture.
        (60.0, [1.0, 11.0, 21.0, 31.0, 41.0, 51.0], 0),
        (3 * DAY, [1.0, 2.0, 3 * DAY - 2], 1),
        (90 * DAY, [1.0, 30 * DAY, 30 * DAY + 5, 60 * DAY], 3),
        (1e9, [10.0**power for power in range(9)], 6),
        (0.0, [], 0),
    ],
)
def test_moments_keep_their_order_and_stay_between_the_margins(
    end: float, events: list[float], cuts: int
) -> None:
    axis = Axis(0.0, end, LEFT, RIGHT, events)
    found = [axis.x(one) for one in sorted([0.0, *events, end])]
    assert found == sorted(found)
    assert (found[0], round(found[-1], 6)) == (LEFT, RIGHT) or not end
    assert all(LEFT <= one <= RIGHT + 1e-6 for one in found)
    assert (axis.x(-1.0), axis.x(1e12)) == (LEFT, pytest.approx(RIGHT))
    parts = [one for one in axis.segments if one.is_cut]
    assert len(parts) == cuts
    assert all(one.right - one.left == pytest.approx(CUT) for one in parts)
    for before, after in pairwise(axis.segments):
        assert (before.end, before.right) == (after.begin, after.left)
    # What happens is never in a cut.
    assert not [one for part in parts for one in events if part.begin < one < part.end]


@pytest.mark.parametrize("end", [0.02, 0.3, 1.1, 7.0, 60.0, 300.0, 4000.0, 1e5, 1e7])
def test_ticks_are_round_and_have_room(end: float) -> None:
    ticks = Axis(0.0, end, LEFT, RIGHT, [end * part / 9 for part in range(9)]).ticks()
    assert 2 <= len(ticks) <= 14
    assert all(after.x - before.x > 70 for before, after in pairwise(ticks))


def test_what_takes_long_is_not_cut_out() -> None:
    """A boot that waited for a disk, for example."""
    found = Axis(0.0, 200.0, LEFT, RIGHT, [5.0, 95.0], [(5.0, 95.0)]).segments
    assert [(round(one.begin), round(one.end)) for one in found if one.is_cut] == [(98, 197)]


def test_without_a_cut_it_is_linear() -> None:
    axis = Axis(0.0, 10.0, LEFT, RIGHT, [])
    assert [axis.x(one) for one in (0.0, 2.5, 10.0)] == pytest.approx([100.0, 350.0, 1100.0])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"),
        (0.0042, "4 ms"),
        (0.12, "0.12 s"),
        (12.34, "12.3 s"),
        (75.0, "1 min 15 s"),
        (3 * DAY + 7200, "3 d 2 h"),
    ],
)
def test_lengths(seconds: float, words: str) -> None:
    assert length(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "step", "words"),
    [
        (0.4, 0.2, "0.4 s"),
        (0.05, 0.05, "0.05 s"),
        (30.0, 10.0, "30 s"),
        (90.0, 30.0, "1 min 30 s"),
        (7200.0, 3600.0, "2 h"),
        (2 * DAY, DAY, "2 d"),
        (1e6, 10.0, "277:46:40"),
        (300_000.0, 60.0, "83 h 20 min"),
        (300_000.0, 7200.0, "3 d 11 h"),
        (0.004, 0.002, "0.004 s"),
    ],
)
def test_moments(seconds: float, step: float, words: str) -> None:
    assert moment(seconds, step) == words
