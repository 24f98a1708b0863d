"""The one place that runs other programs. No shell, a fixed environment, always a deadline."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Callable, Sequence
from io import FileIO
from typing import Protocol, TypeAlias, TypeVar, TypeVarTuple, Unpack

from nodefix.deadline import Deadline, within
from nodefix.errors import CommandError, DeadlineError, NodefixError
from nodefix.host import lean
from nodefix.host.outlet import Outlet, collect
from nodefix.host.program import Call, Outcome, Result, check, not_started, quoted
from nodefix.host.spawn import ENVIRONMENT, MARK
from nodefix.text import shortened, told

__all__ = ["ENVIRONMENT", "MARK", "Call", "Outcome", "Programs", "Result", "expected", "quoted"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

# Bytes that a program may print. nft names 100,000 chains, those of 20,000 services, in 4 MB, as
# JSON in 10 MB; nobody reads more than the beginning of what a program complains of.
STDOUT_CAP = 32 << 20
STDERR_CAP = 64 << 10

# How long a killed program may take to disappear (one in uninterruptible sleep does not).
_KILL_SECONDS = 2.0
# Where several run at once the later ones are looked at, even if the earlier took all the time.
_LEAST_SECONDS = 0.05

_count = itertools.count(1)


class Running(Protocol):
    """A program that was started."""

    pid: int

    def status(self) -> int:
        """Its exit status once it has ended; the negative signal number if a signal ended it."""


# Starts a program with these streams and this environment; raises OSError or CommandError.
Start: TypeAlias = Callable[
    [tuple[str, ...], FileIO, Outlet, Outlet, dict[str, str]],
    Running,
]


class Programs:
    """Runs programs; `deadline` is the running stage's and bounds every one of them.

    What may change something is started by sh, what only reads by lean.py, which takes a tenth of
    the time and is all that most boots need. Both keep to the same rules, and to the same tests.
    """

    def __init__(self) -> None:
        self.deadline: Deadline | None = None

    def run(self, *argv: str, stdin: bytes = b"", timeout: float = 10.0) -> Result:
        """Run a program that may change something to its end and return what it left.

        Args:
            argv: an absolute path and the arguments.
            stdin: what the program reads.
            timeout: seconds; less if the stage has less left.

        Raises:
            CommandError: the program is not there or cannot be started, or printed too much.
            DeadlineError: it did not end in time and was killed with all that it started.
        """
        from nodefix.host import with_sh

        return _ended(_begun(Call(argv, stdin, timeout), with_sh.start, self.deadline))

    def read(self, *argv: str, stdin: bytes = b"", timeout: float = 10.0) -> Result:
        """The same for a program that only reads."""
        return _ended(_begun(Call(argv, stdin, timeout), lean.start, self.deadline))

    def read_all(self, calls: Sequence[Call]) -> list[Outcome]:
        """Run programs that only read, all at the same time.

        Returns:
            What came of each, in the order of the calls.
        """
        begun: list[_Begun | NodefixError] = []
        try:
            for call in calls:
                begun.append(_tried(_begun, call, lean.start, self.deadline))
            return [one if isinstance(one, NodefixError) else _tried(_ended, one) for one in begun]
        except BaseException:
            # Nobody would read what they print, nor wait for them.
            for one in begun:
                if isinstance(one, _Begun):
                    one.abandon()
            raise


def expected(outcome: Outcome) -> Result:
    """What a program left; raises why there is nothing."""
    if isinstance(outcome, NodefixError):
        raise outcome
    return outcome


class _Begun:
    """A program that is running.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, call: Call, start: Start, seconds: float) -> None:
        self.argv = call.argv
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._mark = f"{os.getpid()}.{next(_count)}"
        self._is_over = False
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(_memory_file(call.stdin))
            self._out = stack.enter_context(contextlib.closing(Outlet(STDOUT_CAP, large=True)))
            self._err = stack.enter_context(contextlib.closing(Outlet(STDERR_CAP)))
            environment = {MARK: self._mark, **ENVIRONMENT}
            self._running = start(call.argv, source, self._out, self._err, environment)
            self._out.handed_over()
            self._err.handed_over()
            self._open = stack.pop_all()

    def result(self) -> Result:
        """Wait for its end."""
        try:
            left = max(self._end - time.monotonic(), _LEAST_SECONDS)
            ended = _has_ended(self._running.pid, (self._out, self._err), left)
        except BaseException:
            self.abandon()
            raise
        with self._open:
            self._is_over = True
            if not ended:
                raise self._killed()
            status = self._running.status()
            for name, outlet in (("stdout", self._out), ("stderr", self._err)):
                if outlet.overflowed:
                    raise _too_much(self.argv, name, outlet)
            return Result(self.argv, status, self._out.content, self._err.content)

    def abandon(self) -> None:
        """Kill it with all that it started, unless it has been waited for."""
        if not self._is_over:
            self._is_over = True
            with self._open:
                _kill(self._running.pid, self._mark)

    def _killed(self) -> DeadlineError:
        """Kill it with all that it started, and say what came of it."""
        left = _kill(self._running.pid, self._mark)
        if not left:
            self._running.status()
        said = told(self._err.content)
        return DeadlineError(
            f"`{shortened(quoted(self.argv))}` did not end within {self._seconds:.3g} seconds and"
            " was killed"
            + (f", which did not end {', '.join(map(str, left))}" if left else "")
            + (f"; it said: {said}" if said else ""),
            f"ps -o pid,stat,wchan:32,args -p {','.join(map(str, left))}"
            if left
            else "journalctl -b -k -n 30; uptime",
        )


