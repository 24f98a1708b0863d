"""Run one small program for the gate, which has no time to import what programs.py needs."""

from __future__ import annotations

import os
import select
import signal

# What programs get to see, of nodefix's own environment nothing.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

# In the environment of each program of a run, and so of all that it starts: by this they are found.
MARK = "NODEFIX_COMMAND"

_LIMIT = 4096
_GONE = b"No such file or directory"


def errors_of(root: str, argv: tuple[str, ...], seconds: float) -> bytes:
    """What a program that fails writes to its standard error.

    Args:
        root: the node's root, with a slash at its end.
        argv: an absolute path and the arguments.
        seconds: when it is killed.

    Returns:
        The first 4096 bytes; empty where it succeeded, was killed, or could not be run.
    """
    path = root.rstrip("/") + argv[0]
    if not os.access(path, os.X_OK):
        return b""
    try:
        said = os.memfd_create("nodefix")
    except OSError:
        return b""
    try:
        null = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0)
        actions = [null, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
        pid = os.posix_spawn(path, argv, ENVIRONMENT, file_actions=actions, setsid=True)
        return os.pread(said, _LIMIT, 0) if _failed(pid, seconds) else b""
    except OSError:
        return b""
    finally:
        os.close(said)


def says_gone(errors: bytes) -> bool:
    """Whether nft says that what it was to list is not there.

    On a line of its own errors, since the dynamic loader has the same words for a library.
    """
    lines = errors.splitlines()
    return any(line.startswith(b"Error: ") and _GONE in line for line in lines)


def _failed(pid: int, seconds: float) -> bool:
    """Whether a program ended by itself, in time, with another status than 0."""
    handle = os.pidfd_open(pid)
    try:
        ended = bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)
    if not ended:
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return ended and os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
