"""nodefix/files.py: nobody ever sees half of a file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from nodefix.host.writing import remove, sync_directory, write_atomic


def others(file: Path) -> list[str]:
    """What else lies in a file's folder."""
    return sorted(path.name for path in file.parent.iterdir() if path != file)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there."""
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"old")
    file.chmod(0o640)
    return file


def test_new_file_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "plain", b"a")
        write_atomic(tmp_path / "private", b"b", mode=0o600)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "plain"), mode(tmp_path / "private")) == (0o644, 0o600)
    assert (tmp_path / "plain").read_bytes() == b"a"


@pytest.mark.parametrize("kind", ["named pipe", "directory"])
def test_something_else_than_a_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if kind == "directory":
        target.mkdir()
    else:
        os.mkfifo(target)
    link.symlink_to(target)
    for path in (link, target):
        with pytest.raises(OSError, match=f"found a {kind}, expected a regular file"):
            write_atomic(path, b"new")
    assert not stat.S_ISREG(target.stat().st_mode)
    assert not target.with_name(f".{target.name}.nodefix").exists()


def test_a_link_is_followed_or_refused(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(old)
    with pytest.raises(OSError, match="found a symbolic link, expected a regular file"):
        write_atomic(link, b"new", follow=False)
    assert old.read_bytes() == b"old"
    write_atomic(link, b"new")
    assert (old.read_bytes(), link.is_symlink()) == (b"new", True)


def test_old_file_keeps_its_mode_and_owner(old: Path) -> None:
    old.chmod(0o2640)
    if os.geteuid() == 0:
        os.chown(old, 65534, 65534)
        old.chmod(0o2640)
    before = old.stat()
    write_atomic(old, b"new", mode=0o600)
    after = old.stat()
    assert old.read_bytes() == b"new"
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert others(old) == []


def test_old_file_keeps_its_extended_attributes(old: Path) -> None:
    try:
        os.setxattr(old, "user.label", b"system_u:object_r:etc_t:s0")
    except OSError:
        pytest.skip(f"the file system of {old} has no extended attributes")
    write_atomic(old, b"new")
    assert os.getxattr(old, "user.label") == b"system_u:object_r:etc_t:s0"


@pytest.mark.parametrize(("number", "raises"), [(errno.ENOTSUP, False), (errno.EACCES, True)])
def test_file_system_without_extended_attributes(
    old: Path, monkeypatch: pytest.MonkeyPatch, number: int, raises: bool
) -> None:
    def refuse(*_: object) -> list[str]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "listxattr", refuse)
    if raises:
        with pytest.raises(PermissionError):
            write_atomic(old, b"new")
        assert old.read_bytes() == b"old"
        assert others(old) == []
    else:
        write_atomic(old, b"new")
        assert old.read_bytes() == b"new"


def test_symbolic_link_stays_one(old: Path) -> None:
    link = old.parent.parent / "link"
    link.symlink_to("folder/file")
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert (old.read_bytes(), mode(old)) == (b"new", 0o640)


@pytest.mark.parametrize("step", ["rename", "fsync", "fchmod"])
def test_the_old_content_stands_if_anything_fails(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path if step == "rename" else os, step, refuse)
    with pytest.raises(OSError, match=f"No space left on device: '{old}'"):
        write_atomic(old, b"new")
    assert old.read_bytes() == b"old"
    assert others(old) == []


def test_what_a_crash_left_is_not_in_the_way(old: Path) -> None:
    write_atomic(old, b"one")
    beside = old.with_name(".file.nodefix")
    beside.write_bytes(b"half of it")
    beside.chmod(0o777)
    write_atomic(old, b"two")
    assert (old.read_bytes(), mode(old)) == (b"two", 0o640)
    assert others(old) == []


def test_a_link_laid_for_it_is_not_followed(old: Path) -> None:
    victim = old.parent.parent / "victim"
    victim.write_bytes(b"precious")
    old.with_name(".file.nodefix").symlink_to(victim)
    write_atomic(old, b"new")
    assert victim.read_bytes() == b"precious"
    assert old.read_bytes() == b"new"


def test_content_is_on_disk_before_the_name_and_the_name_after(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        events.append("sync folder" if is_folder else "sync file")

    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        events.append("rename")
        return real(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    write_atomic(old, b"new")
    assert events == ["sync file", "rename", "sync folder"]


def test_only_a_folder_can_be_synced_as_one(old: Path) -> None:
    with pytest.raises(NotADirectoryError):
        sync_directory(old)


def test_folder_that_cannot_be_synced_is_named(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=f"Input/output error: '{old.parent}'"):
        remove(old)


def test_no_descriptor_is_left_open(old: Path) -> None:
    count = len([*Path("/proc/self/fd").iterdir()])
    write_atomic(old, b"new")
    assert len([*Path("/proc/self/fd").iterdir()]) == count


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_removed_for_good(old: Path, synced: list[int], kind: str) -> None:
    target = old.with_name("target")
    if kind == "link":
        target.symlink_to(old)
    elif kind == "folder":
        target.mkdir()
    else:
        target.touch()
    remove(target)
    assert others(old) == []
    assert old.read_bytes() == b"old"
    assert len(synced) == 1


def test_a_folder_with_something_in_it_is_not_removed(old: Path) -> None:
    with pytest.raises(OSError, match="not empty"):
        remove(old.parent)
    assert old.exists()
