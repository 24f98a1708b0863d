"""nodefix/host/aside.py: a child does it, after a pause, and nobody waits for it."""

from __future__ import annotations

import os
import time

import pytest

from nodefix.host.aside import leave_to_child

pytestmark = pytest.mark.real_commands


@pytest.fixture
def told() -> tuple[int, int]:
    """Both ends of a pipe."""
    return os.pipe()


def everything(told: tuple[int, int]) -> bytes:
    """All that a child writes until it has ended."""
    reading, writing = told
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        return stream.read()


def test_who_waited_for_the_parent_comes_first(
    told: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: os.write(told[1], b"paused, "))

    def tell() -> None:
        os.write(told[1], b"done")

    assert leave_to_child(tell)
    assert everything(told) == b"paused, done"
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0


def test_what_goes_wrong_ends_the_child_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)

    def fails() -> None:
        raise KeyError("a")

    assert leave_to_child(fails)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 1


def test_without_room_for_a_child_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    assert not leave_to_child(lambda: pytest.fail("it was done here"))
