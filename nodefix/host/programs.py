"""The one place that runs other programs. No shell, a fixed environment, always a deadline."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shlex
import sys
from io import FileIO
from typing import NamedTuple

from nodefix.deadline import Deadline, within
from nodefix.errors import CommandError, DeadlineError, NodefixError
from nodefix.host.outlet import Outlet, collect
from nodefix.host.processes import kill_all
from nodefix.host.program import check, not_started
from nodefix.host.spawn import ENVIRONMENT
from nodefix.text import shortened, telling, told

# sh imports asyncio, and that ssl if there is one. nodefix opens no connection: without ssl each
# run starts 8 ms earlier and each child is forked from 3 MiB less.
_ssl = sys.modules.get("ssl")
sys.modules["ssl"] = None  # type: ignore[assignment]
try:
    import sh
finally:
    if _ssl is None:
        del sys.modules["ssl"]
    else:
        sys.modules["ssl"] = _ssl

# In the environment of each program, and so of all that it starts: by this they are found.
MARK = "NODEFIX_COMMAND"

# Bytes that a program may print. nft names 100,000 chains, those of 20,000 services, in 4 MB, as
# JSON in 10 MB; nobody reads more than the beginning of what a program complains of.
STDOUT_CAP = 32 << 20
STDERR_CAP = 64 << 10

# sh raises for every status that is not listed; statuses are for the caller to weigh.
# Negative ones are signals.
_ANY_STATUS = tuple(range(-64, 256))

# How long a killed program may take to disappear (one in uninterruptible sleep does not).
_KILL_SECONDS = 2.0

_count = itertools.count(1)


class Result(NamedTuple):
    """What a program left behind.

    Attributes:
        argv: as it was run.
        status: exit status; the negative signal number if a signal ended it.
        stdout: undecoded, since a tool's output is input like any other.
        stderr: likewise.
    """

    argv: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def words(self) -> str:
        """The tool's own explanation on one short line: its stderr, else its stdout or status."""
        return told(self.stderr) or told(self.stdout) or self._silence

    @property
    def telling(self) -> str:
        """The one line of its words that tells what is wrong."""
        return telling(self.stderr) or telling(self.stdout) or self._silence

    @property
    def _silence(self) -> str:
        return f"exit status {self.status}, no output"


def quoted(argv: tuple[str, ...]) -> str:
    """The command as a person would type it."""
    return shlex.join(argv)


class Programs:
    """Runs programs; `deadline` is the running stage's and bounds every one of them."""

    def __init__(self) -> None:
        self.deadline: Deadline | None = None

    def run(self, *argv: str, stdin: bytes = b"", timeout: float = 10.0) -> Result:
        """Run a program to its end and return what it left, whatever its status.

        Args:
            argv: an absolute path and the arguments.
            stdin: what the program reads.
            timeout: seconds; less if the stage has less left.

        Raises:
            CommandError: the program is not there or cannot be started, or printed too much.
            DeadlineError: it did not end in time and was killed with all that it started.
        """
        check(argv[0])
        seconds = self.deadline.left(timeout) if self.deadline else timeout
        try:
            with contextlib.ExitStack() as stack:
                source = stack.enter_context(_memory_file(stdin))
                out = stack.enter_context(contextlib.closing(Outlet(STDOUT_CAP, large=True)))
                err = stack.enter_context(contextlib.closing(Outlet(STDERR_CAP)))
                return _run(argv, source, out, err, seconds)
        except OSError as error:
            raise not_started(
                quoted(argv), argv[0], error.errno or 0, error.strerror or str(error)
            ) from error


def _run(argv: tuple[str, ...], source: FileIO, out: Outlet, err: Outlet, seconds: float) -> Result:
    mark = f"{os.getpid()}.{next(_count)}"
    running = _start(argv, source, out, err, mark)
    try:
        out.handed_over()
        err.handed_over()
        ended = _ended(running.pid, (out, err), seconds)
    except BaseException:
        # Nobody would read what it prints, nor wait for it.
        _kill(running.pid, mark)
        raise
    if not ended:
        raise _killed(running, argv, mark, seconds, err)
    status = _status(running)
    for name, outlet in (("stdout", out), ("stderr", err)):
        if outlet.overflowed:
            raise CommandError(
                f"`{shortened(quoted(argv))}` printed more than {outlet.cap} bytes on {name},"
                f" expected less; it begins: {told(outlet.content[:200], 1000)}",
                f"{quoted(argv)} </dev/null 2>&1 | head -n 50",
            )
    return Result(argv, status, out.content, err.content)


def _start(
    argv: tuple[str, ...], source: FileIO, out: Outlet, err: Outlet, mark: str
) -> sh.RunningCommand:
    try:
        return sh.Command(argv[0])(
            *argv[1:],
            _in=source,
            _out=out.theirs,
            _err=err.theirs,
            _env={MARK: mark, **ENVIRONMENT},
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
    except ValueError as error:
        raise not_started(quoted(argv), argv[0], errno.EINVAL, str(error)) from error
    except RuntimeError as error:
        # sh starts its threads after the program, which nobody would wait for.
        _kill_unknown(mark)
        raise not_started(quoted(argv), argv[0], errno.EAGAIN, str(error)) from error


def _killed(
    running: sh.RunningCommand, argv: tuple[str, ...], mark: str, seconds: float, err: Outlet
) -> DeadlineError:
    """Kill a program with all that it started, and say what came of it."""
    left = _kill(running.pid, mark)
    if not left:
        _status(running)
    said = told(err.content)
    return DeadlineError(
        f"`{shortened(quoted(argv))}` did not end within {seconds:.3g} seconds and was killed"
        + (f", which did not end {', '.join(map(str, left))}" if left else "")
        + (f"; it said: {said}" if said else ""),
        f"ps -o pid,stat,wchan:32,args -p {','.join(map(str, left))}"
        if left
        else "journalctl -b -k -n 30; uptime",
    )


def _kill(pid: int, mark: str) -> list[int]:
    """Kill what has the mark, and `pid`; what is left, `pid` itself if that cannot be told."""

    def work() -> list[int]:
        return kill_all(f"{MARK}={mark}".encode(), _KILL_SECONDS, pid)

    try:
        # Looking at a process can wait for its memory, so this has an end of its own.
        return within(_KILL_SECONDS + 1, work)
    except DeadlineError:
        return [pid]
    except NodefixError:
        return work()


def _kill_unknown(mark: str) -> None:
    """Kill the program that sh started and then knew nothing of, and wait for it."""
    kill_all(f"{MARK}={mark}".encode(), _KILL_SECONDS)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _ended(pid: int, outlets: tuple[Outlet, ...], seconds: float) -> bool:
    """Wait for a process's end without polling: sh's own timeout wakes up ten times a second."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        for outlet in outlets:
            outlet.drain()
        return True
    try:
        return collect(outlets, handle, seconds)
    finally:
        os.close(handle)


def _status(running: sh.RunningCommand) -> int:
    try:
        running.wait()
    except RuntimeError:
        # No thread for sh's timer; the program has been waited for before that.
        if running.process.exit_code is None:
            raise
    status = running.process.exit_code
    assert status is not None
    return status


def _memory_file(content: bytes = b"") -> FileIO:
    """An anonymous file that holds `content` and stands at its beginning."""
    file = os.fdopen(os.memfd_create("nodefix"), "w+b", buffering=0)
    if content:
        file.write(content)
        file.seek(0)
    return file
