"""nodefix/host/tails.py: the ends of files and streams of any size and kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodefix.errors import UnclearError
from nodefix.host.tails import file_tail, stream_tail


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe's two ends."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_only_the_end_of_a_large_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"begin" + b"x" * 1000 + b"end")
    # As large as none that one would read whole.
    os.truncate(file, 1 << 40)
    with file.open("ab") as opened:
        opened.write(b"last")
    assert file_tail(file, 6) == (b"\0\0last", True)


def test_a_small_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"all")
    assert file_tail(file) == (b"all", False)


def test_files_of_proc_have_no_size() -> None:
    assert file_tail(Path("/proc/self/status"))[0].startswith(b"Name:")


@pytest.mark.parametrize("begin", [b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"])
def test_compressed(tmp_path: Path, begin: bytes) -> None:
    file = tmp_path / "0.log.gz"
    file.write_bytes(begin + b"more")
    with pytest.raises(UnclearError) as caught:
        file_tail(file)
    assert caught.value.hint.endswith(f"cat {file} | nodefix explain -")


def test_directories_and_devices_are_refused(tmp_path: Path) -> None:
    for path, kind in ((tmp_path, "directory"), (Path("/dev/zero"), "device")):
        with pytest.raises(UnclearError, match=f"found a {kind}, expected a file"):
            file_tail(path)


def test_pipe_as_a_file(tmp_path: Path, pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"from a pipe")
    path = Path(f"/proc/self/fd/{pipe[0]}")
    os.set_blocking(pipe[0], False)
    with pytest.MonkeyPatch.context() as patch:
        pieces = iter([b"from a ", b"pipe", b""])
        patch.setattr(os, "read", lambda descriptor, size: next(pieces))
        assert file_tail(path) == (b"from a pipe", False)


def test_named_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert file_tail(path) == (b"", False)


def test_stream_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "read", lambda descriptor, size: b"y\n" * (size // 2))
    assert stream_tail(0, limit=4, most=3 << 20) == (b"y\ny\n", True)


def test_interrupt_ends_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"first\n", b"second\n"]

    def read(descriptor: int, size: int) -> bytes:
        if not pieces:
            raise KeyboardInterrupt
        return pieces.pop(0)

    monkeypatch.setattr(os, "read", read)
    assert stream_tail(0) == (b"first\nsecond\n", False)