def _begun(call: Call, start: Start, deadline: Deadline | None) -> _Begun:
    check(call.argv[0])
    seconds = deadline.left(call.timeout) if deadline else call.timeout
    try:
        return _Begun(call, start, seconds)
    except OSError as error:
        raise _not_started(call.argv, error.errno, error.strerror or str(error)) from error
    except ValueError as error:
        raise _not_started(call.argv, errno.EINVAL, f"ValueError: {error}") from error


def _ended(begun: _Begun) -> Result:
    try:
        return begun.result()
    except OSError as error:
        raise _not_started(begun.argv, error.errno, error.strerror or str(error)) from error


def _not_started(argv: tuple[str, ...], number: int | None, words: str) -> CommandError:
    return not_started(quoted(argv), argv[0], number or 0, words)


def _tried(action: Callable[[Unpack[_Ts]], _T], *arguments: *_Ts) -> _T | NodefixError:
    """What the action gives, or why it gives nothing."""
    try:
        return action(*arguments)
    except NodefixError as error:
        return error


def _too_much(argv: tuple[str, ...], name: str, outlet: Outlet) -> CommandError:
    return CommandError(
        f"`{shortened(quoted(argv))}` printed more than {outlet.cap} bytes on {name},"
        f" expected less; it begins: {told(outlet.content[:200], 1000)}",
        f"{quoted(argv)} </dev/null 2>&1 | head -n 50",
    )


def _kill(pid: int, mark: str) -> list[int]:
    """Kill what has the mark, and `pid`; what is left, `pid` itself if that cannot be told."""
    from nodefix.host.processes import kill_all

    def work() -> list[int]:
        return kill_all(f"{MARK}={mark}".encode(), _KILL_SECONDS, pid)

    try:
        # Looking at a process can wait for its memory, so this has an end of its own.
        return within(_KILL_SECONDS + 1, work)
    except DeadlineError:
        return [pid]
    except NodefixError:
        return work()


def _has_ended(pid: int, outlets: tuple[Outlet, ...], seconds: float) -> bool:
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


def _memory_file(content: bytes) -> FileIO:
    """An anonymous file that holds `content` and stands at its beginning."""
    file = os.fdopen(os.memfd_create("nodefix"), "w+b", buffering=0)
    if content:
        file.write(content)
        file.seek(0)
    return file
