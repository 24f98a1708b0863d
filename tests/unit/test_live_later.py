"""nodefix/live/later.py: looked at again after the wait, and done by one alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from crictl import PROGRAM
from fakehost import Node
from liveproxy import KubeProxy

from nodefix.host.lock import restart_lock
from nodefix.live import kept
from nodefix.live.kept import Kept
from nodefix.live.later import Later, Meanwhile, restart_later
from nodefix.report import StageReport
from nodefix.words import FOLDER, RESTART_DUE, RESTART_LOCK

NEED = Kept("the iptables alternatives were changed", ("container-0",))


class Due:
    """A restart that a run has found due."""

    def __init__(self, proxy: KubeProxy) -> None:
        self.proxy = proxy
        self.node: Node = proxy.node
        self.said: list[str] = []
        self.why_not = ""
        self.on_pause: Callable[[], object] = lambda: None
        self.paused: list[float] = []

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        time.sleep(seconds)
        self.on_pause()

    def __call__(self, need: Kept = NEED, spread: int = 0) -> StageReport | None:
        """Let the run lock go."""
        is_kept = kept.keep(self.node.root, *need)
        meanwhile = Meanwhile(self.said.append, self.pause, lambda: self.why_not)
        return restart_later(Later(self.node.host, need, spread, is_kept, meanwhile))


@pytest.fixture
def due(proxy: KubeProxy) -> Due:
    """A node whose kube-proxy has to see what was changed."""
    return Due(proxy)


def test_the_wait_and_the_restart_are_made_of_short_pauses(
    due: Due, proxy: KubeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: float(high))
    report = due(spread=60)
    assert report
    assert report.outcome == "changed"
    # So that what others do to the node is seen within a second.
    assert max(due.paused) <= 1
    assert sum(due.paused) >= 70
    assert len(proxy.deletes) == 1


def test_nobody_restarts_it_once_it_must_not_be(due: Due, proxy: KubeProxy) -> None:
    due.why_not = "the node is going down"
    report = due()
    assert report
    assert (report.outcome, report.notes) == (
        "skipped",
        ("the iptables alternatives were changed; not restarted: the node is going down",),
    )
    assert proxy.node.programs.calls == []
    assert kept.recall(due.node.root) == NEED


@pytest.mark.parametrize("has_crictl", [True, False])
def test_two_at_once_restart_it_once(due: Due, proxy: KubeProxy, has_crictl: bool) -> None:
    need = NEED if has_crictl else NEED._replace(containers=())
    if not has_crictl:
        proxy.without(PROGRAM)
    other = Due(proxy)
    came: list[StageReport | None] = []
    held = restart_lock(due.node.root, 0)
    held.__enter__()

    def let_go() -> None:
        # The first one has restarted it.
        due.on_pause = lambda: None
        held.__exit__(None, None, None)
        came.append(other(need))
        proxy.clock.sleep(5)

    due.on_pause = let_go
    assert due(need) is None
    assert came[0] is not None
    assert came[0].outcome == "changed"
    assert len(proxy.deletes) == 1
    assert due.said == ["kube-proxy: not restarted, since it was started anew meanwhile"]


def test_one_that_takes_for_ever_is_named(due: Due, proxy: KubeProxy) -> None:
    begun = proxy.clock.now
    with restart_lock(due.node.root, 0):
        report = due(spread=60)
    assert report
    # It stays due, and a node that needs it is not as it should be.
    assert report.outcome == "degraded"
    (problem,) = report.problems
    assert "for the restart of kube-proxy, held by a process" in problem.message
    assert problem.hint == f"lslocks --output-all | grep {RESTART_LOCK}"
    # No longer than the longest spread: the unit's TimeoutStartSec= counts with that.
    assert 119 <= proxy.clock.now - begun <= 122
    assert proxy.deletes == []
    assert kept.recall(due.node.root) == NEED


def test_a_need_that_another_run_has_found_since_stays(due: Due, proxy: KubeProxy) -> None:
    newer = Kept("kernel modules were loaded (nf_nat)", ("container-10",))
    proxy.clock.after(5, lambda: kept.keep(due.node.root, *newer))
    report = due()
    assert report
    assert report.outcome == "changed"
    assert kept.recall(due.node.root) == newer


def test_a_need_that_cannot_be_read_is_not_met_by_that(due: Due, proxy: KubeProxy) -> None:
    due.on_pause = lambda: (due.node.root / RESTART_DUE).write_bytes(b"")
    report = due(spread=60)
    assert report
    assert report.outcome == "changed"
    assert len(proxy.deletes) == 1


def test_without_a_lock_it_is_restarted_all_the_same(due: Due, proxy: KubeProxy) -> None:
    due.node.file(FOLDER)
    report = due()
    assert report
    assert report.outcome == "changed"
