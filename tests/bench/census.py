"""Count the processes of a command, and how much memory each of them had at its peak.

Usage: census.py COMMAND [ARGUMENT]…; the last line of output is JSON.

getrusage(2) cannot tell: a child that was forked by a large process has that size to its name even
when it went on to be a small program. So every process is traced (ptrace(2)) and asked just
before it ends, when the kernel still knows the peak of the program that it became.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

# <linux/ptrace.h>, <linux/wait.h>
_CONT, _SEIZE = 7, 0x4206
_EVENT_FORK, _EVENT_VFORK, _EVENT_CLONE, _EVENT_EXEC, _EVENT_EXIT = 1, 2, 3, 4, 6
_OPTIONS = 1 << _EVENT_FORK | 1 << _EVENT_VFORK | 1 << _EVENT_CLONE
_OPTIONS |= 1 << _EVENT_EXEC | 1 << _EVENT_EXIT | 1 << 20  # the last: none outlives the tracer
_WALL = 0x40000000

_SECONDS = 180

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class Ended(NamedTuple):
    """A process at its end."""

    pid: int
    program: str
    peak_kib: int


class Census(NamedTuple):
    """A command and all its descendants."""

    status: int
    processes: int
    programs: int
    own_kib: int
    child_kib: int
    child: str


def _ptrace(request: int, pid: int, data: int = 0) -> None:
    if _libc.ptrace(request, pid, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace({request}) of {pid}: {os.strerror(number)}")


def _start(argv: list[str]) -> int:
    """Start the command under the tracer; returns its pid."""
    wait_here, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(wait_here, 1)
        quiet = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(quiet, descriptor)
        os.execv(argv[0], argv)
    _ptrace(_SEIZE, pid, _OPTIONS)
    os.write(go, b"!")
    return pid


def _look(thread: int) -> Ended | None:
    """What stops before its end; None for a thread, whose process ends elsewhere."""
    lines = Path(f"/proc/{thread}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    if int(fields["Tgid"]) != thread:
        return None
    return Ended(thread, fields["Name"], int(fields.get("VmHWM", "0 kB").split()[0]))


def census(argv: list[str]) -> Census:
    """Run a command until it and all its descendants have ended."""
    first = _start(argv)
    ended: list[Ended] = []
    programs = 0
    status_of_first = 0
    while True:
        try:
            pid, status = os.waitpid(-1, _WALL)
        except ChildProcessError:
            break
        if not os.WIFSTOPPED(status):
            if pid == first:
                status_of_first = os.waitstatus_to_exitcode(status)
            continue
        event = status >> 16
        if event == _EVENT_EXEC:
            programs += 1
        elif event == _EVENT_EXIT and (process := _look(pid)):
            ended.append(process)
        with contextlib.suppress(ProcessLookupError):  # killed while it was stopped
            _ptrace(_CONT, pid, 0 if event else os.WSTOPSIG(status))
    own = max(process.peak_kib for process in ended if process.pid == first)
    children = [process for process in ended if process.pid != first]
    largest = max(children, key=lambda child: child.peak_kib, default=Ended(0, "", 0))
    return Census(status_of_first, len(ended), programs, own, largest.peak_kib, largest.program)


if __name__ == "__main__":
    # A command that hangs must not hold the bench; those traced die with the tracer.
    signal.alarm(_SECONDS)
    print(json.dumps(census(sys.argv[1:])._asdict()))
