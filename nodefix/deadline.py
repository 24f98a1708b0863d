"""Points in time by which something must have happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from nodefix.errors import NO_ROOM, DeadlineError, NodefixError

_T = TypeVar("_T")


class Deadline:
    """A point on the monotonic clock.

    Args:
        what: what has to be done by then, for the message.
        seconds: from now on.
        hint: what to look at once it has passed.
    """

    def __init__(
        self, what: str, seconds: float, hint: str = "journalctl -b -p warning -n 50"
    ) -> None:
        self.what = what
        self.hint = hint
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() >= self._end

    def left(self, at_most: float) -> float:
        """Seconds that an action may take: what is left, but `at_most` seconds.

        Raises:
            DeadlineError: nothing is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineError(
                f"{self.what} took longer than the {self.seconds:g} seconds that it may take",
                self.hint,
            )
        return min(left, at_most)


def within(seconds: float, action: Callable[[], _T]) -> _T:
    """Run what has no timeout of its own in a thread, which is left behind if it hangs.

    Raises:
        DeadlineError: it did not end in time.
        NodefixError: no thread can be started.
        Exception: what the action raises.
    """
    outcome: list[_T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(action())
        except BaseException as error:
            failure.append(error)

    # Here: most runs need no thread.
    import threading

    thread = threading.Thread(target=work, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise NodefixError(str(error), NO_ROOM) from error
    thread.join(seconds)
    if outcome:
        return outcome[0]
    if failure:
        raise failure[0]
    raise DeadlineError(f"no answer within {seconds:g} seconds")


def expect_threads(count: int) -> None:
    """See that so many threads can be had at once, for libraries that end the process otherwise.

    Raises:
        NodefixError: they cannot.
    """
    import threading

    end = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=end.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError as error:
        raise NodefixError(str(error), NO_ROOM) from error
    finally:
        end.set()
        for thread in started:
            thread.join()
