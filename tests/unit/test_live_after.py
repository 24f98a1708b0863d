"""nodefix/live/after.py: after a run beside a kubelet that is up."""

from __future__ import annotations

import time
from collections.abc import Callable
from unittest.mock import ANY

import pytest
from crictl import PROGRAM
from liveproxy import FORBIDDEN, KUBECTL, KubeProxy

from nodefix.config import Config
from nodefix.host.units import ServiceState, UnitState
from nodefix.live.after import after_run
from nodefix.live.later import Meanwhile
from nodefix.plan import Done, Problem
from nodefix.report import Due, StageReport
from nodefix.words import RESTART_DUE

LOADED = Done("kernel module nf_nat", "not loaded", "loaded", each_boot=True)
# A person at a terminal, who waits for it.
CONFIG = Config(kube_proxy_restart_spread=0)
NOBODY_WATCHES = Config()


class Runs:
    """Runs of nodefix on one node."""

    def __init__(self, proxy: KubeProxy) -> None:
        self.proxy = proxy
        self.said: list[str] = []
        self.units: tuple[str, ...] = ("kubelet.service",)
        self.why_not = ""
        # What happens as the run lock is let go.
        self.at_the_end: Callable[[], object] = lambda: None
        self.meanwhile = Meanwhile(self.said.append, self.pause, lambda: self.why_not)

    def __call__(
        self,
        *changes: Done,
        config: Config = CONFIG,
        chains: str = "unchanged",
        before: tuple[Problem, ...] = (),
    ) -> StageReport | None:
        """A run in which stage modules made these changes."""
        now = {
            "modules": StageReport("modules", "required", "prepared", changes),
            "chains": StageReport("chains", "required", chains),
        }
        earlier = {"modules": StageReport("modules", "required", "failed", problems=before)}
        host = self.proxy.node.host
        came = after_run(host, config, self.units, earlier, now, self.meanwhile)
        if not isinstance(came, Due):
            return came
        assert came.report.outcome == "not run"
        self.at_the_end()
        return came.do()

    def pause(self, seconds: float) -> None:
        """Let the time pass."""
        assert 0 < seconds <= 1
        time.sleep(seconds)

    @property
    def is_due(self) -> bool:
        """Whether a restart is kept for the next run."""
        return self.proxy.node.host.path(RESTART_DUE).exists()


@pytest.fixture
def run(proxy: KubeProxy) -> Runs:
    """A node with kubelet and kube-proxy up."""
    return Runs(proxy)


def test_run_that_changed_what_it_must_see_restarts_it_once(run: Runs, proxy: KubeProxy) -> None:
    report = run(LOADED)
    assert report
    assert (report.stage, report.mode, report.outcome) == ("kube-proxy", "wanted", "changed")
    (change,) = report.changes
    assert change.found == "kernel modules were loaded (nf_nat)"
    assert change.wanted == "restarted (deleted pod kube-proxy-aaaa0), up for 10 s"
    assert len(proxy.deletes) == 1
    assert run.said == [
        "kube-proxy: restart, for at most 90 s: kernel modules were loaded (nf_nat)"
    ]
    assert not run.is_due
    # And the next one, which finds all in order, does not.
    assert run() is None
    assert len(proxy.deletes) == 1


def test_run_that_changed_nothing_only_asks_the_runtime(run: Runs, proxy: KubeProxy) -> None:
    assert run() is None
    assert len(proxy.node.programs.calls) == 1
    assert run(chains="changed") is None


def test_kube_proxy_that_is_down_is_restarted_without_a_change(run: Runs, proxy: KubeProxy) -> None:
    proxy.containers = [("container-3", "CONTAINER_EXITED")]
    report = run()
    assert report
    assert report.changes[0].found == "kube-proxy's container is not running"


def test_rules_that_work_now(run: Runs, proxy: KubeProxy) -> None:
    assert run(before=(Problem("broken", "x"),))
    assert len(proxy.deletes) == 1


def test_failure_degrades_and_is_tried_again(run: Runs, proxy: KubeProxy) -> None:
    proxy.without(PROGRAM)
    proxy.deletion = FORBIDDEN
    report = run(LOADED)
    assert report
    assert report.outcome == "degraded"
    assert not any(problem.required for problem in report.problems)
    assert report.problems[0].message.endswith("; kernel modules were loaded (nf_nat)")
    assert run.is_due
    proxy.deletion = ""
    report = run()
    assert report
    assert report.outcome == "changed"
    assert not run.is_due


