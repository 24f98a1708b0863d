"""The ends of files and streams that may be of any size and kind."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path

from nodefix.errors import UnclearError
from nodefix.host.reading import kind_of

# Bytes that are looked at; of a stream that does not end so many are read at all.
TAIL, STREAM = 8 << 20, 256 << 20
_PIECE = 1 << 20

# How files begin that are compressed, and what shows them.
_COMPRESSED = ((b"\x1f\x8b", "zcat"), (b"\xfd7zXZ\0", "xzcat"), (b"\x28\xb5\x2f\xfd", "zstdcat"))


def file_tail(path: Path, limit: int = TAIL) -> tuple[bytes, bool]:
    """The end of a file, or of a pipe such as a shell's `<(…)`; whether something was left out.

    Raises:
        OSError: it is missing or not readable.
        UnclearError: it is of another kind, or compressed.
    """
    # Looked at before it is opened: opening a device can do something.
    _expect(path, path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        _expect(path, status.st_mode)
        if not stat.S_ISREG(status.st_mode):
            os.set_blocking(descriptor, True)
            return stream_tail(descriptor, limit)
        begin = os.pread(descriptor, 6, 0)
        for mark, program in _COMPRESSED:
            if begin.startswith(mark):
                raise UnclearError(
                    f"{path}: is compressed",
                    f"{program} {shlex.quote(str(path))} | nodefix explain -",
                )
        # Files of /proc have no size; nothing but their beginning can be read.
        offset = max(status.st_size - limit, 0)
        os.lseek(descriptor, offset, os.SEEK_SET)
        return _read(descriptor, limit), offset > 0
    finally:
        os.close(descriptor)


def stream_tail(descriptor: int, limit: int = TAIL, most: int = STREAM) -> tuple[bytes, bool]:
    """The end of what a stream holds; whether something was left out.

    ^C ends the reading of one that has no end, as `crictl logs -f`.
    """
    kept, total = bytearray(), 0
    with contextlib.suppress(KeyboardInterrupt):
        while total < most and (piece := os.read(descriptor, _PIECE)):
            total += len(piece)
            kept += piece
            if len(kept) > 2 * limit:
                del kept[:-limit]
    return bytes(kept[-limit:]), total > limit


def _read(descriptor: int, limit: int) -> bytes:
    pieces, left = [], limit
    while left and (piece := os.read(descriptor, min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _expect(path: Path, mode: int) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise UnclearError(f"{path}: found a {kind_of(mode)}, expected a file")
