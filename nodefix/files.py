"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


def write_atomic(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file's content: written beside it, fsynced, renamed.

    Owner, mode and extended attributes (the SELinux label among them) of a file that is there
    are kept; `mode` is for a new one. A symbolic link is followed, so that it stays one.

    Raises:
        OSError: it could not be written; the old content stands.
    """
    target = Path(os.path.realpath(path))
    # One fixed name: a file left by a crash is overwritten, and nothing piles up.
    beside = target.with_name(f".{target.name}.nodefix")
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
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
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
