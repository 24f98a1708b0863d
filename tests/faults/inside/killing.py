"""SIGKILL at a call that changes something, then a run that finds what that left."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import course
import judging
import world

_STRACE = ("/usr/bin/strace", "-qq", "-e", "signal=none")
# System calls that change files, or tell others something.
CALLS = (
    "write,pwrite64,writev,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,"
    "symlinkat,link,linkat,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,setxattr,fsetxattr,"
    "truncate,ftruncate,fsync,fdatasync,utimensat,flock,sendmsg,sendto,socket,connect,memfd_create,"
    "clone,clone3,fork,vfork"
)


def count() -> int:
    """How many of these calls nodefix's own process makes in a run that has much to do."""
    return len(re.findall(r"(?m)^[a-z0-9_]+\(", trace("-e", f"trace={CALLS}")))


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
    """Kill a run at its call number `value`; what is left is old or new, and the next run heals."""
    course.begin()
    number = fault["value"]
    kill = ("-e", f"inject={CALLS}:signal=KILL:when={number}", "-o", "/dev/null")
    ran = world.nodefix("run", prefix=(*_STRACE, "-e", f"trace={CALLS}", *kill))
    # strace ends by the signal that ended what it traced.
    if ran.status == 0:
        return []
    return [*_halves(), *course.healed(full=True), *_left_running()]


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
