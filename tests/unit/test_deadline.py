"""nodefix/deadline.py: points in time by which something must have happened."""

from __future__ import annotations

import threading
import time

import pytest

from nodefix.deadline import Deadline, within
from nodefix.errors import DeadlineError, NodefixError


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


def test_within_hands_over_what_comes_of_it() -> None:
    assert within(5, lambda: 7) == 7
    assert within(5, lambda: None) is None
    with pytest.raises(KeyError, match="x"):
        within(5, lambda: {}["x"])


def test_what_hangs_is_left_behind() -> None:
    answer = threading.Event()
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match=r"no answer within 0\.05 seconds"):
        within(0.05, lambda: answer.wait(5))
    assert time.monotonic() - begun < 1
    answer.set()


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(NodefixError, match="can't start new thread") as caught:
        within(1, lambda: 7)
    assert caught.value.hint.startswith("free -m; ")
