"""What exists at a path: enough to put it back, and to see whether it was changed since."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

from nodefix.host.node import Host
from nodefix.host.reading import kind_of


class Standing(NamedTuple):
    """One path.

    Attributes:
        kind: `link`; `absent`; `unknown` where it could not be read; or the words of
            reading.kind_of().
        mode: its permission bits.
        uid: its owner.
        gid: its group.
        size: of anything but a link, in bytes.
        mtime_ns: of anything but a link, nanoseconds since 1970.
        target: of a link, as it is stored.
        attributes: of a file, its extended attributes, the SELinux label among them.
        why: for `unknown`, the error.
    """

    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    target: str = ""
    attributes: Mapping[str, bytes] = {}
    why: str = ""


def read_standing(host: Host, path: str) -> Standing:
    """Look at a path; a link is not followed."""
    place = host.path(path)
    try:
        status = place.lstat()
        if stat.S_ISLNK(status.st_mode):
            # Not Path.readlink(), which normalises the target.
            target = os.readlink(place)  # noqa: PTH115
            return Standing("link", 0, status.st_uid, status.st_gid, target=target)
        is_file = stat.S_ISREG(status.st_mode)
        return Standing(
            kind_of(status.st_mode),
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_size,
            status.st_mtime_ns,
            attributes=_attributes(place) if is_file else {},
        )
    except (FileNotFoundError, NotADirectoryError):
        return Standing("absent")
    except OSError as error:
        return Standing("unknown", why=error.strerror or str(error))


def _attributes(place: os.PathLike[str]) -> dict[str, bytes]:
    try:
        names = os.listxattr(place, follow_symlinks=False)
        return {name: os.getxattr(place, name, follow_symlinks=False) for name in names}
    except OSError as error:
        # Some file systems have none.
        if error.errno == errno.ENOTSUP:
            return {}
        raise


def backup_name(host: Host, path: str) -> str:
    """The name under which `mv --backup=numbered` keeps what exists at a path.

    Source: gnulib lib/backupfile.c: the highest existing number plus one.

    Raises:
        OSError: the folder cannot be listed.
    """
    folder, _, name = path.rpartition("/")
    begin, end = f"{name}.~", "~"
    with os.scandir(host.path(folder)) as entries:
        names = [entry.name for entry in entries]
    digits = [
        one[len(begin) : -len(end)] for one in names if one.startswith(begin) and one.endswith(end)
    ]
    numbers = [int(one) for one in digits if one.isascii() and one.isdigit()]
    return f"{path}.~{max(numbers, default=0) + 1}~"
