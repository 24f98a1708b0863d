"""Start a program that only reads, at the least cost.

sh starts a thread or two for each program and has Python run in the child, which costs ten times as
much as posix_spawn(3) does. See programs.py for which of the two starts what.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from io import FileIO

from nodefix.host.outlet import Outlet

# Python ignores these, and what is ignored stays so in the program.
_PLAIN = (signal.SIGPIPE, signal.SIGXFSZ)


class Spawned:
    """A program that was started; nobody else waits for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def status(self) -> int:
        """Its exit status once it has ended; the negative signal number if a signal ended it."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def start(
    argv: tuple[str, ...],
    source: FileIO,
    out: Outlet,
    err: Outlet,
    environment: dict[str, str],
) -> Spawned:
    """Start a program in a session of its own, in `/`, with nothing open but these three.

    Raises:
        OSError: the kernel does not start it; says why.
        ValueError: an argument has a NUL in it.
    """
    streams = (source.fileno(), out.theirs, err.theirs)
    actions = [(os.POSIX_SPAWN_DUP2, ours, number) for number, ours in enumerate(streams)]
    with _in_root():
        pid = os.posix_spawn(
            argv[0],
            argv,
            environment,
            file_actions=actions,
            # So that a kill reaches the program's children.
            setsid=True,
            setsigmask=(),
            setsigdef=_PLAIN,
        )
    return Spawned(pid)


@contextlib.contextmanager
def _in_root() -> Iterator[None]:
    """What posix_spawn(3) starts is where this process is, which nothing else here depends on."""
    try:
        here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # An ordinary user in root's home, by sudo -u for example: nobody could come back here.
        here = -1
    try:
        if here >= 0:
            os.chdir("/")
        yield
    finally:
        if here >= 0:
            # A folder that may no longer be entered is no loss.
            with contextlib.suppress(OSError):
                os.fchdir(here)
            os.close(here)
