"""Handing something to a receiver that may no longer take anything, without waiting for it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator

# What a pipe or a socket that poll(2) calls writable takes at once (PIPE_BUF), and what a terminal
# is given.
_PIECE, _TERMINAL_PIECE = 4096, 512
_AGAIN_SECONDS = 0.1
# Characters of a status.
_STATUS = 2000


@contextlib.contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Make system calls of a C library end with EINTR, an InterruptedError, if they block.

    For sendmsg(2) in libsystemd, which has no timeout. In the main thread only.
    """
    # A handler that does nothing: its being there makes the kernel interrupt. Python's own calls
    # are begun again by Python (PEP 475). Again and again, since the first may come too early.
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)


def write(descriptor: int, content: bytes, seconds: float) -> None:
    """Write to a terminal, pipe or socket that somebody may have stopped to read.

    Raises:
        TimeoutError: not all of it was taken within `seconds`.
        OSError: it is closed.
    """
    piece = _TERMINAL_PIECE if os.isatty(descriptor) else _PIECE
    poller = select.poll()
    poller.register(descriptor, select.POLLOUT)
    end = time.monotonic() + seconds
    while content:
        left = max(end - time.monotonic(), 0)
        if not poller.poll(left * 1000):
            raise TimeoutError(f"it was not read within {seconds:g} seconds")
        content = content[os.write(descriptor, content[:piece]) :]


def notify_status(text: str) -> None:
    """Show a line as Status: in `systemctl status` (sd_notify(3)); nothing outside a unit.

    Args:
        text: the outcome and its remedy; what is more than one short line is cut.
    """
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    from nodefix.text import bounded

    line = "; ".join(line.strip() for line in bounded(text, _STATUS).split("\n"))
    # systemd takes the message apart as a list of words, in which a backslash escapes.
    line = line.replace("\\", "\\\\")
    # Without python3-systemd, or without a systemd that reads, only the line is missing.
    with contextlib.suppress(Exception), interrupted_after(1.0):
        # The part of systemd.daemon in C, without what the rest imports.
        from systemd import _daemon

        _daemon.notify(f"STATUS={line}")
