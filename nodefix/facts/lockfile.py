"""The lock file of iptables-legacy, which kube-proxy's pod mounts from the node."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from nodefix.host import Host

LOCK = "/run/xtables.lock"


class LockFacts(NamedTuple):
    """What is at /run/xtables.lock.

    Attributes:
        kind: `absent`, `file`, `directory`, or another kind in words.
        mode: permission bits.
        owner: user id and group id.
        entries: how many a directory holds.
    """

    kind: str
    mode: int = 0
    owner: tuple[int, int] = (0, 0)
    entries: int = 0


def read(host: Host) -> LockFacts:
    """Look at the lock file without following a link."""
    path = host.path(LOCK)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return LockFacts("absent")
    kind = _kind(status.st_mode)
    entries = len(os.listdir(path)) if kind == "directory" else 0
    return LockFacts(kind, stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid), entries)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "directory",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "named pipe",
        stat.S_IFSOCK: "socket",
    }
    return kinds.get(stat.S_IFMT(mode), "device")
