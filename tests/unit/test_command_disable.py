"""nodefix/commands/disable.py: `nodefix disable`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakehost import Node

from nodefix import gate
from nodefix.cli import main
from nodefix.commands.disable import disable
from nodefix.config import Config
from nodefix.errors import BusError
from nodefix.switch import Switch, read_switch
from nodefix.words import METRICS_HEAD

FILE = "/etc/nodefix/disabled"
BY_HAND = b"until friday\n"


@pytest.fixture(autouse=True)
def _who(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.host.users.who", lambda root: "ann")


def switch(node: Node) -> Switch:
    found = read_switch(f"{node.root}/")
    assert found
    return found


def test_what_tells_of_the_last_run_goes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    file = node.file("/srv/nodefix.prom", METRICS_HEAD + b"x\n")
    monkeypatch.setattr(
        "nodefix.config.load", lambda root: Config(metrics_file="/srv/nodefix.prom")
    )
    assert disable(node.root, node.systemd, "", now=False) == 0
    assert not file.exists()


def test_writes_why_who_and_when(
    node: Node, synced: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    # As the package leaves it.
    node.host.path("/etc/nodefix").mkdir(parents=True)
    assert disable(node.root, node.systemd, "no\ntime", now=False) == 0
    found = switch(node)
    assert (found.reason, found.by, found.odd) == ("no time", "ann", "")
    assert found.when.endswith("Z")
    assert gate.is_switched_off(f"{node.root}/")
    assert node.host.path(FILE).stat().st_mode & 0o777 == 0o644
    # The file, and its name in the folder.
    assert len(synced) == 2
    assert node.systemd.done == []
    said = capsys.readouterr().err
    assert "nodefix is switched off by /etc/nodefix/disabled: no time, by ann, " in said
    assert "nodefix enable" in said
    assert "nodefix disable --now" in said


def test_now_lets_a_held_kubelet_go(node: Node) -> None:
    def restarted() -> None:
        assert gate.is_switched_off(f"{node.root}/")

    node.systemd.on_restart = restarted
    assert disable(node.root, node.systemd, "", now=True) == 0
    assert node.systemd.done == [("restart", "nodefix.service")]


def test_now_without_a_bus(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.systemd.failing["restart_unit"] = BusError("no bus")
    assert disable(node.root, node.systemd, "", now=True) == 1
    assert gate.is_switched_off(f"{node.root}/")
    said = capsys.readouterr().err
    assert "nodefix.service could not be restarted: no bus" in said
    assert "systemctl restart kubelet" in said


def test_again_changes_nothing(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    disable(node.root, node.systemd, "a", now=False)
    before = node.snapshot()
    inode = node.host.path(FILE).stat().st_ino
    for reason in ("", "a"):
        assert disable(node.root, node.systemd, reason, now=False) == 0
        assert "switched off already by /etc/nodefix/disabled: a" in capsys.readouterr().err
    assert node.snapshot() == before
    assert node.host.path(FILE).stat().st_ino == inode


def test_another_reason_takes_the_first_ones_place(node: Node) -> None:
    for reason in ("a", "b"):
        disable(node.root, node.systemd, reason, now=False)
    assert switch(node).reason == "b"


def test_a_file_that_was_touched_gets_the_reason(node: Node) -> None:
    node.file(FILE)
    disable(node.root, node.systemd, "a", now=False)
    assert switch(node).reason == "a"


@pytest.mark.parametrize("kind", ["somebody's words", "directory", "huge", "named pipe", "link"])
def test_what_is_somebodys_is_left_as_it_is(
    node: Node, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    node.file("/etc/nodefix/nodefix.yaml")
    if kind == "directory":
        node.file(f"{FILE}/x")
    elif kind == "named pipe":
        os.mkfifo(node.host.path(FILE))
    elif kind == "link":
        node.link(FILE, "/dev/null")
    else:
        node.file(FILE, BY_HAND if kind != "huge" else b"x" * (1 << 20))
    before = node.snapshot()
    assert disable(node.root, node.systemd, "a", now=True) == 0
    assert node.snapshot() == before
    assert node.systemd.done == [("restart", "nodefix.service")]
    assert "it is left as it is" in capsys.readouterr().err


def test_a_link_that_leads_nowhere_is_no_switch_for_the_service(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.link(FILE, "/nowhere")
    assert disable(node.root, node.systemd, "", now=True) == 1
    assert node.systemd.done == []
    assert "fix: rm /etc/nodefix/disabled && nodefix disable" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr("nodefix.host.writing.write_atomic", refuse)
    assert disable(node.root, node.systemd, "", now=True) == 1
    assert node.systemd.done == []
    said = capsys.readouterr().err
    assert "could not be written: Read-only file system\n  see: ls " in said
    assert "nodefix=off" in said


def test_root_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["disable", "--reason", "a b"]) == 77
    assert "sudo nodefix disable --reason 'a b'" in capsys.readouterr().err
