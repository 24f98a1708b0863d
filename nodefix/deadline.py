"""Points in time by which something must have happened."""

from __future__ import annotations

import time

from nodefix.errors import DeadlineError


class Deadline:
    """A point on the monotonic clock.

    Args:
        what: what has to be done by then, for the message.
        seconds: from now on.
    """

    def __init__(self, what: str, seconds: float) -> None:
        self.what = what
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, at_most: float) -> float:
        """Seconds that an action may take: what is left, but `at_most` seconds.

        Raises:
            DeadlineError: nothing is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineError(
                f"{self.what} took longer than the {self.seconds:g} seconds that it may take",
                "see `journalctl -b -p warning` for what holds the node up",
            )
        return min(left, at_most)
