"""nodefix/commands/rollback.py: what was changed comes back, and nodefix is switched off."""

from __future__ import annotations

import json
import os
from typing import cast

import pytest
import yaml
from commandline import below_root, status
from fakehost import Node, Recorder, repair, result
from netfilter import Tables
from rolling import everything, names
from swaps import turn_on
from test_undo import lasting

from nodefix import events
from nodefix.commands import rollback as command
from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.errors import BusError
from nodefix.gate import is_switched_off
from nodefix.host.lock import run_lock
from nodefix.journal import Journal
from nodefix.plan import Undo
from nodefix.stages import chains, lockfile, swap
from nodefix.switch import read_switch
from nodefix.undo import UndoLog
from nodefix.words import SWITCH

__all__ = ["below_root"]

FSTAB = "/dev/vda1 / ext4\n/dev/vda2 none swap sw\n"


@pytest.fixture
def repaired(node: Node) -> Node:
    """A node with a repaired fstab, an entry of tmpfiles.d, and chains of this boot."""
    turn_on(node)
    node.file("/etc/fstab", FSTAB)
    node.file("/etc/tmpfiles.d/site.conf", "theirs")
    (node.root / "run").mkdir()
    node.programs.table[("/usr/bin/systemd-tmpfiles",)] = result()
    Tables(node)
    Tables(node, six=True)
    for stage in (swap, lockfile):
        run_stage(stage, node.host, Config())
    assert not repair(chains, node).changes
    node.systemd.done.clear()
    return node


