"""nodefix/picture/runs.py: runs of nodefix."""

from __future__ import annotations

from pictured import BEGUN, ORIGIN, PROBLEM, Boot, ended, repaired, stage

from nodefix import events
from nodefix.events import Record
from nodefix.picture.runs import Run, runs
from nodefix.picture.tries import UNIT_FAILURE_RESULT, UNIT_STARTED, UNIT_STARTING, tries
from nodefix.words import UNIT


def found(boot: Boot, is_running: bool = False) -> list[Run]:
    """Its runs."""
    return runs(boot.own, tries(UNIT, boot.manager), is_running)


def times(run: Run) -> tuple[float, float | None]:
    return round(run.begin - ORIGIN, 3), None if run.end is None else round(run.end - ORIGIN, 3)


def test_each_run_also_one_that_found_the_same_again() -> None:
    first, second, third = found(repaired())
    assert [times(one) for one in (first, second, third)] == [
        (1.0, 1.5),
        (11.0, 11.5),
        (21.0, 21.5),
    ]
    assert [one.outcome for one in (first, second, third)] == ["failed", "failed", "ready"]
    assert [(one.stage, one.outcome) for one in first.stages] == [
        ("modules", "failed"),
        ("chains", "changed"),
    ]
    assert first.problems == (PROBLEM.text,)
    assert (second.stages, second.by) == ((), UNIT)


def test_a_stage_lasts_until_its_record() -> None:
    boot = Boot()
    boot.said(5.0, BEGUN)
    boot.said(6.0, stage("swap", "changed", 400_000))
    boot.said(6.5, ended("ready", 1_600_000))
    (run,) = found(boot)
    (one,) = run.stages
    assert (round(one.begin - ORIGIN, 3), round(one.end - ORIGIN, 3)) == (5.6, 6.0)
    # That it has begun was told late.
    assert times(run) == (4.9, 6.5)
    assert run.by == "by hand"


def test_two_processes_at_once_are_two_runs() -> None:
    boot = Boot()
    boot.said(1.0, BEGUN, pid="1")
    boot.said(1.5, Record(events.NOT_RUN, events.ERROR, "not run", {}), pid="2")
    boot.said(2.0, ended("ready", 1_000_000), pid="1")
    # The same number again.
    boot.said(3.0, ended("degraded"), pid="1")
    assert [one.outcome for one in found(boot)] == ["ready", "failed", "degraded"]


def test_a_run_that_goes_on_and_one_that_was_killed() -> None:
    boot = Boot()
    boot.systemd(1.0, UNIT_STARTING, UNIT, INVOCATION_ID="i")
    boot.said(1.1, BEGUN, "i")
    (run,) = found(boot, is_running=True)
    assert (run.outcome, run.end) == ("running", None)
    (run,) = found(boot)
    assert (run.outcome, times(run)) == ("failed", (1.0, 1.0))
    boot.systemd(2.0, UNIT_FAILURE_RESULT, UNIT)
    (run,) = found(boot)
    assert (run.outcome, times(run)) == ("failed", (1.0, 2.0))


def test_a_run_by_hand_that_was_killed_ends_before_the_next_one() -> None:
    boot = Boot()
    boot.said(1.0, BEGUN, pid="1")
    boot.said(2.0, stage("swap", "unchanged"), pid="1")
    boot.run(5.0, ended("ready"))
    killed, ready = found(boot, is_running=True)
    assert (killed.outcome, times(killed)) == ("failed", (1.0, 5.0))
    assert ready.outcome == "ready"


def test_what_a_run_leaves_to_its_end_is_one_of_its_own() -> None:
    boot = Boot()
    boot.systemd(1.0, UNIT_STARTING, UNIT, INVOCATION_ID="i")
    boot.said(1.1, BEGUN, "i")
    boot.said(1.5, ended("ready", 500_000), "i")
    # It waits, without the lock.
    (run,) = found(boot)
    assert (run.outcome, times(run)) == ("ready", (1.0, 1.5))
    boot.said(3.0, BEGUN, "j", pid="2")
    boot.said(3.5, ended("ready"), "j", pid="2")
    boot.said(9.0, stage("kube-proxy", "changed", 7_000_000), "i")
    boot.said(9.1, ended("degraded", 8_000_000), "i")
    boot.systemd(9.2, UNIT_STARTED, UNIT)
    first, late, other = found(boot)
    assert (times(first), first.by) == ((1.0, 1.5), UNIT)
    assert (times(late), late.by, late.outcome) == ((2.0, 9.1), UNIT, "degraded")
    assert [one.stage for one in late.stages] == ["kube-proxy"]
    assert times(other) == (3.0, 3.5)


def test_a_restart_of_kube_proxy_without_a_run_to_tell_it_with_was_not_killed() -> None:
    boot = Boot()
    boot.said(9.0, stage("kube-proxy", "changed", 7_000_000))
    boot.run(12.0, BEGUN, ended("ready"))
    restart, _ = found(boot)
    assert (times(restart), restart.outcome, restart.by) == ((2.0, 9.0), "changed", "by hand")


def test_an_outcome_of_another_version_is_unknown() -> None:
    boot = Boot()
    boot.run(1.0, BEGUN, stage("swap", "melted"), ended("<new>"))
    (run,) = found(boot)
    assert (run.outcome, run.stages[0].outcome) == ("unknown", "unknown")


def test_a_run_that_said_nothing() -> None:
    boot = Boot()
    boot.run(1.0, fails=True)
    (run,) = found(boot)
    assert (run.outcome, run.stages, times(run)) == ("failed", (), (1.0, 1.5))
    assert found(Boot()) == []


def test_what_is_no_run_is_left_out() -> None:
    boot = Boot()
    boot.said(1.0, Record(events.UNDONE, events.NOTICE, "rollback: swap", {}))
    boot.said(1.0, Record(events.NOTE, events.INFO, "a remark", {}))
    boot.wait_said(1.0, "kubelet is held", "i")
    assert found(boot) == []
