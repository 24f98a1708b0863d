"""What the files of sysctl.d say: they are applied at boot before nodefix runs.

Sources: sysctl.d(5) (of a name only the first folder's file counts, all are sorted by name, the
last assignment wins; a pattern holds for what no line names, neither by an assignment nor by a line
`-NAME`; `/etc/sysctl.conf` is read by way of a link 99-sysctl.conf) and sysctl(8) --system, which
reads it last.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from nodefix.host.node import Host

_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
_LAST = "/etc/sysctl.conf"
_LINE = re.compile(r"(-?)\s*([^=\s]+)\s*(?:=(.*))?")
# What makes a name a pattern: systemd's src/basic/glob-util.h, GLOB_CHARS.
_GLOB = re.compile(r"[*?[]")


class Assigned(NamedTuple):
    """The line that counts.

    Attributes:
        value: what it sets.
        where: file, number and the line itself.
        file: where it stands.
        number: the line's, from 1.
        is_pattern: whether it is for others, too.
    """

    value: str
    where: str
    file: str
    number: int
    is_pattern: bool = False

    @property
    def is_admins(self) -> bool:
        """Whether a person wrote it, not a package."""
        return self.file.startswith("/etc/")


def assigned(host: Host, name: str) -> Assigned | None:
    """The assignment of a sysctl that counts; None where there is none.

    Files that cannot be read say nothing, since these only explain what the kernel tells.
    """
    by_name, by_pattern, is_excluded = None, None, False
    for file, number, line in _lines(host):
        match = _LINE.fullmatch(line)
        if not match:
            continue
        key = match[2].replace("/", ".")
        if match[3] is None:
            if match[1] and key == name:
                # src/sysctl/sysctl.c: a name's last line takes the place of those before it.
                is_excluded, by_name = True, None
            continue
        where = f"{file} line {number} (`{line}`)"
        found = Assigned(match[3].strip(), where, file, number, key != name)
        if key == name:
            by_name = found
        elif _matches(name, key):
            by_pattern = found
    return by_name or (None if is_excluded else by_pattern)


def _matches(name: str, pattern: str) -> bool:
    """Whether glob(7) finds the sysctl's file: a `*` stands for no part of a name's folders."""
    if not _GLOB.search(pattern):
        return False
    parts, patterns = name.split("."), pattern.split(".")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _lines(host: Host) -> Iterator[tuple[str, int, str]]:
    """File, number and text of each line that is no comment."""
    for file in _files(host):
        try:
            lines = host.read(file).decode("utf-8", "replace").split("\n")
        except OSError:
            continue
        for number, line in enumerate(map(str.strip, lines), 1):
            if line[:1] not in ("#", ";"):
                yield file, number, line


def _files(host: Host) -> Iterator[str]:
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            for place in host.path(folder).iterdir():
                if place.name.endswith(".conf"):
                    files.setdefault(place.name, f"{folder}/{place.name}")
    yield from (file for _, file in sorted(files.items()))
    yield _LAST
