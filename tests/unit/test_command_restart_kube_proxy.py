"""`nodefix restart-kube-proxy`."""

from __future__ import annotations

import os

import pytest
from commandline import below_root, journals, status
from crictl import PROGRAM
from fakehost import BOOT_ID, Recorder
from lastrun import leave
from liveproxy import KUBECTL, KubeProxy

from nodefix import events
from nodefix.commands import restart_kube_proxy
from nodefix.config import Config
from nodefix.errors import BusError, ConfigError
from nodefix.facts.kubeproxy_pod import RUNNING, ContainerFacts, KubeProxyFacts
from nodefix.host.lock import is_held, restart_lock, run_lock
from nodefix.host.units import UnitState
from nodefix.live import kept
from nodefix.plan import Problem
from nodefix.report import StageReport
from nodefix.store import ReportFiles
from nodefix.words import KUBE_PROXY, RESTART_LOCK, UNIT

__all__ = ["below_root", "journals"]


@pytest.fixture(autouse=True)
def as_root(
    proxy: KubeProxy, below_root: None, journals: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Type as root on the made-up node."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(restart_kube_proxy, "load", lambda root: Config(kube_proxy_restart="never"))
    opened = proxy.node.host, journals
    monkeypatch.setattr(restart_kube_proxy, "_open_host", lambda root: opened)


def test_restart(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("restart-kube-proxy") == 0
    told = capsys.readouterr()
    assert told.err == "restarting kube-proxy on node worker-1.example.org, for at most 90 s\n"
    assert told.out == (
        "kube-proxy was restarted on node worker-1.example.org (deleted pod kube-proxy-aaaa0) and"
        " has been up for 10 s\n"
    )
    assert len(proxy.deletes) == 1


def test_it_is_told_as_after_a_run(proxy: KubeProxy, journals: Recorder) -> None:
    leave(proxy.node, "ready", StageReport("chains", "required", "unchanged"))
    kept.keep(proxy.node.root, "the iptables alternatives were changed", ["container-0"])
    proxy.clock.after(3, lambda: seen.append(is_held(proxy.node.root)))
    seen: list[bool] = []
    assert status("restart-kube-proxy") == 0
    stage, end = journals.records
    assert (stage.message_id, stage.fields["NODEFIX_STAGE"]) == (events.STAGE_CHANGED, KUBE_PROXY)
    assert stage.message == (
        "kube-proxy: changed\n  kube-proxy: asked for by `nodefix restart-kube-proxy` -> restarted"
        " (deleted pod kube-proxy-aaaa0), up for 10 s"
    )
    assert end.message_id == events.RUN_FINISHED
    assert end.message.endswith("kubelet may start: chains unchanged, kube-proxy changed")
    last = ReportFiles(proxy.node.root).earlier(BOOT_ID)
    assert last.stages[KUBE_PROXY].outcome == "changed"
    assert last.course.restarts == 1
    # A run that waits for its turn need not do it again; and other runs were let through.
    assert kept.recall(proxy.node.root) == kept.Kept()
    assert seen == [False]


def test_what_went_wrong_is_told_too(proxy: KubeProxy, journals: Recorder) -> None:
    leave(proxy.node, "ready", StageReport("chains", "required", "unchanged"))
    proxy.lasts = 2.0
    assert status("restart-kube-proxy") == 1
    assert [record.message_id for record in journals.records] == [
        events.STAGE_FAILED,
        events.PROBLEM,
        events.RUN_FINISHED,
    ]
    assert ReportFiles(proxy.node.root).earlier(BOOT_ID).outcome == "degraded"


@pytest.mark.parametrize("outcome", ["", "skipped", "running"])
def test_without_a_run_that_has_looked_at_the_node_it_is_not_called_ready(
    proxy: KubeProxy, journals: Recorder, outcome: str
) -> None:
    if outcome:
        leave(proxy.node, outcome, StageReport("chains", "required", "skipped"))
    assert status("restart-kube-proxy") == 0
    assert [record.message_id for record in journals.records] == [events.STAGE_CHANGED]
    assert not proxy.node.host.path("/run/motd.d/nodefix").exists()


def test_somebody_else_is_at_it(
    proxy: KubeProxy, journals: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    held = restart_lock(proxy.node.root, 0)
    held.__enter__()
    proxy.clock.after(5, proxy.replace)
    proxy.clock.after(20, lambda: held.__exit__(None, None, None))
    assert status("restart-kube-proxy") == 0
    assert "started anew by somebody else" in capsys.readouterr().out
    assert proxy.deletes == []
    with restart_lock(proxy.node.root, 0):
        assert status("restart-kube-proxy") == 1
    assert "waited 30 seconds for the restart of kube-proxy" in capsys.readouterr().err
    assert journals.records == []


def test_one_that_crashes_again_and_again_was_not_restarted_by_somebody_else(
    proxy: KubeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ContainerFacts("container-before", "kube-proxy-aaaa0", "", RUNNING, 0.0, 7)
    monkeypatch.setattr(restart_kube_proxy, "read_kube_proxy", lambda host: KubeProxyFacts((one,)))
    assert status("restart-kube-proxy") == 0
    assert len(proxy.deletes) == 1


def test_a_run_that_does_not_end(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    with run_lock(proxy.node.root, 0):
        assert status("restart-kube-proxy") == 0
    assert "`nodefix status` does not tell it: waited 30 seconds" in capsys.readouterr().err


DOWN = Problem("kube-proxy was not restarted", "nodefix restart-kube-proxy", False)


@pytest.mark.parametrize("state", ["active", "inactive"])
@pytest.mark.parametrize("problems", [(DOWN,), ()])
def test_last_run_that_complained_is_not_the_last(
    proxy: KubeProxy, state: str, problems: tuple[Problem, ...]
) -> None:
    report = StageReport(KUBE_PROXY, "wanted", "degraded" if problems else "changed")
    leave(proxy.node, "degraded", report._replace(problems=problems))
    proxy.node.systemd.states[UNIT] = UnitState("loaded", state, "exited")
    assert status("restart-kube-proxy") == 0
    wanted = [("restart", UNIT)] if problems and state == "active" else []
    assert proxy.node.systemd.done == wanted


def test_last_run_that_complained_and_no_bus(
    proxy: KubeProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(proxy.node, "degraded", StageReport(KUBE_PROXY, "wanted", "degraded", (), (DOWN,)))
    proxy.node.systemd.failing["unit_state"] = BusError("no bus")
    assert status("restart-kube-proxy") == 0
    assert capsys.readouterr().err.endswith("systemctl restart nodefix\n")


def test_dry_run_changes_nothing(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    before = proxy.node.snapshot()
    assert status("restart-kube-proxy", "--dry-run") == 3
    assert capsys.readouterr().out == (
        "would delete pod kube-proxy-aaaa0 on node worker-1.example.org, and wait at most 90 s for"
        " a new kube-proxy\n"
    )
    assert proxy.deletes == []
    assert proxy.node.snapshot() == before


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_no_way(
    proxy: KubeProxy, option: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.without(KUBECTL, PROGRAM)
    assert status("restart-kube-proxy", *option) == 1
    # The remedy of a dry run is not the deed.
    again = " ".join(("nodefix restart-kube-proxy", *option))
    assert f"\n  fix: dnf install cri-tools && {again}\n" in capsys.readouterr().err


def test_not_up_afterwards(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.lasts = 2.0
    assert status("restart-kube-proxy") == 1
    assert "is not up: the new container ended after" in capsys.readouterr().err


def test_kubelet_that_is_not_up(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.node.systemd.active.clear()
    assert status("restart-kube-proxy") == 1
    said = capsys.readouterr().err
    assert "found kubelet down, expected it to be up" in said
    assert "systemctl status kubelet.service" in said
    assert proxy.node.programs.calls == []


@pytest.mark.parametrize(("option", "verb"), [((), "restart"), (("--dry-run",), "status")])
def test_k3s(
    proxy: KubeProxy, capsys: pytest.CaptureFixture[str], option: tuple[str, ...], verb: str
) -> None:
    proxy.node.systemd.active = {"k3s-agent.service"}
    assert status("restart-kube-proxy", *option) == 1
    assert f"fix: systemctl {verb} k3s-agent.service" in capsys.readouterr().err
    assert {argv[0] for argv in proxy.node.programs.calls} == {"/usr/sbin/nft"}


def test_no_kube_proxy(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.containers, proxy.labelled = [], False
    assert status("restart-kube-proxy") == 1
    assert "found no kube-proxy on this node" in capsys.readouterr().err


def test_cluster_without_kube_proxy(
    proxy: KubeProxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(restart_kube_proxy, "load", lambda root: Config(kube_proxy="none"))
    assert status("restart-kube-proxy") == 0
    assert "kube-proxy's mode: none, from the setting" in capsys.readouterr().out


def test_ordinary_user(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert status("restart-kube-proxy") == 77
    assert "try: sudo nodefix restart-kube-proxy" in capsys.readouterr().err


def test_settings_that_are_not_valid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(root: object) -> Config:
        raise ConfigError(["a: b"])

    monkeypatch.setattr(restart_kube_proxy, "load", load)
    assert status("restart-kube-proxy") == 64
    assert "a: b" in capsys.readouterr().err


def test_no_bus(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.node.systemd.failing["active_units"] = BusError("no bus", "look at it")
    assert status("restart-kube-proxy") == 1
    assert capsys.readouterr().err == "nodefix: no bus\n  fix: look at it\n"


def test_lock_that_cannot_be(proxy: KubeProxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.node.host.path(RESTART_LOCK).mkdir(parents=True)
    assert status("restart-kube-proxy") == 1
    assert "expected a regular file" in capsys.readouterr().err
