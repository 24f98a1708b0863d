"""Reading a node's files: regular ones only, without waiting, and no more than a limit.

`nodefix wait` reads through here too, so nothing dear is imported.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# More than any file of settings or state that a person or a tool writes.
LIMIT = 1 << 20

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
}


def kind_of(mode: int) -> str:
    """What a file is, in words, by its st_mode."""
    return _KINDS.get(stat.S_IFMT(mode), "device")


def read_file(
    path: str | os.PathLike[str],
    limit: int = LIMIT,
    check: Callable[[os.stat_result], None] | None = None,
) -> bytes:
    """The content of a regular file; links are followed.

    Args:
        path: the file.
        limit: bytes that it may have at the most.
        check: raises what the caller wants if the file has a wrong owner or mode.

    Raises:
        OSError: it is missing, no regular file, larger than the limit or not readable; `strerror`
            says which, `filename` is the path.
    """
    # Examined before it is opened: opening a device can have effects, a pipe would block.
    expect_regular(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        expect_regular(status, path)
        if check:
            check(status)
        return _content(descriptor, limit, path)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise
    finally:
        os.close(descriptor)


def _content(descriptor: int, limit: int, path: str | os.PathLike[str]) -> bytes:
    # Not by st_size: files of /proc have none.
    pieces = []
    left = limit + 1
    while left and (piece := os.read(descriptor, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        words = f"found more than {limit} bytes, expected less"
        # open(2)'s word; EFBIG is about what may be written, which has a remedy of its own.
        raise OSError(errno.EOVERFLOW, words, os.fspath(path))
    return b"".join(pieces)


def expect_regular(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    """Refuse what is no regular file.

    Raises:
        OSError: it is something else; says what.
    """
    if not stat.S_ISREG(status.st_mode):
        words = f"found a {kind_of(status.st_mode)}, expected a regular file"
        raise OSError(errno.EINVAL, words, os.fspath(path))
