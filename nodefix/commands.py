"""The one place that runs other programs. No shell, a fixed environment, always a deadline."""

from __future__ import annotations

import os
import select
import shlex
import sys
from io import FileIO
from typing import NamedTuple

from nodefix.deadline import Deadline
from nodefix.errors import CommandError, DeadlineError

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

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

# sh raises for every status that is not listed; statuses are for the caller to weigh.
# Negative ones are signals.
_ANY_STATUS = tuple(range(-64, 256))

# How long a killed program may take to disappear (one in uninterruptible sleep does not).
_KILL_SECONDS = 2.0


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
        """The tool's own explanation on one line: its stderr, else its stdout, else its status."""
        said = (self.stderr or self.stdout).decode("utf-8", "replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return "; ".join(lines) or f"exit status {self.status} without a word"


def quoted(argv: tuple[str, ...]) -> str:
    """The command as a person would type it."""
    return shlex.join(argv)


class Commands:
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
            CommandError: the program is not there.
            DeadlineError: it did not end in time and was killed with all its children.
        """
        if not os.access(argv[0], os.X_OK):
            raise CommandError(
                f"{argv[0]}: found no such program, expected it to be installed",
                f"dnf install {argv[0]}",
            )
        seconds = self.deadline.left(timeout) if self.deadline else timeout
        # Files instead of pipes: no reader threads, no decoding, and no hanging on a
        # grandchild that keeps a pipe open.
        with _memory_file(stdin) as source, _memory_file() as out, _memory_file() as err:
            running = _start(argv, source, out, err)
            if not _ended(running.pid, seconds):
                running.process.kill_group()
                if _ended(running.pid, _KILL_SECONDS):
                    running.wait()
                raise DeadlineError(
                    f"`{quoted(argv)}` did not end within {seconds:.3g} seconds and was killed",
                    f"run it by hand and see what it waits for: {quoted(argv)}",
                )
            running.wait()
            return Result(argv, int(running.exit_code), _content(out), _content(err))


def _start(argv: tuple[str, ...], source: FileIO, out: FileIO, err: FileIO) -> sh.RunningCommand:
    try:
        return sh.Command(argv[0])(
            *argv[1:],
            _in=source,
            _out=out,
            _err=err,
            _env=ENVIRONMENT,
            _cwd="/",
            _bg=True,
            _bg_exc=False,
            # A session of its own, so that a kill reaches the program's children.
            _new_session=True,
            # All of ours are close-on-exec (PEP 446, GLib too); sh's own sweep is slow.
            _close_fds=False,
            _ok_code=_ANY_STATUS,
        )
    except (sh.ForkException, OSError, ValueError) as error:
        # The last line of the child's traceback has the kernel's words.
        words = str(error).strip().splitlines()
        raise CommandError(
            f"`{quoted(argv)}` could not be started: {words[-1] if words else error!r}",
            f"ls -lZ {argv[0]}; {quoted(argv)}",
        ) from error


def _memory_file(content: bytes = b"") -> FileIO:
    """An anonymous file that holds `content` and stands at its beginning."""
    file = os.fdopen(os.memfd_create("nodefix"), "w+b", buffering=0)
    if content:
        file.write(content)
        file.seek(0)
    return file


def _content(file: FileIO) -> bytes:
    file.seek(0)
    return file.read()


def _ended(pid: int, seconds: float) -> bool:
    """Wait for a process's end without polling: sh's own timeout wakes up ten times a second."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)
