"""nodefix/commands/collect.py and nodefix/host/newfile.py: the archive, and how it is written."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

import pytest
from commandline import status

from nodefix.collect.bundle import Bundle
from nodefix.collect.taken import Count
from nodefix.commands import collect as command
from nodefix.host import newfile

WHOLE = Bundle({"index.txt": b"i\n", "check.json": b"{}\n"}, [Count("ipv4", 2, 5)], {})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, and something to collect."""
    monkeypatch.chdir(tmp_path)
    _collects(monkeypatch, WHOLE)
    return tmp_path


def _collects(monkeypatch: pytest.MonkeyPatch, bundle: Bundle) -> None:
    monkeypatch.setattr(command, "collect", lambda host, by, now: bundle)


def test_a_neutral_name_and_neutral_members(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("collect") == 0
    (file,) = here.iterdir()
    stem = file.name.removesuffix(".tar.gz")
    assert stem.startswith("nodefix-2") and len(stem) == len("nodefix-20260101T000000Z")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as archive:
        members = archive.getmembers()
        first = archive.extractfile(members[0])
        assert first and first.read() == b"{}\n"
    assert [one.name for one in members] == [f"{stem}/check.json", f"{stem}/index.txt"]
    for one in members:
        assert (one.uid, one.gid, one.uname, one.gname, one.mtime) == (0, 0, "", "", 0)
    # gzip(1): no name and no time of the file.
    assert file.read_bytes()[3:8] == b"\0" * 5
    out = capsys.readouterr().out
    assert f"wrote {file}: 1 KiB, 2 files\n" in out
    assert "  IPv4 addresses: 2 (in 5 places)\n" in out
    assert f"tar -xzOf {file} | less" in out


def test_what_is_missing_is_said(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _collects(monkeypatch, WHOLE._replace(missing={"check.json": "only root"}))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert status("collect", "x.tar.gz") == 2
    assert (here / "x.tar.gz").is_file()
    assert capsys.readouterr().err == (
        "missing: check.json: only root\n  only root can collect all of it: sudo nodefix collect\n"
    )


def test_a_file_that_is_there_stays_unless_asked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = here / "x.tar.gz"
    file.write_text("mine")
    file.chmod(0o644)
    assert status("collect", "x.tar.gz") == 1
    assert file.read_text() == "mine"
    assert f"try: nodefix collect --force {file}" in capsys.readouterr().err
    assert status("collect", "--force", "x.tar.gz") == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in here.iterdir()] == ["x.tar.gz"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_is_no_file_stays(
    here: Path, force: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "target").write_text("mine")
    (here / "link.tar.gz").symlink_to("target")
    (here / "folder.tar.gz").mkdir()
    os.mkfifo(here / "pipe.tar.gz")
    for name in ("link", "folder", "pipe", "none/x"):
        assert status("collect", *force, f"{name}.tar.gz") == 1
        assert "try: nodefix collect /var/tmp/nodefix-" in capsys.readouterr().err
    assert (here / "target").read_text() == "mine"
    assert (here / "link.tar.gz").is_symlink()


@pytest.mark.parametrize("name", ["-", "/tmp", "x.zip", ""])
def test_usage(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("collect", name) == 64
    assert "expected a name that ends in .tar.gz" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_a_file_that_comes_meanwhile_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "x.tar.gz"
    monkeypatch.setattr(newfile, "expect_place", lambda *_: file.write_text("mine"))
    assert status("collect", "x.tar.gz") == 1
    assert [one.name for one in here.iterdir()] == ["x.tar.gz"]
    assert file.read_text() == "mine"


def test_a_file_system_without_links(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    newfile.write_new(here / "x.tar.gz", b"it", False)
    assert (here / "x.tar.gz").read_bytes() == b"it"
    assert [one.name for one in here.iterdir()] == ["x.tar.gz"]


def test_a_full_disk_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert status("collect", "x.tar.gz") == 1
    assert "x.tar.gz: No space left on device" in capsys.readouterr().err
    assert list(here.iterdir()) == []
