"""What a program prints, read while it runs and kept up to a cap."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Sequence

# At most this is read at once, and wanted as the pipe's size: nft prints megabytes. The kernel
# gives less to those who may not have so much.
_PIECE = 1 << 20
_F_SETPIPE_SZ = 1031


class Outlet:
    """One stream of a program: a pipe whose content beyond the cap is read and dropped.

    The program is never stopped for what it prints, and what it prints never fills memory.

    Args:
        cap: bytes that are kept.
        large: whether the program may well print megabytes.

    Attributes:
        ours: the descriptor that is read.
        theirs: the one that the program gets.
        overflowed: whether more was printed than is kept.

    Raises:
        OSError: there are no descriptors left.
    """

    def __init__(self, cap: int, large: bool = False) -> None:
        self.cap = cap
        self.ours, self.theirs = os.pipe()
        os.set_blocking(self.ours, False)
        self._kept = bytearray()
        self.overflowed = False
        if large:
            import fcntl

            with contextlib.suppress(OSError):
                fcntl.fcntl(self.theirs, _F_SETPIPE_SZ, _PIECE)

    @property
    def content(self) -> bytes:
        """What was printed, up to the cap."""
        return bytes(self._kept)

    def take(self) -> bool:
        """Read what is there, once; False where there is nothing now, or nothing any more."""
        try:
            piece = os.read(self.ours, _PIECE)
        except BlockingIOError:
            return False
        room = self.cap - len(self._kept)
        self._kept += piece[:room]
        self.overflowed = self.overflowed or len(piece) > room
        return bool(piece)

    def drain(self) -> None:
        """Read what is left; no more than the cap, since somebody else may go on printing."""
        while not self.overflowed and self.take():
            pass

    def handed_over(self) -> None:
        """Close the end that the program has got."""
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def close(self) -> None:
        """Close both ends."""
        self.handed_over()
        os.close(self.ours)


def expect_pipes(count: int) -> None:
    """See that so many can be had at once, for libraries that end the process otherwise.

    Raises:
        OSError: they cannot.
    """
    ends: list[int] = []
    try:
        for _ in range(count):
            ends += os.pipe()
    finally:
        for end in ends:
            os.close(end)


def collect(outlets: Sequence[Outlet], process: int, seconds: float) -> bool:
    """Take what a program prints until it ends; not its children, who may keep the pipes open.

    Args:
        outlets: its streams.
        process: a descriptor of it (pidfd_open(2)).
        seconds: how long to wait.

    Returns:
        Whether it ended in time.
    """
    poller = select.poll()
    poller.register(process, select.POLLIN)
    by_number = {outlet.ours: outlet for outlet in outlets}
    for number in by_number:
        poller.register(number, select.POLLIN)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ready = [number for number, _ in poller.poll(left * 1000)]
        for number in ready:
            if number != process and not by_number[number].take():
                poller.unregister(number)
        if process in ready:
            for outlet in outlets:
                outlet.drain()
            return True
    return False
