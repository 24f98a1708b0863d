"""Writing files atomically."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from nodefix.host.reading import expect_regular
from nodefix.words import BACKUPS, FOLDER, MOTD, REPAIRED, SWITCH, UNDO

# What nodefix writes in folders of others, and its own folders.
_FILES = ("etc/fstab", "etc/tmpfiles.d/nodefix.conf", SWITCH, MOTD, REPAIRED)
_FOLDERS = (BACKUPS, UNDO, FOLDER)
_SUFFIX = ".nodefix"
# Entries of a folder that are examined; there are some ten.
_MOST = 10_000


def write_atomic(path: Path, content: bytes, mode: int = 0o644, *, follow: bool = True) -> None:
    """Replace a file's content: written beside it, fsynced, renamed.

    Owner, mode and extended attributes (the SELinux label among them) of a file that is there
    are kept; `mode` is for a new one. A symbolic link is followed, so that it stays one, unless
    `follow` is false: then there must be none.

    Raises:
        OSError: it could not be written, or is not a regular file; the old content stays.
    """
    target = Path(os.path.realpath(path)) if follow else path
    # A rename would replace the device that a link, such as to /dev/null, leads to.
    with contextlib.suppress(FileNotFoundError):
        expect_regular(target.stat(follow_symlinks=follow), target)
    # One fixed name: a file left by a crash is overwritten, and nothing piles up.
    beside = _beside(target)
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _keep_metadata(target, descriptor, mode)
            os.fsync(descriptor)
        beside.rename(target)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            # What the kernel says of a descriptor has no path.
            error.filename = os.fspath(target)
        raise
    sync_directory(target.parent)


def remove(path: Path) -> None:
    """Take a file, a link or an empty folder away for good.

    Raises:
        OSError: it could not be; it stands.
    """
    if stat.S_ISDIR(path.lstat().st_mode):
        path.rmdir()
    else:
        path.unlink()
    sync_directory(path.parent)


def sweep(root: Path) -> list[str]:
    """Remove what writes of killed runs left; only while no other run is active.

    Returns:
        The paths of the removed files. One that cannot be removed is left: the next write of the
        same file removes it or says why it cannot.
    """
    gone = []
    for path in _left_behind(root):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                path.unlink()
                gone.append(str(path))
    return gone


def _left_behind(root: Path) -> Iterator[Path]:
    for file in _FILES:
        # Beside the file itself: fstab can be a link.
        yield _beside(Path(os.path.realpath(root / file)))
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            for path in sorted(islice((root / folder).iterdir(), _MOST)):
                if path.name.startswith(".") and path.name.endswith(_SUFFIX):
                    yield path


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}{_SUFFIX}")


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder with those above it, and make their names last; one that is there stays.

    Raises:
        OSError: it cannot be made, or there is something else.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode, exist_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = os.fspath(path)
        raise
    finally:
        os.close(descriptor)


def _keep_metadata(target: Path, descriptor: int, mode: int) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, status.st_mode & 0o7777)
    try:
        names = os.listxattr(target)
        for name in names:
            os.setxattr(descriptor, name, os.getxattr(target, name))
    except OSError as error:
        # tmpfs and some network file systems have none.
        if error.errno != errno.ENOTSUP:
            raise
