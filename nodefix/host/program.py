"""A program: how it is called, what it leaves behind, and why it could not be started."""

from __future__ import annotations

import errno
import shlex
import stat
from pathlib import Path
from typing import NamedTuple, TypeAlias

from nodefix.errors import LIMITS, CommandError, NodefixError
from nodefix.host.image import for_this_node
from nodefix.host.reading import kind_of
from nodefix.text import shortened, telling, told


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


class Call(NamedTuple):
    """A program that is to be run.

    Attributes:
        argv: an absolute path and the arguments.
        stdin: what it reads.
        timeout: seconds; less if the stage has less left.
    """

    argv: tuple[str, ...]
    stdin: bytes = b""
    timeout: float = 10.0


# What came of a call.
Outcome: TypeAlias = Result | NodefixError


def quoted(argv: tuple[str, ...]) -> str:
    """The command as a person would type it."""
    return shlex.join(argv)


def check(program: str) -> None:
    """Say what is in a program's place if that cannot be executed.

    Args:
        program: an absolute path.

    Raises:
        CommandError: it is missing, or no file that can be executed.
    """
    path = Path(program)
    name = shlex.quote(program)
    try:
        status = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            message = f"found a link to {path.readlink()}, where nothing is, expected a program"
            hint = for_this_node(f"dnf reinstall {name}")
            raise CommandError(f"{program}: {message}", hint) from error
        message = f"{program}: found no such program, expected it to be installed"
        raise CommandError(message, for_this_node(f"dnf install {name}")) from error
    except OSError as error:
        message = f"{program}: found `{error.strerror}`, expected a program"
        raise CommandError(message, f"namei -l {name}") from error
    if not stat.S_ISREG(status.st_mode):
        message = f"{program}: found a {kind_of(status.st_mode)}, expected a program"
        hint = f"mv -T {name} {shlex.quote(program + '.found')} && dnf reinstall {name}"
        raise CommandError(message, for_this_node(hint))
    if not status.st_mode & 0o111:
        message = f"{program}: found a file that is not executable, expected a program"
        raise CommandError(message, for_this_node(f"chmod 755 {name}"))


def not_started(command: str, program: str, number: int, words: str) -> CommandError:
    """Why a program could not be started, with what mends it or shows more.

    Args:
        command: as it was run.
        program: its path.
        number: as in errno(3); 0 if not known.
        words: the kernel's, or sh's.
    """
    name = shlex.quote(program)
    hints = {
        errno.ENOEXEC: f"dnf reinstall {name}",
        errno.ELIBBAD: f"dnf reinstall {name}",
        # The file is there: its interpreter or loader is not.
        errno.ENOENT: f"dnf reinstall {name}",
        errno.ETXTBSY: f"find /proc/[0-9]*/fd -lname {name}",
        **LIMITS,
    }
    others = f"ls -lZ {name}; findmnt -T {name}; ausearch -m avc -ts boot"
    message = f"`{shortened(command)}` could not be started: {shortened(words)}"
    return CommandError(message, for_this_node(hints.get(number, others)))
