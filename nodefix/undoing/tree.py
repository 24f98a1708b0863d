"""The node's files as they are, or as they would be after what is only planned."""

from __future__ import annotations

import errno
import os
import shlex
from itertools import islice
from typing import NamedTuple

from nodefix.facts.standing import read_standing
from nodefix.host.node import Host
from nodefix.host.restoring import (
    Metadata,
    move,
    put_file,
    put_folder,
    put_link,
    remove,
    sweep_beside,
)
from nodefix.host.writing import write_atomic
from nodefix.undoing.thing import ABSENT, Thing, thing_of

# Names of a folder that are read: one is enough to leave it.
_MOST = 1000


class Refusal(NamedTuple):
    """Why something cannot be put back, and what to look at."""

    why: str
    hint: str


class Tree:
    """The node's files.

    Every method raises OSError where the kernel refuses.

    Args:
        host: the node.
        dry_run: whether changes are only remembered, so that what is read is what would be there.
    """

    def __init__(self, host: Host, *, dry_run: bool) -> None:
        self._host = host
        self._planned: dict[str, Thing] | None = {} if dry_run else None

    def look(self, path: str) -> Thing:
        """What is at a path, with the bytes of a file; a link is not followed, nothing raised."""
        if self._planned and path in self._planned:
            return self._planned[path]
        found = read_standing(self._host, path)
        try:
            content = self._host.read(path) if found.kind == "file" else None
        except OSError:
            # Of a size that nothing here has: then it is not what it was.
            content = None
        return thing_of(found, content)

    def names(self, folder: str) -> list[str]:
        """What is in a folder, the first thousand names."""
        with os.scandir(self._host.path(folder)) as entries:
            found = {entry.name for entry in islice(entries, _MOST)}
        for path, thing in (self._planned or {}).items():
            above, _, name = path.rpartition("/")
            if above == folder:
                (found.discard if thing.kind == "absent" else found.add)(name)
        return sorted(found)

    def has_parent(self, path: str) -> bool:
        """Whether the folder in which it belongs is there."""
        folder = path.rpartition("/")[0] or "/"
        if self._planned and folder in self._planned:
            return self._planned[folder].kind == "directory"
        return self._host.path(folder).is_dir()

    def refusal(self, path: str) -> Refusal | None:
        """Why nothing can be changed in the folder of a path; None if something can."""
        folder = self._host.path(path).parent
        # Not Path.is_dir(), which raises where the disk does not give it.
        while not os.path.isdir(folder) and folder != self._host.root:  # noqa: PTH112
            # It is put back itself before, or what was in it is left.
            folder = folder.parent
        if os.access(folder, os.W_OK):
            return None
        is_fixed = os.statvfs(folder).f_flag & os.ST_RDONLY
        why = os.strerror(errno.EROFS if is_fixed else errno.EPERM)
        name = f"/{folder.relative_to(self._host.root)}"
        asked = shlex.quote(name)
        hint = f"ls -ldZ {asked}; lsattr -d {asked}; findmnt -T {asked}"
        return Refusal(f"{name} cannot be changed: {why}", hint)

    def sweep(self, path: str) -> None:
        """Take away what a rollback that was killed left beside a path."""
        if self._planned is None:
            sweep_beside(self._host.path(path))

    def put(self, path: str, thing: Thing, found: Thing) -> None:
        """Have a thing in the place of what was found there."""
        if self._planned is not None:
            self._planned[path] = thing
            return
        place, replace = self._host.path(path), found != ABSENT
        match thing.kind:
            case "absent":
                remove(place)
            case "link":
                put_link(place, thing.target or "", thing.owner, replace=replace)
            case "directory":
                put_folder(place, thing.mode or 0, thing.owner)
            case _:
                metadata = Metadata(thing.mode or 0, thing.owner, thing.attributes)
                put_file(place, thing.content or b"", metadata, replace=replace)

    def move(self, source: str, target: str) -> None:
        """Move a thing to a place in which there is at most a link."""
        if self._planned is not None:
            self._planned |= {target: self.look(source), source: ABSENT}
        else:
            move(self._host.path(source), self._host.path(target))

    def content(self, path: str) -> bytes:
        """The bytes of a file; a link is followed."""
        there = (self._planned or {}).get(path)
        return self._host.read(path) if there is None else there.content or b""

    def rewrite(self, path: str, content: bytes) -> None:
        """Give a file other bytes and leave all else that belongs to it; a link is followed."""
        if self._planned is not None:
            self._planned[path] = Thing("file", content=content)
        else:
            write_atomic(self._host.path(path), content)


def is_path(path: str) -> bool:
    """Whether it is the path of something below the root, with no way round in it."""
    return path == os.path.normpath(path) and path[:1] == "/" and path[1:2] not in ("", "/")
