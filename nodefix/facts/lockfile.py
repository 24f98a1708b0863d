"""The lock file of iptables-legacy, which kube-proxy's pod mounts from the node."""

from __future__ import annotations

import stat
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.host import Host

LOCK = "/run/xtables.lock"
# tmpfiles.d(5): /run is empty at each boot, and container runtimes may come before nodefix.
TMPFILES = "/etc/tmpfiles.d/nodefix.conf"
TMPFILES_CONTENT = b"""\
# Made by nodefix: kube-proxy's pod mounts this file from the node.
f /run/xtables.lock 0600 root root -
"""


class LockFacts(NamedTuple):
    """What is at /run/xtables.lock.

    Attributes:
        kind: `absent`, `file`, `directory`, or another kind in words.
        mode: permission bits.
        owner: user id and group id.
        entries: how many a directory holds.
        lasting: whether systemd-tmpfiles makes it at the next boot.
    """

    kind: str
    mode: int = 0
    owner: tuple[int, int] = (0, 0)
    entries: int = 0
    lasting: bool = True


def read(host: Host, config: Config) -> LockFacts:
    """Look at the lock file without following a link.

    Raises:
        NodefixError: it cannot be looked at.
    """
    path = host.path(LOCK)
    try:
        lasting = host.path(TMPFILES).read_bytes() == TMPFILES_CONTENT
    except OSError:
        lasting = False
    try:
        status = path.lstat()
        kind = _kind(status.st_mode)
        entries = len(list(path.iterdir())) if kind == "directory" else 0
    except FileNotFoundError:
        return LockFacts("absent", lasting=lasting)
    except OSError as error:
        raise NodefixError(f"{LOCK}: cannot be looked at: {error.strerror}") from error
    owner = (status.st_uid, status.st_gid)
    return LockFacts(kind, stat.S_IMODE(status.st_mode), owner, entries, lasting)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "directory",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "named pipe",
        stat.S_IFSOCK: "socket",
    }
    return kinds.get(stat.S_IFMT(mode), "device")