def roll(
    node: Node, *names: str, form: str = "text", dry_run: bool = False, said: Recorder | None = None
) -> int:
    journal = cast(Journal, said or Recorder())
    return command.rollback(node.host, journal, names, form, dry_run=dry_run)


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_all_of_it_comes_back_and_nodefix_is_off(
    repaired: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert roll(repaired) == 0
    assert repaired.host.read("/etc/fstab") == FSTAB.encode()
    assert names(repaired, "/etc/tmpfiles.d") == ["site.conf"]
    assert repaired.systemd.done == [("reload",)]
    assert is_switched_off(f"{repaired.root}/")
    switch = read_switch(f"{repaired.root}/")
    assert switch is not None
    assert switch.reason == "rolled back"
    lines = printed(capsys)
    assert lines[-1] == "nodefix is switched off; to switch it on again: nodefix enable"
    assert "swap: /etc/fstab (changed " in "\n".join(lines)
    assert (
        "  /etc/fstab line 2: restored: `# nodefix: swap is off for kubelet: /dev/vda2 none swap"
        " sw` -> `/dev/vda2 none swap sw`"
    ) in lines
    assert "chains: IPv4 table mangle: restored: KUBE-IPTABLES-HINT -> nothing" in lines
    assert "kernel modules that were loaded stay until the next boot" in lines


def test_a_second_one_does_nothing(repaired: Node, capsys: pytest.CaptureFixture[str]) -> None:
    roll(repaired)
    before = everything(repaired)
    switch = repaired.host.path(f"/{SWITCH}").stat()
    capsys.readouterr()
    assert roll(repaired) == 0
    assert everything(repaired) == before
    assert repaired.host.path(f"/{SWITCH}").stat() == switch
    assert printed(capsys)[0] == "nothing to restore"


def test_a_dry_run_changes_nothing(repaired: Node, capsys: pytest.CaptureFixture[str]) -> None:
    repaired.file("/proc/modules", "nf_tables 1 0 - Live 0x0\n")
    before = repaired.snapshot()
    said = Recorder()
    assert roll(repaired, dry_run=True, said=said) == 3
    assert repaired.snapshot() == before
    assert (said.records, repaired.systemd.done) == ([], [])
    lines = printed(capsys)
    assert lines[-1] == "nothing was changed; to do it: nodefix rollback"
    assert sum(": would be restored: " in line for line in lines) == 8
    roll(repaired)
    assert roll(repaired, dry_run=True) == 0


def test_of_one_stage_only_and_nodefix_stays_on(
    repaired: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert roll(repaired, "swap") == 0
    assert repaired.host.read("/etc/fstab") == FSTAB.encode()
    assert repaired.host.path("/etc/tmpfiles.d/nodefix.conf").exists()
    assert not is_switched_off(f"{repaired.root}/")
    assert printed(capsys)[-3:] == [
        "nodefix stays switched on, and its next run does this again; to prevent that, write into"
        " /etc/nodefix/nodefix.yaml:",
        "  stages:",
        "    swap: skip",
    ]


def test_what_was_changed_since_is_left_and_named(
    repaired: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    repaired.file("/etc/tmpfiles.d/nodefix.conf", "mine\n")
    said = Recorder()
    assert roll(repaired, said=said) == 2
    assert repaired.host.read("/etc/tmpfiles.d/nodefix.conf") == b"mine\n"
    out = "\n".join(printed(capsys))
    assert "  /etc/tmpfiles.d/nodefix.conf: left: nodefix left a file of " in out
    assert "    see: ls -ldZ /etc/tmpfiles.d/nodefix.conf /etc/tmpfiles.d" in out
    left, *_, last = said.records
    assert (left.message_id, left.priority) == (events.UNDONE, events.WARNING)
    assert left.fields["NODEFIX_STAGE"] == "lockfile"
    assert left.fields["NODEFIX_OUTCOME"] == "left"
    assert left.fields["NODEFIX_HINT"].startswith("ls -ldZ")
    assert (last.message_id, last.priority) == (events.ROLLED_BACK, events.WARNING)
    assert last.message == "rolled back: 7 restored, 1 left; nodefix is switched off"
    assert last.fields["NODEFIX_CHANGES"] == "7"


def test_a_damaged_entry_fails_and_the_others_are_done(
    repaired: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    repaired.file("/var/lib/nodefix/undo/0009.json", "{")
    assert roll(repaired) == 1
    assert repaired.host.read("/etc/fstab") == FSTAB.encode()
    assert printed(capsys)[0].endswith(
        "0009.json: left: it is damaged, or of another version's form"
    )


def test_chains_in_use_are_kept_and_that_is_no_failure(
    repaired: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    Tables(repaired).add("mangle", "KUBE-PROXY-CANARY")
    Tables(repaired, six=True)
    tables = Tables(repaired)
    tables.add("nat", "KUBE-PROXY-CANARY")
    tables.add("nat", "KUBE-SERVICES")
    assert roll(repaired) == 0
    assert "chains: IPv4 chains: kept: kubelet or kube-proxy uses them" in capsys.readouterr().out
    assert ("nat", "KUBE-SERVICES") in tables.chains


def test_no_bus_is_said(repaired: Node, capsys: pytest.CaptureFixture[str]) -> None:
    repaired.systemd.failing["reload"] = BusError("no bus")
    assert roll(repaired) == 0
    said = (
        "systemd has not reloaded its units: no bus; until the next boot: systemctl daemon-reload"
    )
    assert said in printed(capsys)


def test_a_switch_that_cannot_be_written(
    repaired: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    repaired.file("/etc/nodefix", "no folder")
    assert roll(repaired) == 1
    assert repaired.host.read("/etc/fstab") == FSTAB.encode()
    out = capsys.readouterr().out
    assert "nodefix is not switched off, so its next run does all of it again" in out
    assert "switch it on" not in out


def test_a_switch_that_leads_nowhere(repaired: Node, capsys: pytest.CaptureFixture[str]) -> None:
    repaired.link(f"/{SWITCH}", "nowhere")
    assert roll(repaired) == 1
    assert "leads nowhere" in capsys.readouterr().out


def test_another_run_in_the_way(
    repaired: Node, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LOCK_SECONDS", 0.0)
    before = everything(repaired)
    with run_lock(repaired.root, 0):
        assert roll(repaired) == 1
    err = capsys.readouterr().err
    assert "nothing was restored: waited 0 seconds for the run lock" in err
    assert {k: v for k, v in everything(repaired).items() if k[:11] != "run/nodefix"} == before


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_data_for_programs(repaired: Node, capsys: pytest.CaptureFixture[str], form: str) -> None:
    repaired.file("/var/lib/nodefix/undo/0009.json", "{")
    roll(repaired, form=form)
    data = (json.loads if form == "json" else yaml.safe_load)(capsys.readouterr().out)
    assert data["outcome"] == "failed"
    assert (data["dry_run"], data["switched_off"]) == (False, True)
    assert [one["target"] for one in data["entries"]] == [
        "/etc/tmpfiles.d/nodefix.conf",
        "/etc/fstab",
    ]
    assert data["entries"][1]["items"][0]["outcome"] == "restored"
    assert data["unreadable"][0]["file"].endswith("0009.json")
    assert {one["outcome"] for one in data["chains"]} == {"restored"}


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_odd_bytes_can_be_shown(node: Node, capsys: pytest.CaptureFixture[str], form: str) -> None:
    path = "/etc/systemd/system/\udcff\x1b.swap"
    due = lasting("\udcff\x1b")
    undo = Undo("unit-masked", {path: None}, {path: {"link": "\udcff\n"}})
    UndoLog(node.root).begin("swap", due._replace(undo=undo))
    node.link(path, "elsewhere\udcff\x1b")
    assert roll(node, "swap", form=form) == 2
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "left" in out


@pytest.mark.usefixtures("below_root")
def test_an_ordinary_user_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert status("rollback", "--stage", "swap") == 77
    assert "sudo nodefix rollback --stage swap" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--stage", "x"], ["--format", "x"], ["x"]])
def test_bad_usage(words: list[str]) -> None:
    assert status("rollback", *words) == 64
