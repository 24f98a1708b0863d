"""The end of a log, whatever its size."""

from __future__ import annotations

import os
from pathlib import Path

from nodefix.host.reading import expect_regular


def read_tail(path: Path, limit: int) -> bytes:
    """The last `limit` bytes of a regular file, without the line that is cut at their beginning.

    Raises:
        OSError: it is missing, no regular file or not readable.
    """
    # Examined before it is opened: a pipe would block.
    expect_regular(path.stat(), path)
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        start = max(size - limit, 0)
        file.seek(start)
        content = file.read(limit) or b""
    return content.partition(b"\n")[2] if start else content
