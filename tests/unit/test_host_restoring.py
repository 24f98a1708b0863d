"""nodefix/host/restoring.py: complete beside its place, then named; what is others' stays."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from nodefix.host.restoring import (
    Metadata,
    move,
    put_file,
    put_folder,
    put_link,
    remove,
    sweep_beside,
)


def names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def test_a_link_as_it_was_stored(tmp_path: Path, synced: list[int]) -> None:
    put_link(tmp_path / "x", "..//a/./b/", None, replace=False)
    assert os.readlink(tmp_path / "x") == "..//a/./b/"  # noqa: PTH115
    assert names(tmp_path) == ["x"]
    assert len(synced) == 1


@pytest.mark.parametrize("kind", ["link", "file", "folder"])
def test_what_appeared_in_an_empty_place_is_kept(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x").write_text("theirs")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        match kind:
            case "link":
                put_link(tmp_path / "x", "y", None, replace=False)
            case "file":
                put_file(tmp_path / "x", b"ours", Metadata(0o600), replace=False)
            case _:
                put_folder(tmp_path / "x", 0o755, None)
    assert (tmp_path / "x").read_text() == "theirs"


def test_a_file_takes_the_place_of_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    (tmp_path / "y").write_text("theirs")
    (tmp_path / "x").symlink_to("y")
    put_file(tmp_path / "x", b"ours", Metadata(0o4711), replace=True)
    assert not (tmp_path / "x").is_symlink()
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o4711
    assert (tmp_path / "y").read_text() == "theirs"


def test_attributes_are_those_that_are_given(tmp_path: Path) -> None:
    try:
        os.setxattr(tmp_path, "user.a", b"")
    except OSError:
        pytest.skip(f"the file system of {tmp_path} has no extended attributes")
    put_file(tmp_path / "x", b"", Metadata(0o600, None, {"user.a": b"\0\xff"}), replace=False)
    assert os.getxattr(tmp_path / "x", "user.a") == b"\0\xff"
    put_file(tmp_path / "x", b"", Metadata(0o600, None, {"user.b": b""}), replace=True)
    assert os.listxattr(tmp_path / "x") == ["user.b"]


def test_a_file_system_without_attributes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[str]:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "listxattr", refuse)
    put_file(tmp_path / "x", b"", Metadata(0o600, None, {}), replace=False)
    with pytest.raises(OSError, match="not supported"):
        put_file(tmp_path / "y", b"", Metadata(0o600, None, {"user.a": b""}), replace=False)
    assert names(tmp_path) == ["x"]


def test_a_folder_with_its_mode(tmp_path: Path) -> None:
    put_folder(tmp_path / "x", 0o3751, None)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o3751


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners(tmp_path: Path) -> None:
    put_link(tmp_path / "a", "x", (11, 12), replace=False)
    put_file(tmp_path / "b", b"", Metadata(0o4755, (11, 12)), replace=False)
    put_folder(tmp_path / "c", 0o755, (11, 12))
    for place in tmp_path.iterdir():
        assert (place.lstat().st_uid, place.lstat().st_gid) == (11, 12)
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o4755


def test_a_folder_that_is_not_empty_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/y").touch()
    with pytest.raises(OSError, match="not empty"):
        remove(tmp_path / "x")
    (tmp_path / "x/y").unlink()
    remove(tmp_path / "x")
    assert names(tmp_path) == []


def test_a_link_to_a_folder_goes_as_a_link(tmp_path: Path) -> None:
    (tmp_path / "y").mkdir()
    (tmp_path / "x").symlink_to("y")
    remove(tmp_path / "x")
    assert names(tmp_path) == ["y"]


def test_a_folder_is_moved_over_a_link_and_over_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "saved/inside").mkdir(parents=True)
    (tmp_path / "x").symlink_to("nowhere")
    move(tmp_path / "saved", tmp_path / "x")
    assert names(tmp_path / "x") == ["inside"]
    (tmp_path / "other").write_text("theirs")
    with pytest.raises(OSError, match="exists"):
        move(tmp_path / "x", tmp_path / "other")
    assert (tmp_path / "other").read_text() == "theirs"


@pytest.mark.parametrize("left", ["file", "link", "folder"])
def test_what_a_kill_left_does_not_stay(tmp_path: Path, left: str) -> None:
    made = tmp_path / ".restored.nodefix"
    match left:
        case "file":
            made.write_text("half")
        case "link":
            made.symlink_to("x")
        case _:
            made.mkdir()
    sweep_beside(tmp_path / "x")
    assert names(tmp_path) == []
    sweep_beside(tmp_path / "no/folder")
