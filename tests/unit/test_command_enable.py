"""nodefix/commands/enable.py: `nodefix enable`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from boots import service
from fakehost import Node

from nodefix import gate
from nodefix.cli import main
from nodefix.commands import enable as command
from nodefix.commands.disable import disable
from nodefix.commands.enable import enable
from nodefix.errors import BusError

FILE = "/etc/nodefix/disabled"
RESTART = ("restart", "nodefix.service")


def test_takes_the_switch_away_and_has_it_run(
    node: Node, synced: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    node.file("/etc/nodefix/nodefix.yaml")
    before = node.snapshot()
    disable(node.root, node.systemd, "a reason", now=False)
    capsys.readouterr()
    synced.clear()
    assert enable(node.root, node.systemd) == 0
    assert node.snapshot() == before
    assert len(synced) == 1
    assert not gate.is_switched_off(f"{node.root}/")
    assert node.systemd.done == [RESTART]
    said = capsys.readouterr().err
    assert "switched on again; it was off by /etc/nodefix/disabled: a reason, by " in said
    assert "nodefix status --wait" in said


def test_again_starts_what_is_down_and_restarts_nothing(node: Node) -> None:
    assert enable(node.root, node.systemd) == 0
    assert node.systemd.done == [("start", "nodefix.service")]


@pytest.mark.parametrize("kind", ["empty directory", "huge", "named pipe", "link", "dangling"])
def test_odd_switches_go(node: Node, kind: str) -> None:
    place = node.file("/etc/nodefix/nodefix.yaml").with_name("disabled")
    if kind == "empty directory":
        place.mkdir()
    elif kind == "named pipe":
        os.mkfifo(place)
    elif kind == "huge":
        place.write_bytes(b"x" * (1 << 20))
    else:
        place.symlink_to("/dev/null" if kind == "link" else "/nowhere")
    assert enable(node.root, node.systemd) == 0
    assert not os.path.lexists(place)
    assert Path("/dev/null").exists()


def test_a_directory_with_something_in_it_stays(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.file(f"{FILE}/x")
    assert enable(node.root, node.systemd) == 1
    assert node.host.path(f"{FILE}/x").exists()
    assert node.systemd.done == []
    assert "fix: mv /etc/nodefix/disabled " in capsys.readouterr().err


def test_a_file_that_cannot_be_removed(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(command, "remove", refuse)
    node.file(FILE)
    assert enable(node.root, node.systemd) == 1
    said = capsys.readouterr().err
    assert "could not be removed: Operation not permitted\n  see: lsattr /etc/nodefix/" in said


def test_the_kernels_command_line_keeps_it_off_for_this_boot(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.file(FILE)
    node.file("/proc/cmdline", "ro nodefix=off\n")
    assert enable(node.root, node.systemd) == 2
    assert not node.host.path(FILE).exists()
    assert node.systemd.done == []
    assert "it stays switched off by /proc/cmdline: nodefix=off" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        (
            "GDBus.Error:org.freedesktop.systemd1.UnitMasked: Unit nodefix.service is masked.",
            "fix: systemctl unmask nodefix.service && systemctl start nodefix",
        ),
        ("no bus", "fix: systemctl status dbus; systemctl start nodefix"),
    ],
)
def test_a_service_that_cannot_be_started(
    node: Node, capsys: pytest.CaptureFixture[str], message: str, fix: str
) -> None:
    node.file(FILE)
    node.systemd.failing["restart_unit"] = BusError(message, "systemctl status dbus")
    assert enable(node.root, node.systemd) == 1
    assert not node.host.path(FILE).exists()
    assert fix in capsys.readouterr().err


def test_what_the_switch_kept_from_firewalls_is_started(node: Node) -> None:
    node.file(FILE)
    node.systemd.active |= {"firewalld.service", "nftables.service"}
    off = "nodefix-chains@nftables.service"
    node.systemd.services[off] = service("inactive", "dead", name=off, file_state="disabled")
    assert enable(node.root, node.systemd) == 0
    assert node.systemd.done == [
        RESTART,
        ("start", "nodefix-chains@firewalld.service"),
        ("start", "nodefix-watch.service"),
    ]


def test_root_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["enable"]) == 77
    assert "sudo nodefix enable" in capsys.readouterr().err
