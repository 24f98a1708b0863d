"""The faults, as data: what is broken (by the group), how (the kind) and where (the target)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import breaking
import course
import forms
import killing
import surroundings
from targets import targets

Fault = dict[str, Any]


class Point(NamedTuple):
    """A system call of a run.

    Attributes:
        program: nodefix, or what it has started.
        call: its name.
        number: which one of that name in its process.
    """

    program: str
    call: str
    number: int


_TOOL_KINDS = (*breaking.TOOL_PLACES, *breaking.TOOLS)
_FILE_KINDS = (*breaking.PLACES, *breaking.CONTENTS)
_FOLDER_KINDS = ("fifo", "null", "loop", "dangling", "socket", "regular", "unreadable")
# Of a program they wait for a deadline; with several of them a run waits for each.
_SLOW = ("hangs", "hangs-with-a-session", "leaves-a-session", "ignores-TERM")
_SOCKETS = ("/run/dbus/system_bus_socket", "/run/systemd/journal/socket")
_STREAMS = tuple(
    f"{name}-{state}"
    for name, state in product(
        ("stdin", "stdout", "stderr", "all"), ("closed", "full", "broken", "stuck")
    )
)
_LIMITS = (
    *(("memory", size << 20) for size in (30, 60, 100, 150, 200, 300, 400, 600)),
    *(("data", size << 20) for size in (16, 24, 32, 48)),
    *(("stack", size << 10) for size in (64, 256, 1024)),
    *(("descriptors", count) for count in (4, 5, 6, 8, 10, 12, 16, 20, 32)),
    *(("file-size", size) for size in (0, 1, 100, 1000, 4096)),
    ("cpu", 1),
    ("locked", 0),
    ("queue", 0),
)
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGPIPE", "SIGALRM", "SIGSTOP")
_BOOTS_IN_A_ROW = 300


def every(seed: int, points: Sequence[Point]) -> list[Fault]:
    """All faults.

    Args:
        seed: of the boots with damage by chance.
        points: the calls that change something in a run that has much to do.
    """
    # The slow ones first, so that they wait beside the others.
    found = sorted([*_targeted(), *_around()], key=lambda fault: not fault.get("waits"))
    return [_boots(seed), *found, *_refused(points), *_kills(points)]


def quick(of_all: Sequence[Fault]) -> list[Fault]:
    """A selection that takes a minute: each group in part, half of the targets, the fast kinds."""
    wanted = {**dict.fromkeys(("tools", "files", "folders", "entries"), 32), "kill": 8, "boots": 0}
    taken: Counter[str] = Counter()
    targets_seen: set[str] = set()
    found = []
    for fault in sorted(of_all, key=_mixed):
        group, target = fault["group"], fault.get("target", "")
        is_new = group not in ("tools", "files", "folders", "entries") or target not in targets_seen
        if not fault.get("waits") and is_new and taken[group] < wanted.get(group, 6):
            targets_seen.add(target)
            taken[group] += 1
            found.append(fault)
    return found


def _mixed(fault: Fault) -> str:
    """Brings them into an order that is always the same, and by chance."""
    words = " ".join(str(fault.get(name)) for name in ("target", "kind", "call", "value"))
    return hashlib.sha256(words.encode()).hexdigest()


def _targeted() -> Iterator[Fault]:
    found = targets()
    for target, kind in product(found.tools, _TOOL_KINDS):
        yield {"group": "tools", "kind": kind, "target": target, "waits": kind in _SLOW}
    for target, kind in product(found.files, _FILE_KINDS):
        yield {"group": "files", "kind": kind, "target": target}
    for target, kind in product(found.folders, _FOLDER_KINDS):
        yield {"group": "folders", "kind": kind, "target": target}
    # What stands in a folder is read by few functions: the kinds take turns.
    for number, target in enumerate(found.folders):
        for kind in _FILE_KINDS[number % 3 :: 3]:
            yield {"group": "entries", "kind": kind, "target": target}
    for target in found.folders:
        yield {"group": "crowds", "kind": "crowd", "target": target}


def _around() -> Iterator[Fault]:
    for folder in ("/etc", "/run", "/var"):
        yield {"group": "places", "kind": "read-only", "target": folder, "value": 0}
        for kind, left in product(("full", "no-inodes"), range(14)):
            yield {"group": "places", "kind": kind, "target": folder, "value": left}
    kinds = ("missing", "deaf", "stalled", "dying", "talks-rubbish", "fifo", "directory")
    for target, kind in product(_SOCKETS, kinds):
        yield {"group": "sockets", "kind": kind, "target": target}
    for kind, value in _LIMITS:
        yield {"group": "limits", "kind": kind, "value": value}
    for value in (1, 2, 3, 5, 8, 12):
        what = {"kind": "EAGAIN", "call": surroundings.REFUSED["EAGAIN"], "value": value}
        yield {"group": "refused", **what, "and_later": True}
    yield from ({"group": "streams", "kind": kind} for kind in _STREAMS)
    for target, kind in product(("/run/nodefix/report.json", "/run/nodefix/ready"), forms.FORMS):
        yield {"group": "forms", "kind": kind, "target": target, "after": True}
    yield from ({"group": "at-once", "kind": kind} for kind in ("runs", "mixed"))
    for kind, tenths in product(_SIGNALS, (0.5, 1, 2, 3, 4, 6)):
        yield {"group": "signals", "kind": kind, "value": tenths / 10}
    for kind in ("lock", "signals", "files", "forged"):
        yield {"group": "meddling", "kind": kind}
    for kind, after in product(course.AS_USER, (False, True)):
        yield {"group": "users", "kind": kind, "value": after}


def _refused(points: Sequence[Point]) -> Iterator[Fault]:
    """Each of nodefix's own calls, by what a file system may say to it."""
    for kind, point in product(("ENOSPC", "EIO", "EPERM"), points):
        if point.program == killing.NODEFIX and point.call in surroundings.REFUSED[kind].split(","):
            yield {"group": "refused", "kind": kind, "call": point.call, "value": point.number}


def _kills(points: Sequence[Point]) -> Iterator[Fault]:
    for program, call, number in points:
        fault = {"group": "kill", "call": call, "value": number}
        if program == killing.NODEFIX:
            yield {**fault, "kind": "at"}
        else:
            yield {**fault, "kind": "its program alone", "target": program}
            yield {**fault, "kind": "with its program", "target": program}


def _boots(seed: int) -> Fault:
    what = {"group": "boots", "kind": "in a row", "value": seed, "boots": _BOOTS_IN_A_ROW}
    return {**what, **targets()._asdict()}
