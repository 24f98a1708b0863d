"""What can go wrong, each with the remedy that a person can type."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# What to look at where the kernel gives no memory, threads or processes.
NO_ROOM = "free -m; systemctl show nodefix -p MemoryMax -p TasksCurrent -p TasksMax"
_NO_DESCRIPTORS = "ulimit -n; systemctl show nodefix -p LimitNOFILE; cat /proc/sys/fs/file-nr"
# The limit to raise, by the number of the error with which the kernel refuses to go beyond it.
LIMITS: Mapping[int, str] = MappingProxyType(
    {
        errno.EAGAIN: NO_ROOM,
        errno.ENOMEM: NO_ROOM,
        errno.EMFILE: _NO_DESCRIPTORS,
        errno.ENFILE: _NO_DESCRIPTORS,
        errno.EFBIG: "ulimit -f; systemctl show nodefix -p LimitFSIZE",
    }
)


def limit_of(error: BaseException, otherwise: str = "") -> str:
    """What to type about the limit at which the kernel refused; `otherwise` if it was none."""
    number = error.errno if isinstance(error, OSError) else None
    return LIMITS.get(number or 0, otherwise)


class NodefixError(Exception):
    """Something that nodefix can explain.

    Args:
        message: what was found and what was expected.
        hint: what to do about it; empty where there is nothing to do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CommandError(NodefixError):
    """A command is missing, or did not do its work."""


class DeadlineError(NodefixError):
    """Something took longer than it may."""


class BusError(NodefixError):
    """The system bus, or systemd on it, did not answer as expected."""


class UnclearError(NodefixError):
    """Something on the node could not be read or understood, so a question has no answer."""


class ConfigError(NodefixError):
    """The configuration is not valid; carries every problem as `path: message`.

    `is_hidden` says that this user may not read all of it, so that it may well be valid.
    """

    def __init__(self, problems: Sequence[str], is_hidden: bool = False) -> None:
        super().__init__("\n".join(problems), f"{'sudo ' * is_hidden}nodefix config check")
        self.problems = tuple(problems)
        self.is_hidden = is_hidden
