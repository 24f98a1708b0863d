"""nodefix/reading.py: regular files, without waiting, within a limit."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from nodefix.errors import LIMITS
from nodefix.host.reading import read_file


def test_content_of_a_file_and_of_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "file") == read_file(tmp_path / "link") == b"content"


def test_a_file_without_a_size_is_read(tmp_path: Path) -> None:
    assert read_file("/proc/self/status").startswith(b"Name:")


def test_limit_is_what_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path / "file", limit=5) == b"12345"
    with pytest.raises(OSError, match="found more than 4 bytes") as caught:
        read_file(tmp_path / "file", limit=4)
    # A limit of nodefix's own and none of the kernel's, for which there is another remedy.
    assert caught.value.errno not in LIMITS
    assert caught.value.filename == str(tmp_path / "file")


def odd_fifo(path: Path) -> None:
    os.mkfifo(path)


def odd_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [(odd_fifo, "named pipe"), (Path.mkdir, "directory"), (odd_socket, "socket")],
)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, make: object, kind: str
) -> None:
    assert callable(make)
    make(tmp_path / "odd")
    with pytest.raises(OSError, match=f"found a {kind}, expected a regular file") as caught:
        read_file(tmp_path / "odd")
    assert caught.value.filename == str(tmp_path / "odd")


def test_a_device_is_not_opened() -> None:
    with pytest.raises(OSError, match="found a device"):
        read_file("/dev/zero")


def test_a_missing_file_says_its_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_file(tmp_path / "none")
    assert caught.value.filename == str(tmp_path / "none")


def test_what_the_caller_checks_is_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    seen = list[os.stat_result]()
    assert read_file(tmp_path / "file", check=seen.append) == b"content"
    assert seen[0].st_ino == (tmp_path / "file").stat().st_ino

    def refuse(status: os.stat_result) -> None:
        raise ValueError("somebody else's")

    with pytest.raises(ValueError, match="somebody else's"):
        read_file(tmp_path / "file", check=refuse)
