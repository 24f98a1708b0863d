"""One run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from nodefix.errors import NodefixError

LOCK = "run/nodefix/lock"

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def run_lock(root: Path, holder: str, seconds: float) -> Iterator[None]:
    """Hold the run lock; the kernel frees it however the process ends.

    Args:
        root: the node's root.
        holder: who asks, for those who wait meanwhile.
        seconds: how long to wait for another run.

    Raises:
        NodefixError: another run still holds it; says which.
    """
    path = root / LOCK
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        end = time.monotonic() + seconds
        while not _taken(descriptor):
            if time.monotonic() >= end:
                raise NodefixError(
                    f"waited {seconds:g} seconds for another run: {_holder(descriptor)}",
                    "journalctl -u nodefix -b",
                )
            time.sleep(_POLL_SECONDS)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} ({holder})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode("utf-8", "replace") or "an unknown process"
