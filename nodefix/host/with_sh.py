"""Start a program with sh, as programs.py does it for all that changes something."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from io import FileIO

from nodefix.host.outlet import Outlet
from nodefix.host.processes import kill_all
from nodefix.host.program import not_started, quoted
from nodefix.host.spawn import MARK
from nodefix.host.stand_ins import OF_SH, stand_ins

with stand_ins(*OF_SH):
    import sh

# sh raises for every status that is not listed; statuses are for the caller to weigh.
# Negative ones are signals.
_ANY_STATUS = tuple(range(-64, 256))

# How long a killed program may take to disappear.
_KILL_SECONDS = 2.0


class Started:
    """A program that sh has started, and waits for."""

    def __init__(self, running: sh.RunningCommand) -> None:
        self.pid: int = running.pid
        self._running = running

    def status(self) -> int:
        """Its exit status once it has ended; the negative signal number if a signal ended it."""
        try:
            self._running.wait()
        except RuntimeError:
            # No thread for sh's timer; the program has been waited for before that.
            if self._running.process.exit_code is None:
                raise
        status = self._running.process.exit_code
        assert isinstance(status, int)
        return status


def start(
    argv: tuple[str, ...],
    source: FileIO,
    out: Outlet,
    err: Outlet,
    environment: dict[str, str],
) -> Started:
    """Start a program in a session of its own, in `/`, with nothing open but these three.

    Raises:
        CommandError: sh could not.
    """
    try:
        running = sh.Command(argv[0])(
            *argv[1:],
            _in=source,
            _out=out.theirs,
            _err=err.theirs,
            _env=environment,
            _cwd="/",
            _bg=True,
            _bg_exc=False,
            # A session of its own, so that a kill reaches the program's children.
            _new_session=True,
            # All of ours are close-on-exec (PEP 446, GLib too); sh's own sweep is slow.
            _close_fds=False,
            _ok_code=_ANY_STATUS,
        )
    except sh.ForkException as error:
        # The last line of the child's traceback has the kernel's words.
        words = (str(error).strip().splitlines() or [repr(error)])[-1].strip()
        number = re.search(r"\[Errno (\d+)\]", words)
        raise not_started(quoted(argv), argv[0], int(number[1]) if number else 0, words) from error
    except sh.CommandNotFound as error:
        raise not_started(
            quoted(argv), argv[0], errno.EACCES, "sh finds no program there"
        ) from error
    except RuntimeError as error:
        # sh starts its threads after the program, which nobody would wait for.
        _kill_unknown(f"{MARK}={environment[MARK]}")
        raise not_started(quoted(argv), argv[0], errno.EAGAIN, str(error)) from error
    return Started(running)


def _kill_unknown(mark: str) -> None:
    """Kill the program that sh started and then knew nothing of, and wait for it."""
    kill_all(mark.encode(), _KILL_SECONDS)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
