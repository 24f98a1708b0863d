"""nodefix/commands/status.py: `nodefix status --svg`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from boots import READY
from commandline import below_root, journals, on_node
from commandline import status as nodefix
from pictured import CONTAINER, Boot, repaired

from nodefix.commands import status
from nodefix.errors import UnclearError
from nodefix.host.journald import Storage
from nodefix.host.systemd import Systemd
from nodefix.picture import make as module
from nodefix.picture.reading import Material
from nodefix.status.seen import Seen

__all__ = ["below_root", "journals", "on_node"]

pytestmark = pytest.mark.usefixtures("on_node")
SUDO = "  try: sudo nodefix status --svg x.svg --long\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to stand in, and a boot to draw."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(status, "look", lambda root, systemd: READY._replace(boot_id="a-b"))
    monkeypatch.setattr(status, "storage", lambda root: Storage(True, True))
    _reads(monkeypatch, repaired())
    yield folder


def _reads(monkeypatch: pytest.MonkeyPatch, boot: Boot) -> None:
    def read(systemd: Systemd, boot_id: str) -> Material:
        assert boot_id == "ab"
        return boot.material(60.0)

    monkeypatch.setattr(module, "read", read)


def test_a_file_beside_what_status_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nodefix("status", "--svg", "x.svg") == 0
    said = capsys.readouterr()
    assert said.out.startswith("ready since ")
    assert said.err == f"wrote {here}/x.svg; a web browser shows it\n"
    file = here / "x.svg"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().isascii()
    root = ElementTree.parse(file).getroot()
    # At its head stands what status says.
    assert said.out.partition("\n")[0] in [one.text for one in root.iter()]
    assert CONTAINER.userspace


def test_standard_output_has_the_picture_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nodefix("status", "--svg", "-") == 0
    said = capsys.readouterr()
    assert ElementTree.fromstring(said.out).tag.endswith("svg")
    assert said.err == ""
    assert list(here.iterdir()) == []


def test_a_folder_that_is_gone_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.rmdir()
    assert nodefix("status", "--svg", "x.svg") == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "nodefix status: x.svg: No such file or directory"
    assert said[1].startswith("  try: nodefix status --svg /var/tmp/nodefix-")


def test_a_file_that_is_there_stays_unless_asked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = here / "x y.svg"
    file.write_text("mine")
    assert nodefix("status", "--svg", "x y.svg") == 1
    assert file.read_text() == "mine"
    said = capsys.readouterr()
    # It is said at once, before anything is waited for.
    assert said.out == ""
    assert "try: nodefix status --svg 'x y.svg' --force\n" in said.err
    assert nodefix("status", "--svg", "x y.svg", "--force") == 0
    assert file.read_text().startswith("<?xml")
    assert [one.name for one in here.iterdir()] == ["x y.svg"]


def test_a_file_that_comes_meanwhile_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "x.svg"
    monkeypatch.setattr(status, "expect_place", lambda *_: file.write_text("mine"))
    assert nodefix("status", "--svg", "x.svg") == 1
    assert file.read_text() == "mine"
    assert [one.name for one in here.iterdir()] == ["x.svg"]


@pytest.mark.parametrize("name", ["folder", "link", "none/x.svg", ""])
def test_what_is_no_file_stays(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "folder").mkdir()
    (here / "link").symlink_to("/nowhere")
    assert nodefix("status", "--svg", name, "--force") == 1
    assert "  try: nodefix status --svg /var/tmp/nodefix-2" in capsys.readouterr().err
    assert (here / "link").is_symlink()


def test_whoever_may_not_read_the_journal_is_told_what_to_type(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "storage", lambda root: Storage(True, False))
    assert nodefix("status", "--svg", "x.svg", "--long") == 1
    assert capsys.readouterr().err == (
        f"nodefix status: this user may not read the system's journal\n{SUDO}"
    )
    assert list(here.iterdir()) == []


def test_a_journal_that_cannot_be_read(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(systemd: Systemd, boot_id: str) -> Material:
        raise UnclearError("the journal cannot be read: Bad message", "journalctl --verify")

    monkeypatch.setattr(module, "read", read)
    assert nodefix("status", "--svg", "x.svg") == 1
    said = capsys.readouterr()
    assert said.out.startswith("ready since ")
    assert "Bad message\n  try: journalctl --verify\n" in said.err
    assert list(here.iterdir()) == []


def test_a_full_disk_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert nodefix("status", "--svg", "x.svg") == 1
    assert "x.svg: No space left on device" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [["--force"], ["--svg", "-", "--force"], ["--svg", "-", "--format", "json"], ["--svg"]],
)
def test_usage(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def look(root: Path, systemd: Systemd) -> Seen:
        raise AssertionError("nothing is looked at")

    monkeypatch.setattr(status, "look", look)
    assert nodefix("status", *words) == 64
