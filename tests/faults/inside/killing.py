"""SIGKILL at a call that changes something, then a run that finds what that left."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import breaking
import course
import judging
import world

NODEFIX = "/usr/bin/nodefix"
_STRACE = ("/usr/bin/strace", "-qq", "-e", "signal=none")
# System calls that change files, or tell others something. Of openat only what makes a file.
_FILE_CALLS = (
    "openat,write,pwrite64,writev,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "symlink,symlinkat,link,linkat,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,setxattr,"
    "fsetxattr,truncate,ftruncate,fsync,fdatasync,utimensat,sendmsg"
)
CALLS = f"{_FILE_CALLS},flock,sendto,socket,connect,memfd_create,clone,clone3,fork,vfork"
_CALL = re.compile(r"(\d+) +([a-z0-9_]+)\((.*)")
# A write to an eventfd: a thread wakes another, which changes nothing.
_WAKES = re.compile(r'\d+, "\\1(\\0){7}", 8\)')
_KILLED = Path("/mnt/killed")


def points() -> list[tuple[str, str, int]]:
    """Each call that changes something in a run that has much to do.

    Returns:
        The program, the call and its number: strace counts each call by itself, in each process. Of
        what nodefix starts only what changes files, or chains, in one step.
    """
    found: dict[tuple[str, str, int], None] = {}
    programs: dict[str, str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for line in trace("-f", "-e", f"trace={CALLS},execve").splitlines():
        if not (parts := _CALL.match(line)):
            continue
        process, call, rest = parts.groups()
        if call == "execve":
            programs[process] = NODEFIX if not programs else rest.split('"')[1]
            counts = Counter({one: counts[one] for one in counts if one[0] != process})
            continue
        counts[process, call] += 1
        is_idle = _WAKES.match(rest) or (call == "openat" and "O_CREAT" not in rest)
        program = programs.get(process, "")
        if program and not is_idle and (program == NODEFIX or call in _FILE_CALLS.split(",")):
            found[program, call, counts[process, call]] = None
    return [*found]


def trace(*options: str) -> str:
    """What strace prints of such a run.

    Raises:
        RuntimeError: the node does not become ready by it.
    """
    course.begin()
    log = Path("/mnt/calls")
    ran = world.nodefix("run", prefix=(*_STRACE, "-o", str(log), *options))
    if ran.status:
        raise RuntimeError(f"the run that is traced ended with {ran.status}: {ran.said!r}")
    return log.read_text("utf-8", "replace")


def killed(fault: Mapping[str, Any]) -> list[str]:
    """Kill a run at one call; what is left is old or new, and the next run heals.

    Where the fault has a target, that program is killed at its call, and the run with it or not.

    Raises:
        CannotBe: there is no such call this time.
    """
    course.begin()
    call = fault["call"]
    kill = ("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={fault['value']}")
    prefix = (*_STRACE, "-o", "/dev/null", *kill)
    found: list[str] = []
    if target := fault.get("target"):
        undo = breaking.program(Path(target), _stand_in(Path(target), prefix, fault["kind"]))
        ran = world.nodefix("run")
        happened = _KILLED.exists()
        found += judging.judge(ran, 120, may_die=True)
        undo()
    else:
        ran = world.nodefix("run", prefix=prefix)
        # strace ends by the signal that ended what it traced.
        happened = ran.status != 0
        if happened and ran.status != -signal.SIGKILL:
            found.append(f"it was to be killed, and ended with {ran.status}: {ran.said[-300:]!r}")
    if not happened:
        raise breaking.CannotBe(f"this run made no such call: {call} {fault['value']}")
    return [*found, *_halves(), *course.healed(full=True), *_left_running()]


def _stand_in(tool: Path, prefix: tuple[str, ...], kind: str) -> bytes:
    """A program that has the real one killed at its call, and perhaps the run then."""
    # It knows what it is by its name.
    real = Path("/mnt/real", tool.name)
    real.parent.mkdir()
    shutil.copy2(tool.resolve(), real)
    with_it = "kill -KILL $PPID" if kind == "with its program" else ":"
    return f"""#!/bin/sh
{shlex.join(prefix)} {real} "$@"
status=$?
[ $status = 137 ] || exit $status
: >{_KILLED}
{with_it}
kill -KILL $$
""".encode()


def _halves() -> Iterator[str]:
    """Files that are neither old nor new."""
    yield from judging.fstab_lost()
    for name in ("report.json", "ready"):
        path = Path("/run/nodefix", name)
        if path.exists():
            try:
                json.loads(path.read_text())
            except ValueError:
                yield f"{path} is half written"
    entry = Path("/etc/tmpfiles.d/nodefix.conf")
    if entry.exists() and not entry.read_text().endswith("\n"):
        yield f"{entry} is half written"
    for link in ("/usr/sbin/iptables", "/etc/alternatives/iptables"):
        if not Path(link).exists():
            yield f"{link} leads nowhere"
    if Path("/run/nodefix/ready").exists():
        # What the gate says must be true already.
        chain = ["/usr/sbin/nft", "list", "chain", "ip", "mangle", "KUBE-IPTABLES-HINT"]
        if subprocess.run(chain, capture_output=True, check=False).returncode:
            yield "the gate is open, and the chains are missing"


def _left_running() -> Iterator[str]:
    for process in world.others():
        words = Path(f"/proc/{process}/cmdline")
        yield f"process {process} was left running: {words.read_text() if words.exists() else ''}"
