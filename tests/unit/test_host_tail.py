"""nodefix/host/tail.py: the end of a log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodefix.host.tail import read_tail


@pytest.mark.parametrize(
    ("content", "limit", "expected"),
    [
        (b"", 10, b""),
        (b"one\ntwo\n", 100, b"one\ntwo\n"),
        (b"one\ntwo\n", 8, b"one\ntwo\n"),
        (b"one\ntwo\n", 6, b"two\n"),
        (b"x" * 1000 + b"\nlast\n", 20, b"last\n"),
        (b"x" * 1000, 20, b""),
    ],
)
def test_read_tail(tmp_path: Path, content: bytes, limit: int, expected: bytes) -> None:
    file = tmp_path / "0.log"
    file.write_bytes(content)
    assert read_tail(file, limit) == expected


def test_only_the_end_of_a_large_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "0.log"
    with file.open("wb") as log:
        log.truncate(1 << 40)
    assert read_tail(file, 1000) == b""


def test_missing_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tail(tmp_path / "none", 10)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="named pipe"):
        read_tail(tmp_path / "pipe", 10)
