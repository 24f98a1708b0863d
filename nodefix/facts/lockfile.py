"""The lock file of iptables-legacy, which kube-proxy's pod mounts from the node."""

from __future__ import annotations

import os
import stat
from itertools import islice
from typing import NamedTuple

from nodefix.answer import Answer
from nodefix.errors import NodefixError
from nodefix.facts.system import mounted_on
from nodefix.host.node import Host
from nodefix.host.reading import kind_of

LOCK = "/run/xtables.lock"
# tmpfiles.d(5): /run is empty at each boot, and container runtimes may start before nodefix.
TMPFILES = "/etc/tmpfiles.d/nodefix.conf"
# An image has its own there; tmpfiles.d(5): of two files of one name that in /etc counts, whole.
VENDORS_TMPFILES = "/usr/lib/tmpfiles.d/nodefix.conf"
TMPFILES_LINE = f"f {LOCK} 0600 root root -"
TMPFILES_CONTENT = f"""\
# Made by nodefix: kube-proxy's pod mounts this file from the node.
{TMPFILES_LINE}
""".encode()

# Two hundred bytes for each of a busy node's thousands of mounts.
_MOST_MOUNTS = 16 << 20

# A directory can hold millions of names, and one is enough to leave it unchanged.
MOST_ENTRIES = 100
_SHOWN_NAMES = 3
_SHOWN_LENGTH = 40


class LockFacts(NamedTuple):
    """What is at /run/xtables.lock.

    Attributes:
        kind: `absent`, `file`, `directory`, or another kind in words.
        mode: permission bits.
        owner: user id and group id.
        entries: how many a directory holds; counting stops after MOST_ENTRIES.
        names: the first few of them, in printable characters.
        lasting: whether systemd-tmpfiles creates it at the next boot.
        has_folder: whether the folder of that entry exists.
        mounted: whether something is mounted there; looked at where the kind or the rights are not
            those of a lock file.
    """

    kind: str
    mode: int = 0
    owner: tuple[int, int] = (0, 0)
    entries: int = 0
    names: tuple[str, ...] = ()
    lasting: Answer = Answer(True)
    has_folder: bool = True
    mounted: bool = False

    @property
    def is_right(self) -> bool:
        """Whether it is a regular file, root's, mode 0600."""
        return (self.kind, self.mode, self.owner) == ("file", 0o600, (0, 0))


def read_lockfile(host: Host) -> LockFacts:
    """Look at the lock file without following a link.

    Raises:
        NodefixError: it cannot be examined.
    """
    path = host.path(LOCK)
    entry = LockFacts("absent", lasting=_lasting(host), has_folder=_has_folder(host))
    try:
        status = path.lstat()
        kind = kind_of(status.st_mode)
        names = _names(host) if kind == "directory" else []
    except FileNotFoundError:
        return entry
    except OSError as error:
        raise NodefixError(
            f"{LOCK}: cannot be examined: {error.strerror}", f"ls -ld /run {LOCK}"
        ) from error
    owner = (status.st_uid, status.st_gid)
    shown = tuple(_printable(name) for name in names[:_SHOWN_NAMES])
    mode = stat.S_IMODE(status.st_mode)
    found = entry._replace(kind=kind, mode=mode, owner=owner, entries=len(names), names=shown)
    return found if found.is_right else found._replace(mounted=_is_mounted(host))


def _is_mounted(host: Host) -> bool:
    """Whether it is a mount point; that only makes a remedy another one."""
    try:
        return bool(mounted_on(host.root, LOCK, _MOST_MOUNTS))
    except OSError:
        return False


def _names(host: Host) -> list[str]:
    with os.scandir(host.path(LOCK)) as entries:
        return [entry.name for entry in islice(entries, MOST_ENTRIES + 1)]


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:_SHOWN_LENGTH]


def _has_folder(host: Host) -> bool:
    return os.path.lexists(host.path(TMPFILES).parent)


def _lasting(host: Host) -> Answer:
    """Whether the entry for systemd-tmpfiles is there.

    A file of that name with other content is the admin's, and so is a link: neither is written to.
    """
    try:
        lines = _lines(host, TMPFILES)
    except FileNotFoundError:
        if not host.path(TMPFILES).is_symlink():
            return Answer(_is_in_image(host))
        return Answer(None, f"{TMPFILES}: found a dangling symbolic link", f"rm {TMPFILES}")
    except OSError as error:
        if os.path.realpath(host.path(TMPFILES)) == os.devnull:
            words = f"{TMPFILES}: found a link to {os.devnull}, which masks it"
            return Answer(None, words, f"rm {TMPFILES}")
        words = f"{TMPFILES}: cannot be read: {error.strerror}"
        return Answer(None, words, f"ls -ldZL {TMPFILES} /etc/tmpfiles.d")
    if found := _entry(lines):
        number, words_of = found
        return Answer(True) if _makes_it(words_of) else _other_line(number)
    words = f"{TMPFILES}: found no line for {LOCK}, and the file is not nodefix's"
    return Answer(None, words, _append())


def _is_in_image(host: Host) -> bool:
    """Whether the image has the entry. What cannot be read is not relied on."""
    try:
        found = _entry(_lines(host, VENDORS_TMPFILES))
    except OSError:
        return False
    return found is not None and _makes_it(found[1])


def _lines(host: Host, path: str) -> list[str]:
    return host.read(path).decode("utf-8", "replace").split("\n")


def _entry(lines: list[str]) -> tuple[int, list[str]] | None:
    """The line for the lock file, by its number and its words.

    tmpfiles.d(5): of two lines for one path the first one counts.
    """
    for number, line in enumerate(lines, 1):
        words = line.split()
        if len(words) > 1 and words[1] == LOCK and words[0][:1] != "#":
            return number, words
    return None


def _makes_it(words: list[str]) -> bool:
    kind, _, mode, user, group = (*words, "-", "-", "-")[:5]
    return (
        kind.rstrip("+!=~^$") in ("f", "F")
        and mode.lstrip(":~") in ("0600", "600")
        and user in ("root", "0", "-")
        and group in ("root", "0", "-")
    )


def _other_line(number: int) -> Answer:
    words = f"{TMPFILES} line {number}: found another line for {LOCK}"
    return Answer(None, words, f"sed -i '{number}s/^/# /' {TMPFILES} && {_append()}")


def _append() -> str:
    return f"printf '\\n%s\\n' '{TMPFILES_LINE}' >>{TMPFILES}"
