"""A new file that is nobody else's to read, and takes no other one's place unasked."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from nodefix.host.reading import kind_of
from nodefix.host.writing import sync_directory


def expect_place(path: Path, replace: bool) -> None:
    """See that a file can be written.

    Args:
        path: where.
        replace: whether a regular file that is there may go.

    Raises:
        OSError: it cannot; `strerror` says why.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = 0
    if mode and not stat.S_ISREG(mode):
        words = f"found a {kind_of(mode)}, expected no file"
        raise OSError(errno.EEXIST, words, os.fspath(path))
    if mode and not replace:
        raise FileExistsError(errno.EEXIST, "there is such a file already", os.fspath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", os.fspath(path.parent))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        words = "this user may not write there"
        raise PermissionError(errno.EACCES, words, os.fspath(path.parent))


def write_new(path: Path, content: bytes, replace: bool) -> None:
    """Write a file of mode 0600: beside it, fsynced, then renamed.

    Args:
        path: where; a link there is not followed.
        content: what it holds.
        replace: whether a regular file that is there may go.

    Raises:
        OSError: it could not be written, and what was there stays.
    """
    expect_place(path, replace)
    descriptor, name = tempfile.mkstemp(prefix=".nodefix-", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if replace:
            beside.rename(path)
        else:
            _link(beside, path)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)


def _link(beside: Path, path: Path) -> None:
    """Give a file its name, unless there is one of that name by now."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links. O_EXCL takes the name, the rename fills it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        beside.rename(path)
