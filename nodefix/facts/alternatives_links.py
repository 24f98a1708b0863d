"""The links from a command to its program, and the folders that they lie in."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from nodefix.host.node import Host
from nodefix.host.reading import kind_of


class Link(NamedTuple):
    """A link on the way from a command to its program.

    Attributes:
        path: its path.
        kind: `link`; `absent`; `unknown` where it could not be read; or what else it is, in the
            words of reading.kind_of().
        end: where it ends, all links followed; empty if that is not a program.
        target: the link's own target.
        why: for `unknown`, the error.
    """

    path: str
    kind: str
    end: str = ""
    target: str = ""
    why: str = ""


class Folder(NamedTuple):
    """A folder that a repair writes to.

    Attributes:
        path: its path.
        kind: `directory`, `absent`, `unknown` where it could not be read, or what else it is.
        read_only: whether its file system is.
        full: whether its file system has no room for another file.
        why: for `unknown`, the error.
    """

    path: str
    kind: str
    read_only: bool = False
    full: bool = False
    why: str = ""


def read_link(host: Host, path: str) -> Link:
    """Look at a link and follow it."""
    place = host.path(path)
    try:
        mode = place.lstat().st_mode
        if not stat.S_ISLNK(mode):
            return Link(path, kind_of(mode), _program(host, path))
        return Link(path, "link", _program(host, _end(host, path)), str(place.readlink()))
    except (FileNotFoundError, NotADirectoryError):
        return Link(path, "absent")
    except OSError as error:
        return Link(path, "unknown", why=error.strerror or str(error))


def _end(host: Host, path: str) -> str:
    """Follow links with the host's root as `/`, so that a made-up tree can be read too."""
    for _ in range(40):  # as many as the kernel follows
        place = host.path(path)
        if not place.is_symlink():
            break
        # Not resolve(), which follows links to the real root.
        path = os.path.normpath(Path(path).parent / place.readlink())
    return path


def _program(host: Host, path: str) -> str:
    return path if host.path(path).is_file() else ""


def read_folder(host: Host, path: str) -> Folder:
    """Look at a folder and its file system."""
    place = host.path(path)
    try:
        kind = "directory" if place.is_dir() else ""
        if not kind:
            kind = kind_of(place.lstat().st_mode) if os.path.lexists(place) else "absent"
        # A missing one will be made in its parent.
        room = os.statvfs(place if kind == "directory" else place.parent)
    except FileNotFoundError:
        return Folder(path, "absent")
    except OSError as error:
        return Folder(path, "unknown", why=error.strerror or str(error))
    full = (room.f_blocks > 0 and not room.f_bfree) or (room.f_files > 0 and not room.f_ffree)
    return Folder(path, kind, bool(room.f_flag & os.ST_RDONLY), full)
