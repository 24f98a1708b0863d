"""nodefix/switch.py: the file that switches nodefix off, whatever it is."""

from __future__ import annotations

import os

import pytest
from fakehost import Node

from nodefix import gate
from nodefix.switch import Kind, Switch, kind_of_switch, read_switch, tell_let_go

FILE = "/etc/nodefix/disabled"
OURS = Switch(FILE, "no time: `reboot` first", "ann", "2026-01-02T03:04:05Z")


def found(node: Node) -> Switch | None:
    return read_switch(f"{node.root}/")


def test_round_trip(node: Node) -> None:
    node.file(FILE, OURS.content())
    assert found(node) == OURS
    assert kind_of_switch(node.root) == Kind.OURS
    assert gate.is_switched_off(f"{node.root}/")


@pytest.mark.parametrize("reason", ["", "a\nby: eve\n", "\x1b[2J", "x" * 5000, "\udcff", "größe"])
def test_whatever_the_reason_is(node: Node, reason: str) -> None:
    content = OURS._replace(reason=reason).content()
    assert content.count(b"\n") == 5
    node.file(FILE, content)
    there = found(node)
    assert there
    assert (there.by, there.when, there.odd) == ("ann", OURS.when, "")
    assert len(there.reason) <= 300
    assert there.reason.isprintable()


def test_none(node: Node) -> None:
    assert found(node) is None
    assert kind_of_switch(node.root) == Kind.MISSING


@pytest.mark.parametrize(
    ("content", "reason", "kind"),
    [
        (b"", "", Kind.OURS),
        (b"# comment\n\n  until friday  \nmore\n", "until friday", Kind.SOMEBODYS),
        (b"\xff\x00\x1b[2J", "\ufffd\\x00\\x1b[2J", Kind.SOMEBODYS),
        (b"reason: disk\n", "disk", Kind.SOMEBODYS),
    ],
)
def test_somebodys_own(node: Node, content: bytes, reason: str, kind: Kind) -> None:
    node.file(FILE, content)
    assert found(node) == Switch(FILE, reason)
    assert kind_of_switch(node.root) == kind


def test_a_huge_one(node: Node) -> None:
    node.file(FILE, b"x" * (65 << 10))
    assert found(node) == Switch(FILE, odd="found more than 65536 bytes, expected less")
    assert kind_of_switch(node.root) == Kind.OTHER


def test_a_directory(node: Node) -> None:
    node.file(f"{FILE}/x")
    assert found(node) == Switch(FILE, odd="found a directory, expected a regular file")
    assert kind_of_switch(node.root) == Kind.FOLDER


def test_a_named_pipe(node: Node) -> None:
    node.file("/etc/nodefix/nodefix.yaml")
    os.mkfifo(node.host.path(FILE))
    assert found(node) == Switch(FILE, odd="found a named pipe, expected a regular file")
    assert kind_of_switch(node.root) == Kind.OTHER


@pytest.mark.parametrize(
    ("target", "kind"), [("/dev/null", Kind.OTHER), ("/nowhere", Kind.DANGLING)]
)
def test_a_link(node: Node, target: str, kind: Kind) -> None:
    node.link(FILE, target)
    there = found(node)
    assert there
    assert there.odd
    assert kind_of_switch(node.root) == kind


@pytest.mark.parametrize("file", ["/proc/cmdline", "/proc/1/cmdline"])
def test_the_kernels_command_line(node: Node, file: str) -> None:
    node.file(file, b"/sbin/init\0nodefix=off\0" if "1" in file else b"ro nodefix=off\n")
    there = found(node)
    assert there
    assert "nodefix=off on the kernel's command line" in there.reason
    node.file(file, b"nodefix=offer")
    assert found(node) is None


def test_kubelets_journal_has_the_reason(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.file(FILE, OURS.content())
    assert gate.wait(f"{node.root}/") == ""
    assert capsys.readouterr().err == (
        "nodefix is switched off, so kubelet may start: /etc/nodefix/disabled: no time: `reboot`"
        " first, by ann, 2026-01-02T03:04:05Z\n"
    )


def test_kubelet_starts_whatever_keeps_the_reason_from_being_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.file(FILE, OURS.content())
    monkeypatch.setattr("sys.stderr", None)
    assert gate.wait(f"{node.root}/") == ""
    monkeypatch.setattr("nodefix.switch.read_switch", lambda root: 1 / 0)
    tell_let_go(f"{node.root}/")
