"""What the files of sysctl.d say: they are applied at boot before nodefix runs.

Sources: sysctl.d(5) (of a name only the first folder's file counts, all are sorted by name, the
last assignment wins; `/etc/sysctl.conf` is read by way of a link 99-sysctl.conf) and sysctl(8)
--system, which reads it last.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.host.node import Host

_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
_LAST = "/etc/sysctl.conf"
_LINE = re.compile(r"-?\s*([^=\s]+)\s*=(.*)")


class Assigned(NamedTuple):
    """The line that counts.

    Attributes:
        value: what it sets.
        where: file, number and the line itself.
        file: where it stands.
        number: the line's, from 1.
    """

    value: str
    where: str
    file: str
    number: int

    @property
    def is_admins(self) -> bool:
        """Whether a person wrote it, not a package."""
        return self.file.startswith("/etc/")


def assigned(host: Host, name: str) -> Assigned | None:
    """The last assignment of a sysctl by its whole name; None where there is none.

    Files that cannot be read say nothing, since these only explain what the kernel tells.
    """
    found = None
    for file in _files(host):
        try:
            lines = host.read(file).decode("utf-8", "replace").split("\n")
        except OSError:
            continue
        for number, line in enumerate(map(str.strip, lines), 1):
            match = None if line[:1] in ("#", ";") else _LINE.fullmatch(line)
            if match and match[1].replace("/", ".") == name:
                where = f"{file} line {number} (`{line}`)"
                found = Assigned(match[2].strip(), where, file, number)
    return found


def _files(host: Host) -> Iterator[str]:
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            for place in host.path(folder).iterdir():
                if place.name.endswith(".conf"):
                    files.setdefault(place.name, f"{folder}/{place.name}")
    yield from (file for _, file in sorted(files.items()))
    yield _LAST