@pytest.fixture
def chance(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Two thirds of whatever is asked for, and what was asked for."""
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return low + (high - low) * 2 / 3

    monkeypatch.setattr("random.uniform", uniform)
    return asked


def test_a_fleet_is_not_restarted_in_the_same_second(
    run: Runs, proxy: KubeProxy, chance: list[tuple[float, float]]
) -> None:
    begun = proxy.clock.now
    proxy.clock.after(39, lambda: found.append((run.is_due, list(proxy.called("--raw")))))
    found: list[tuple[bool, object]] = []
    report = run(LOADED, config=NOBODY_WATCHES)
    assert report
    assert report.outcome == "changed"
    assert chance == [(0, 60)]
    assert proxy.clock.now - begun > 40
    # Nothing is asked of the API server before, and a run that is killed leaves it due.
    assert found == [(True, [])]
    assert run.said[0] == "kube-proxy: restart in 40 s, by `kube_proxy_restart_spread: 60`"
    assert not run.is_due


def test_somebody_else_restarted_it_in_the_wait(
    run: Runs, proxy: KubeProxy, chance: list[tuple[float, float]]
) -> None:
    proxy.clock.after(10, proxy.replace)
    proxy.starts_after = 2
    proxy.clock.after(13, proxy.start)
    assert run(LOADED, config=NOBODY_WATCHES) is None
    assert run.said[-1] == "kube-proxy: not restarted, since it was started anew meanwhile"
    assert proxy.deletes == []
    assert not run.is_due


def test_nobody_waits_for_what_is_not_restarted(
    run: Runs, proxy: KubeProxy, chance: list[tuple[float, float]]
) -> None:
    run(LOADED, config=NOBODY_WATCHES._replace(kube_proxy_restart="never"))
    run(LOADED, config=NOBODY_WATCHES, chains="failed")
    proxy.containers, proxy.labelled = [], False
    run(LOADED, config=NOBODY_WATCHES)
    run.proxy.without(KUBECTL, PROGRAM)
    assert chance == []


def test_somebody_else_restarted_it_meanwhile(run: Runs, proxy: KubeProxy) -> None:
    assert run(LOADED, config=Config(kube_proxy_restart="never"))
    assert run.is_due
    proxy.replace()
    proxy.clock.sleep(5)
    assert run() is None
    assert not run.is_due
    assert proxy.deletes == []


def test_setting_never(run: Runs, proxy: KubeProxy) -> None:
    for _ in range(2):
        report = run(LOADED, config=Config(kube_proxy_restart="never"))
        assert report
        assert report.outcome == "skipped"
        assert report.notes == (
            "kernel modules were loaded (nf_nat); the setting `kube_proxy_restart: never`; to do"
            " it: nodefix restart-kube-proxy",
        )
    assert proxy.deletes == proxy.called("stop") == []


def test_nothing_is_restarted_into_what_has_failed(run: Runs, proxy: KubeProxy) -> None:
    report = run(LOADED, chains="failed")
    assert report
    assert report.outcome == "skipped"
    assert "stage chains" in report.notes[0]
    assert proxy.deletes == []
    # As soon as that works it is done.
    assert run()
    assert len(proxy.deletes) == 1


@pytest.mark.parametrize("unit", ["k3s.service", "k3s-agent.service"])
def test_k3s_is_told_what_to_type(run: Runs, proxy: KubeProxy, unit: str) -> None:
    run.units = (unit,)
    report = run(LOADED)
    assert report
    assert report.outcome == "degraded"
    hint = f"systemctl restart {unit} && systemctl restart nodefix"
    assert report.problems[0].hint == hint
    assert proxy.node.systemd.done == []
    assert proxy.node.programs.calls == []
    # Another run alone does not make it see what was changed.
    assert run() == report._replace(duration_usec=ANY)
    service = ServiceState(unit, UnitState("loaded", "active", "running"), up_until=1.5)
    proxy.node.systemd.services[unit] = service
    assert run() is None
    assert not run.is_due


def test_cluster_without_kube_proxy(run: Runs, proxy: KubeProxy) -> None:
    assert run(LOADED, config=Config(kube_proxy="none")) is None
    assert proxy.node.programs.calls == []
    proxy.containers, proxy.labelled = [], False
    assert run(LOADED) is None
    assert not run.is_due


def test_no_way_says_what_to_type(run: Runs, proxy: KubeProxy) -> None:
    proxy.without(KUBECTL, PROGRAM)
    assert run() is None
    report = run(LOADED)
    assert report
    assert (report.outcome, report.problems[0].code) == ("degraded", "kube-proxy-not-restarted")


@pytest.mark.parametrize("module", ["after", "later"])
def test_defect_does_not_end_the_run(
    run: Runs, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr(f"nodefix.live.{module}.read_kube_proxy", lambda host: 1 / 0)
    report = run(LOADED)
    assert report
    assert "ZeroDivisionError" in report.problems[0].message


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"reason": 1, "containers": []}']
)
def test_file_of_what_is_due_that_cannot_be_read(run: Runs, content: bytes) -> None:
    run.proxy.node.file(f"/{RESTART_DUE}", content)
    assert run() is None


def test_folder_that_cannot_be_written_does_not_keep_it_from_being_restarted(run: Runs) -> None:
    run.proxy.node.file("/run/nodefix")
    assert run(LOADED)
    assert len(run.proxy.deletes) == 1


def test_a_kubelet_that_has_joined_no_cluster(run: Runs, proxy: KubeProxy) -> None:
    """No credentials, no tool of the runtime: no kube-proxy is known, and none is promised."""
    proxy.without(KUBECTL, PROGRAM)
    (proxy.node.root / "etc/kubernetes/kubelet.conf").unlink(missing_ok=True)
    assert run(LOADED) is None
    assert not run.is_due
