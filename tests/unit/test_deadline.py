"""nodefix/deadline.py: points in time by which something must have happened."""

from __future__ import annotations

import pytest

from nodefix.deadline import Deadline
from nodefix.errors import DeadlineError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_an_action_gets_what_is_left_but_no_more_than_it_asks_for(clock: list[float]) -> None:
    deadline = Deadline("stage swap", 90)
    assert deadline.left(10) == 10
    clock[0] += 85
    assert deadline.left(10) == 5


def test_nothing_left(clock: list[float]) -> None:
    deadline = Deadline("stage swap", 90)
    clock[0] += 90
    with pytest.raises(DeadlineError, match="stage swap took longer than the 90 seconds"):
        deadline.left(10)
