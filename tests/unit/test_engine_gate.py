"""nodefix/engine.py: what a run means to kubelet: the marker, the service, and what is shown."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from fakehost import Node
from fakestage import PROBLEM, FakeStage, Run, change
from proxysigns import with_nft

from nodefix import events
from nodefix.errors import BusError
from nodefix.host.node import Host
from nodefix.host.units import UnitState
from nodefix.plan import Plan
from nodefix.store import ReportFiles
from nodefix.words import MARKER


def events_of(node: Node, run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a run of one stage does to report and marker, in order."""
    events: list[str] = []

    def look(host: Host) -> None:
        events.append(f"read, marker {run.is_open}, {run.report['outcome']}")
        assert run.report["stage"] == "swap"

    stage = run.stages[0]
    stage.on_read = look
    stage.on_apply = lambda change: events.append(f"apply, marker {run.is_open}")
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        events.append(f"write {Path(target).name}")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    run()
    return events


@pytest.mark.parametrize("before", ["another boot's", "", None])
def test_marker_that_proves_nothing_goes_first_and_ours_comes_last(
    node: Node, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is not None:
        node.file(MARKER, before)
    run = Run(node, FakeStage("swap", Plan((change("a"),)), Plan()))
    assert events_of(node, run, monkeypatch) == [
        "write report.json",
        "write state",
        "read, marker False, running",
        "apply, marker False",
        "read, marker False, running",
        "write repaired.json",
        "write report.json",
        "write state",
        "write ready",
    ]


def test_marker_of_a_ready_node_stays_until_something_is_known_to_be_wrong(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = FakeStage("swap", Plan((change("a"),)), Plan())
    run = Run(node, stage, FakeStage("chains"))
    run()
    stage.plans = [Plan((change("a"),))]
    seen: list[bool] = []
    run.stages[1].on_read = lambda host: seen.append(run.is_open)
    assert events_of(node, run, monkeypatch)[:4] == [
        "write report.json",
        "write state",
        "read, marker True, running",
        "apply, marker True",
    ]
    # Gone as soon as the stage has failed, not only at the end of the run.
    assert seen == [False]
    assert not run.is_open


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("was_ready", [True, False])
def test_run_that_is_aborted_leaves_the_gate_as_it_was(
    node: Node, error: type[BaseException], was_ready: bool
) -> None:
    def stop(host: Host) -> None:
        raise error

    stage = FakeStage("swap")
    run = Run(node, stage)
    if was_ready:
        run()
    stage.on_read = stop
    with pytest.raises(error):
        run()
    assert run.is_open == was_ready
    assert (run.report["outcome"], run.report["stage"]) == ("running", "swap")
    assert node.programs.deadline is None


def test_report_that_cannot_be_written_does_not_open_the_gate(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(node, FakeStage("swap"))

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        run()
    assert not run.is_open


@pytest.mark.parametrize("was_ready", [False, True])
def test_marker_whose_name_may_not_last_opens_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch, was_ready: bool
) -> None:
    run = Run(node, FakeStage("swap"))
    if was_ready:
        run()

    write = ReportFiles._write

    def write_and_fail(path: Path, content: Mapping[str, object]) -> None:
        write(path, content)
        if path.name == "ready":
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(ReportFiles, "_write", staticmethod(write_and_fail))
    with pytest.raises(OSError, match="Input/output"):
        run()
    assert run.is_open == was_ready


@pytest.mark.parametrize(
    ("active", "words"),
    [
        ({"kubelet.service"}, "kubelet runs on and its next start is held"),
        ({"rke2-agent.service"}, "rke2-agent runs on and its next start is held"),
        (set(), "kubelet is held"),
        (None, "kubelet's next start is held"),
    ],
)
def test_what_a_failure_means_to_kubelet(node: Node, active: set[str] | None, words: str) -> None:
    if active is None:
        node.systemd.failing["active_units"] = BusError("no bus")
    node.systemd.active = active or set()
    with_nft(node, "")
    run = Run(node, FakeStage("swap", Plan(problems=(PROBLEM,))))
    run()
    assert words in run.said(events.RUN_FAILED)[0]
    # The gate is open then.
    node.file("/etc/nodefix/disabled")
    run()
    assert " may start, since nodefix is switched off" in run.said(events.RUN_FAILED)[0]


@pytest.mark.parametrize(
    ("was_ready", "state", "handed"),
    [
        (True, "active", True),
        # Its own run, or one that it will repeat anyway.
        (True, "activating", False),
        (True, "inactive", False),
        (False, "active", False),
    ],
)
def test_a_run_that_finds_a_ready_node_broken_leaves_the_rest_to_the_service(
    node: Node, was_ready: bool, state: str, handed: bool
) -> None:
    stage = FakeStage("swap")
    run = Run(node, stage)
    if was_ready:
        run()
    stage.plans = [Plan(problems=(PROBLEM,))]
    node.systemd.states["nodefix.service"] = UnitState("loaded", state, "")
    assert run() == "failed"
    assert (("restart", "nodefix.service") in node.systemd.done) == handed


def test_a_service_that_is_switched_off_is_not_handed_anything(node: Node) -> None:
    stage = FakeStage("swap")
    run = Run(node, stage)
    run()
    stage.plans = [Plan(problems=(PROBLEM,))]
    node.file("/etc/nodefix/disabled")
    node.systemd.states["nodefix.service"] = UnitState("loaded", "active", "exited")
    assert run() == "failed"
    assert node.systemd.done == []


def test_what_systemctl_status_shows(node: Node) -> None:
    stage = FakeStage("swap", Plan(problems=(PROBLEM,)))
    run = Run(node, stage)
    run()
    assert run.status == [
        "running stage swap",
        "failed: swap: the thing is broken; fix: mend the thing",
    ]
    stage.plans = [Plan((change("a"),)), Plan()]
    run()
    assert run.status[-1] == "ready; repaired: swap"
    stage.plans = [Plan()]
    run()
    assert run.status[-1] == "ready"
