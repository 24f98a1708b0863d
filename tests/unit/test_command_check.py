"""nodefix/commands/check.py: `nodefix check`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import pytest
import yaml
from commandline import below_root, status
from crictl import container, listed, with_crictl
from fakehost import Node
from proxysigns import with_nft
from pytest_mock import MockerFixture

from nodefix import foresight
from nodefix.advice.finding import Advice, Advised, Unknown
from nodefix.commands import check as command
from nodefix.config import Config
from nodefix.errors import BusError, ConfigError, UnclearError
from nodefix.host.units import UnitState
from nodefix.live.event import Told
from nodefix.plan import Change, Plan, Problem
from nodefix.words import UNIT

__all__ = ["below_root"]

CHANGE = Change("swap /dev/vda2", "on", "off", "free -m", None)
BROKEN = Problem("it is broken", "mend it")
UNREAD = Problem("it cannot be read", "ls", code="stage-unclear")
TIP = Advice(
    "firewalld-active", "firewalld: found active", "It rejects.", "systemctl stop firewalld"
)


class Looks:
    """What the stages and the advisers come to.

    Attributes:
        plans: the stages' plans.
        advised: what the advisers say.
        asked: the names with which the stages were asked.
        settings: what the settings are, or what is wrong with them.
    """

    def __init__(self) -> None:
        self.plans: Mapping[str, Plan] = {"swap": Plan()}
        self.advised = Advised()
        self.asked: list[object] = []
        self.settings: Config | ConfigError = Config()

    def load(self, root: object) -> Config:
        """The settings."""
        if isinstance(self.settings, ConfigError):
            raise self.settings
        return self.settings


@pytest.fixture
def looks(
    el10: Node, below_root: None, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> Looks:
    """Let `nodefix check` look at a made-up node, as root."""
    found = Looks()

    def dry_run(host: object, config: object, names: object) -> Mapping[str, Plan]:
        found.asked.append(names)
        return found.plans

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(command, "load", found.load)
    mocker.patch.object(command, "open_host", return_value=el10.host)
    with_nft(el10, "")
    monkeypatch.setattr(foresight, "foresee", dry_run)
    monkeypatch.setattr(command, "advise", lambda host, config: found.advised)
    return found


@pytest.mark.parametrize(
    ("plan", "advised", "expected"),
    [
        (Plan(), Advised(), 0),
        (Plan(skipped="not here"), Advised(), 0),
        (Plan((CHANGE,)), Advised((TIP,)), 1),
        (Plan(problems=(BROKEN,)), Advised(), 1),
        (Plan(), Advised((TIP,)), 2),
        (Plan(problems=(UNREAD,)), Advised((TIP,)), 3),
        (Plan(), Advised(unknown=(Unknown(("units",), "no bus"),)), 3),
    ],
)
def test_exit_status(looks: Looks, node: Node, plan: Plan, advised: Advised, expected: int) -> None:
    looks.plans, looks.advised = {"swap": plan}, advised
    before = node.snapshot()
    assert status("check") == expected
    assert node.snapshot() == before
    assert node.systemd.done == []


def test_one_stage_without_advice(looks: Looks) -> None:
    looks.advised = Advised((TIP,))
    assert status("check", "--stage", "swap") == 0
    assert looks.asked == [["swap"]]


def test_json_and_yaml_hold_the_same(looks: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    looks.plans = {"swap": Plan((CHANGE,))}
    assert status("check", "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["stages"][0]["status"] == "differs"
    assert status("check", "--format", "yaml") == 1
    assert yaml.safe_load(capsys.readouterr().out) == found


def test_a_live_node_tells_of_kube_proxy(
    looks: Looks, node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.systemd.active.add("kubelet.service")
    with_crictl(node, listed(container(attempt=2, state="CONTAINER_EXITED")))
    folder = "kube-system_kube-proxy-x7k2p_3f1c7a52-6d55-4b0e-9a52-0c1f4d8e7b61/kube-proxy"
    node.file(f"/var/log/pods/{folder}/2.log", "2026-11-27T03:00:00Z stderr F E1127 broken\n")
    assert status("check") == 1
    said = capsys.readouterr().out
    assert "found it not running after 3 starts" in said
    assert "the last of its log: 2026-11-27T03:00:00Z E1127 broken" in said
    assert "fix: nodefix restart-kube-proxy" in said


def test_kube_proxy_is_not_looked_at_with_a_stage(looks: Looks, node: Node) -> None:
    node.systemd.active.add("kubelet.service")
    assert status("check", "--stage", "swap") == 0


@pytest.mark.parametrize("unit", ["k3s.service", "k3s-agent.service"])
def test_kube_proxy_in_another_process(
    looks: Looks, node: Node, capsys: pytest.CaptureFixture[str], unit: str
) -> None:
    node.systemd.active.add(unit)
    assert status("check") == 0
    assert f"kube-proxy: it is a part of {unit}, which runs" in capsys.readouterr().out


def test_a_cluster_without_kube_proxy(looks: Looks, node: Node) -> None:
    node.systemd.active.add("kubelet.service")
    assert status("check") == 3
    looks.settings = Config(kube_proxy="none")
    assert status("check") == 0


def test_a_log_of_kube_proxy_that_cannot_be_read(looks: Looks, node: Node) -> None:
    node.systemd.active.add("kubelet.service")
    with_crictl(node, listed(container()))
    folder = "kube-system_kube-proxy-x7k2p_3f1c7a52-6d55-4b0e-9a52-0c1f4d8e7b61/kube-proxy"
    node.host.path(f"/var/log/pods/{folder}/0.log").mkdir(parents=True)
    assert status("check") == 3


def test_a_bus_that_does_not_answer_is_told_of_kube_proxy_too(looks: Looks, node: Node) -> None:
    node.systemd.failing["active_units"] = BusError("no bus", "x")
    assert status("check") == 3


def test_an_ordinary_user_is_told_what_to_type(
    looks: Looks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    denied = Problem("nft: Operation not permitted", "journalctl -k", code="stage-error")
    looks.plans = {"swap": Plan(), "chains": Plan(problems=(denied,))}
    looks.advised = Advised(unknown=(Unknown(("default_drop",), denied.message, "x"),))
    assert status("check") == 3
    said = capsys.readouterr().out
    assert "swap: as it should be\nchains: could not be told\n" in said
    assert f"  chains, default drop: {denied.message}\n    fix: sudo nodefix check\n" in said


def test_outside_the_scope(looks: Looks, node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.file("/etc/os-release", "ID=debian\n")
    assert status("check") == 0
    assert capsys.readouterr().out.startswith("nothing to check on this system: found debian")
    assert status("check", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["exit_status"]) == ("outside", 0)
    assert looks.asked == []


def test_outside_the_scope_by_force(looks: Looks, node: Node) -> None:
    node.file("/etc/os-release", "ID=debian\n")
    looks.settings = Config(scope="force")
    looks.plans = {"swap": Plan((CHANGE,))}
    assert status("check") == 1


def test_switched_off(looks: Looks, node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.file("/etc/nodefix/disabled")
    looks.plans = {"swap": Plan((CHANGE,))}
    assert status("check") == 1
    assert capsys.readouterr().out.startswith("nodefix is switched off: ")


def test_while_a_run_is_going_on(
    looks: Looks, node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.systemd.states[UNIT] = UnitState("loaded", "activating", "start")
    assert status("check") == 0
    assert capsys.readouterr().out.startswith("nodefix.service is at work: ")
    # The pause before it is tried again.
    node.systemd.states[UNIT] = UnitState("loaded", "activating", "auto-restart")
    assert status("check") == 0
    assert "at work" not in capsys.readouterr().out


def test_without_a_bus(looks: Looks, node: Node) -> None:
    node.systemd.failing["unit_state"] = BusError("no bus", "x")
    assert status("check") == 0


def test_bad_settings(looks: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    looks.settings = ConfigError(["x.yaml: swap: found 1"])
    assert status("check") == 64
    assert "x.yaml: swap: found 1\n  fix: nodefix config check" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--stage", "x"], ["--format", "x"], ["x"]])
def test_bad_usage(looks: Looks, arguments: list[str]) -> None:
    assert status("check", *arguments) == 64


@pytest.mark.parametrize(
    ("plan", "failure", "expected"),
    [(Plan(), "", 0), (Plan((CHANGE,)), "", 1), (Plan(), "no", 4), (Plan((CHANGE,)), "no", 1)],
)
def test_the_cluster_is_told_and_the_own_status_stays(
    looks: Looks,
    mocker: MockerFixture,
    capsys: pytest.CaptureFixture[str],
    plan: Plan,
    failure: str,
    expected: int,
) -> None:
    effect = UnclearError("no answer", "look") if failure else None
    told = mocker.patch(
        "nodefix.live.event.report", return_value=Told("w.1", "w", 2), side_effect=effect
    )
    looks.plans = {"swap": plan}
    assert status("check", "--report-node", "--format", "json") == expected
    printed = capsys.readouterr()
    found = json.loads(printed.out)["reported"]
    # No run has opened the gate.
    assert told.call_args.args[1].reason == found["reason"] == "NodefixHeld"
    said = "nodefix: the cluster was not told: no answer\n  fix: look\n"
    assert printed.err == (said if failure else "")
    assert (found.get("event", ""), found.get("name", "")) == ("", "" if failure else "w.1")
    status("check", "--report-node")
    line = "\nnode w: event NodefixHeld, told 2 times in this boot\n"
    assert capsys.readouterr().out.endswith(line) == (not failure)


def test_without_the_option_nobody_is_told(looks: Looks, mocker: MockerFixture) -> None:
    told = mocker.patch("nodefix.live.event.report")
    assert status("check") == 0
    told.assert_not_called()


def test_who_may_not_tell_the_cluster(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status("check", "--report-node", "--stage", "swap") == 64
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert status("check", "--report-node") == 77


def test_event_tells_whether_kubelet_may_start(
    looks: Looks, node: Node, mocker: MockerFixture
) -> None:
    told = mocker.patch("nodefix.live.event.report", return_value=Told("w.1", "w", 1))
    node.file("/etc/nodefix/disabled")
    assert status("check", "--report-node") == 0
    assert told.call_args.args[1].reason == "NodefixReady"
