"""The links of /etc/systemd/system that `systemctl disable` removes, and the place of a mask.

Source: systemd's src/shared/install.c: remove_marked_symlinks_fd() removes each link that has the
unit's name or leads to it, and each link to one of these; rmdir_parents() removes the folders that
are then empty; config_parse_also() takes the units of Also= along.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nodefix import words
from nodefix.errors import UnclearError
from nodefix.host.reading import kind_of

if TYPE_CHECKING:
    from nodefix.host.node import Host

UNIT_FOLDERS = words.UNIT_FOLDERS
ADMINS_UNITS = UNIT_FOLDERS[0]

# Entries that are read, and nested folders; there are some hundred.
_MOST, _DEPTH = 20_000, 20

_ALSO = re.compile(r"^[ \t]*Also[ \t]*=(.*)", re.M)


class Link(NamedTuple):
    """A symbolic link, with its owner's user id and group id."""

    path: str
    target: str
    owner: tuple[int, int]


class Folder(NamedTuple):
    """A folder, with its permission bits and its owner's user id and group id."""

    path: str
    mode: int
    owner: tuple[int, int]


class UnitLinks(NamedTuple):
    """What is removed.

    Attributes:
        links: the links.
        folders: the folders that are empty without them, the deepest first.
    """

    links: tuple[Link, ...] = ()
    folders: tuple[Folder, ...] = ()


def link_at_mask(host: Host, unit: str) -> UnitLinks:
    """The link in the place of a mask, which then cannot be made; none where nothing is.

    Raises:
        UnclearError: the place cannot be examined.
    """
    path = f"{ADMINS_UNITS}/{unit}"
    try:
        kind = kind_of(host.path(path).lstat().st_mode)
        if kind == "symbolic link":
            return UnitLinks((_link(host, path),))
    except FileNotFoundError:
        return UnitLinks()
    except OSError as error:
        raise _unreadable(path, error) from error
    raise UnclearError(
        f"{path}: found a {kind} that systemd has not loaded, expected nothing there",
        "systemctl daemon-reload && systemctl restart nodefix",
    )


def links_of(host: Host, unit: str) -> UnitLinks:
    """What disabling a unit removes.

    Raises:
        UnclearError: a folder or a unit's file cannot be read.
    """
    try:
        names = _with_also(host, unit)
        paths = list(islice(_walk(host, ADMINS_UNITS), _MOST + 1))
        if len(paths) > _MOST:
            raise UnclearError(
                f"{ADMINS_UNITS}: found more than {_MOST} entries, expected some hundred",
                f"du --inodes {ADMINS_UNITS} | sort -n | tail",
            )
        links = _marked([_link(host, at) for at in paths if host.path(at).is_symlink()], names)
        return UnitLinks(tuple(links), _emptied(host, paths, {link.path for link in links}))
    except OSError as error:
        raise _unreadable(ADMINS_UNITS, error) from error


def _with_also(host: Host, unit: str) -> set[str]:
    """The unit, and those that Also= names in its file or in theirs."""
    found: set[str] = set()
    rest = [unit]
    while rest:
        name = rest.pop()
        if name in found or "/" in name:
            continue
        found.add(name)
        for also in _ALSO.findall(_file_of(host, name).replace("\\\n", " ")):
            rest += also.split()
    return found


def _file_of(host: Host, name: str) -> str:
    for folder in UNIT_FOLDERS:
        try:
            return host.read(f"{folder}/{name}").decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            continue
        except OSError as error:
            # Masked: it leads to a device.
            if error.errno != errno.EINVAL:
                raise
            return ""
    return ""


def _walk(host: Host, folder: str, depth: int = 0) -> Iterator[str]:
    """The paths of all that is in a folder; a folder before what is in it, no link followed."""
    if depth > _DEPTH:
        raise UnclearError(
            f"{folder[:80]}…: found more than {_DEPTH} nested folders, expected a few",
            f"find {ADMINS_UNITS} -mindepth {_DEPTH} -print -quit",
        )
    try:
        with os.scandir(host.path(folder)) as entries:
            found = sorted(islice(entries, _MOST + 1), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in found:
        path = f"{folder}/{entry.name}"
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(host, path, depth + 1)


def _marked(links: list[Link], names: set[str]) -> list[Link]:
    """The links that have one of the names or lead to one, and the links to these."""
    found: dict[str, Link] = {}
    while True:
        more = [
            link
            for link in links
            if link.path not in found
            and (
                {Path(link.path).name, Path(link.target).name} & names
                or os.path.normpath(Path(link.path).parent / link.target) in found
            )
        ]
        if not more:
            return list(found.values())
        found |= {link.path: link for link in more}


def _emptied(host: Host, paths: list[str], gone: set[str]) -> tuple[Folder, ...]:
    """The folders in which there was nothing but what is gone."""
    left: dict[str, int] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        left[folder] = left.get(folder, 0) + 1
    found = []
    # A folder comes before what is in it, so backwards after it.
    for path in reversed(paths):
        if left.get(path) == 0:
            found.append(_folder(host, path))
        if path in gone or left.get(path) == 0:
            left[path.rpartition("/")[0]] -= 1
    return tuple(found)


def _link(host: Host, path: str) -> Link:
    place = host.path(path)
    status = place.lstat()
    return Link(path, os.fspath(place.readlink()), (status.st_uid, status.st_gid))


def _folder(host: Host, path: str) -> Folder:
    status = host.path(path).stat()
    return Folder(path, status.st_mode & 0o7777, (status.st_uid, status.st_gid))


def _unreadable(path: str, error: OSError) -> UnclearError:
    place = error.filename if isinstance(error.filename, str) else path
    return UnclearError(
        f"{path}: cannot be read, so what is there is not known: {error.strerror}",
        f"ls -ldZ {shlex.quote(place)}",
    )
