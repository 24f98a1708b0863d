"""Killing a program with all that it started.

A child may leave the program's process group and session (setsid(2), a double fork), so it is found
by any of: a mark in its environment, its parent, its session.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from nodefix.host.reading import read_file

_PAUSE_SECONDS = 0.01
# /proc/PID/environ and /proc/PID/stat hold less in earnest.
_LIMIT = 4 << 20


class _Process(NamedTuple):
    """What /proc/PID/stat says (proc_pid_stat(5)); `started` in clock ticks since boot."""

    pid: int
    state: str
    parent: int
    session: int
    started: int


def kill_all(mark: bytes, seconds: float, pid: int = 0) -> list[int]:
    """Kill a program that this process started, and all that it started.

    Args:
        mark: `NAME=value` in its environment, which nothing else has.
        seconds: how long to go on while there are some left.
        pid: the program's, not yet waited for; 0 where that is not known.

    Returns:
        Those that are still there; a process in uninterruptible sleep cannot be killed.
    """
    end = time.monotonic() + seconds
    first = _process(pid) if pid else None
    members = {pid: first.started} if first else {}
    # The program was started with a session of its own, so its session is nobody else's.
    sessions = {first.session} - {os.getsid(0)} if first else set()
    begun = first.started if first else 0
    while True:
        found = _family(members, sessions, mark, begun)
        for process in found:
            members[process.pid] = process.started
            _kill(process)
        if not found or time.monotonic() >= end:
            return [process.pid for process in found]
        time.sleep(_PAUSE_SECONDS)


def _family(members: dict[int, int], sessions: set[int], mark: bytes, begun: int) -> list[_Process]:
    """Those of the program's processes that are alive; `members` are known ones, by start."""
    names = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    everything = {pid: process for pid in names if (process := _process(pid))}
    # A number is given out again, so a process is known by its start, too.
    known = {pid for pid, process in everything.items() if members.get(pid) == process.started}
    return [
        process
        for process in everything.values()
        # Older than the program: none of its. A zombie does nothing any more.
        if process.started >= begun
        and process.state not in "ZX"
        and (
            process.pid in known
            or process.parent in known
            or process.session in sessions
            # Last, since it can wait for the process's memory.
            or _has_mark(process.pid, mark)
        )
    ]


def _process(pid: int) -> _Process | None:
    try:
        content = read_file(f"/proc/{pid}/stat", _LIMIT)
    except OSError:
        return None
    # The name, in brackets, can hold anything.
    fields = content.rpartition(b")")[2].split()
    return _Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def _has_mark(pid: int, mark: bytes) -> bool:
    try:
        return mark in read_file(f"/proc/{pid}/environ", _LIMIT).split(b"\0")
    except OSError:
        return False


def _kill(process: _Process) -> None:
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(process.pid)
        try:
            again = _process(process.pid)
            if again and again.started == process.started:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
