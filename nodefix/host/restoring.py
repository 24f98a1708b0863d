"""Putting back what stood at a path: links, files, folders with all that belongs to them.

Each is made complete beside its place and then gets its name, so that a kill at any moment leaves
what was there or what is to be there. What appeared in an empty place meanwhile is never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from nodefix.host.writing import sync_directory

# One short name in each folder: what a kill left is taken away by the next try.
_MADE = ".restored.nodefix"


class Metadata(NamedTuple):
    """What belongs to a file: permission bits, user id and group id, extended attributes."""

    mode: int
    owner: tuple[int, int] | None = None
    attributes: Mapping[str, bytes] | None = None


def put_link(path: Path, target: str, owner: tuple[int, int] | None, *, replace: bool) -> None:
    """Make a symbolic link.

    Args:
        path: its place.
        target: where it leads, as it is stored.
        owner: its user id and group id; None for those of this process.
        replace: whether something stands in its place that gives way.

    Raises:
        OSError: it could not be made; what was there stays.
    """
    with _beside(path) as made:
        # Not Path.symlink_to(), which normalises the target.
        os.symlink(target, made)  # noqa: PTH211
        if owner:
            os.chown(made, *owner, follow_symlinks=False)
        _name(made, path, replace=replace)


def put_file(path: Path, content: bytes, metadata: Metadata, *, replace: bool) -> None:
    """Make a file.

    Args:
        path: its place; a link there is replaced and not followed.
        content: its bytes.
        metadata: what else belongs to it; None in there is what a new file has.
        replace: whether something stands in its place that gives way.

    Raises:
        OSError: it could not be made; what was there stays.
    """
    with _beside(path) as made:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if metadata.owner:
                os.fchown(descriptor, *metadata.owner)
            if metadata.attributes is not None:
                _set_attributes(descriptor, metadata.attributes)
            # Last: a new owner takes the set-user-id bit away.
            os.fchmod(descriptor, metadata.mode)
            os.fsync(descriptor)
        _name(made, path, replace=replace)


def put_folder(path: Path, mode: int, owner: tuple[int, int] | None) -> None:
    """Make an empty folder where nothing is.

    Raises:
        OSError: it could not be made, or something is there.
    """
    with _beside(path) as made:
        made.mkdir(0o700)
        if owner:
            os.chown(made, *owner)
        made.chmod(mode)
        made.rename(path)
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Take a link, a file or an empty folder away.

    Raises:
        OSError: it could not be taken away, or the folder is not empty.
    """
    if stat.S_ISDIR(path.lstat().st_mode):
        path.rmdir()
    else:
        path.unlink()
    sync_directory(path.parent)


def move(source: Path, target: Path) -> None:
    """Move whatever it is; a link that stands in its new place goes.

    Killed in between it leaves nothing in the new place, and `source` as it is.

    Raises:
        OSError: it could not be moved.
    """
    if target.is_symlink():
        # A folder cannot be renamed over a link.
        target.unlink()
    elif os.path.lexists(target):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    source.rename(target)
    sync_directory(target.parent)
    if source.parent != target.parent:
        sync_directory(source.parent)


def sweep_beside(path: Path) -> None:
    """Take away what a call above that was killed left beside a place.

    Raises:
        OSError: it could not be taken away.
    """
    if path.parent.is_dir():
        _cleared(path)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """The free name beside a place; what is made there goes again if it does not get its name."""
    made = _cleared(path)
    try:
        yield made
    except OSError:
        with contextlib.suppress(OSError):
            _cleared(path)
        raise


def _cleared(path: Path) -> Path:
    """The name beside a place, free."""
    made = path.with_name(_MADE)
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(made.lstat().st_mode):
            made.rmdir()
        else:
            made.unlink()
    return made


def _name(made: Path, path: Path, *, replace: bool) -> None:
    """Give what was made its name."""
    if replace:
        made.rename(path)
    else:
        # A rename would replace what somebody has put there in this moment.
        os.link(made, path, follow_symlinks=False)
        made.unlink()
    sync_directory(path.parent)


def _set_attributes(descriptor: int, wanted: Mapping[str, bytes]) -> None:
    try:
        there = os.listxattr(descriptor)
    except OSError as error:
        # Some file systems have none.
        if error.errno != errno.ENOTSUP or wanted:
            raise
        return
    for name in there:
        if name not in wanted:
            # What the folder hands down, such as a default ACL; a label cannot be taken away.
            with contextlib.suppress(OSError):
                os.removexattr(descriptor, name)
    for name, value in wanted.items():
        if name not in there or os.getxattr(descriptor, name) != value:
            os.setxattr(descriptor, name, value)
