"""nodefix/engine.py: facts, plan, apply, read again, verify, report, marker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakehost import BOOT_ID, Node, modes
from fakestage import OUTSIDE, PROBLEM, FakeStage, Run, change
from fakesystemd import INVOCATION_ID

from nodefix import events
from nodefix.deadline import Deadline
from nodefix.errors import BusError, CommandError, DeadlineError, NodefixError, UnclearError
from nodefix.host.node import Host
from nodefix.plan import Change, Plan
from nodefix.words import MARKER


def test_everything_in_order(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains"))
    assert run() == "ready"
    assert run.is_open
    assert [stage["outcome"] for stage in run.report["stages"]] == ["unchanged", "unchanged"]
    assert [record.message_id for record in run.journal.records] == [
        events.RUN_STARTED,
        events.STAGE_UNCHANGED,
        events.STAGE_UNCHANGED,
        # kube-proxy's mode.
        events.NOTE,
        events.RUN_FINISHED,
    ]


def test_head_of_report_and_marker(node: Node) -> None:
    run = Run(node, FakeStage("swap"))
    run()
    marker = json.loads((node.root / MARKER).read_bytes())
    for found in (run.report, marker):
        assert (found["schema"], found["outcome"]) == (1, "ready")
        assert (found["boot_id"], found["invocation_id"]) == (BOOT_ID, INVOCATION_ID)
        assert found["started"] <= found["finished"]
        assert found["started"].endswith("Z")
    assert marker["stages"] == {"swap": "unchanged"}


def test_run_without_a_bus_has_no_invocation_id(node: Node) -> None:
    node.systemd.failing["invocation_id"] = BusError("no bus")
    run = Run(node, FakeStage("swap"))
    assert run() == "ready"
    assert run.report["invocation_id"] == ""


def test_change_that_takes(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"), change("b"))), Plan())
    run = Run(node, stage)
    assert run() == "ready"
    assert stage.applied == ["a", "b"]
    assert run.stage("swap")["outcome"] == "changed"
    assert [done["target"] for done in run.stage("swap")["changes"]] == ["a", "b"]
    assert run.stage("swap")["duration_usec"] >= 0
    assert run.said(events.STAGE_CHANGED) == [
        "swap: changed\n  a: wrong -> right\n  b: wrong -> right"
    ]


def test_change_that_does_not_stick_is_a_problem_with_the_tools_words(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"), change("b"))), Plan((change("b"),)))

    def refuse(change: Change) -> None:
        if change.target == "b":
            raise CommandError("`swapoff b`: Cannot allocate memory")

    stage.on_apply = refuse
    run = Run(node, stage)
    assert run() == "failed"
    assert not run.is_open
    # Once more in a second round, since another program may have been in the way.
    assert stage.applied == ["a", "b", "b"]
    assert [done["target"] for done in run.stage("swap")["changes"]] == ["a"]
    assert run.stage("swap")["problems"] == [
        {
            "message": "b: found wrong, expected right (`swapoff b`: Cannot allocate memory)",
            "hint": "mend b",
            "required": True,
            "code": "",
        }
    ]


def test_exit_status_alone_is_not_trusted_either_way(node: Node) -> None:
    def refuse(change: Change) -> None:
        raise CommandError("it says that it failed")

    lies = FakeStage("swap", Plan((change("a"),)), Plan())
    lies.on_apply = refuse
    silent = FakeStage("chains", Plan((change("b"),)), Plan((change("b"),)))
    run = Run(node, lies, silent)
    assert run() == "failed"
    assert run.stage("swap")["outcome"] == "changed"
    assert run.stage("swap")["notes"] == ["a: it says that it failed"]
    assert run.stage("chains")["outcome"] == "failed"


def test_second_round_mends_what_came_up_meanwhile(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"),)), Plan((change("b"),)), Plan())
    run = Run(node, stage)
    assert run() == "ready"
    assert stage.applied == ["a", "b"]
    assert [done["target"] for done in run.stage("swap")["changes"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("mode", "required", "outcome", "is_open"),
    [
        ("required", True, "failed", False),
        ("required", False, "degraded", True),
        ("wanted", True, "degraded", True),
        ("wanted", False, "degraded", True),
    ],
)
def test_problem_by_mode(
    node: Node, mode: str, required: bool, outcome: str, is_open: bool
) -> None:
    stage = FakeStage("swap", Plan(problems=(PROBLEM._replace(required=required),)))
    run = Run(node, stage, FakeStage("chains"))
    assert run(modes(swap=mode)) == outcome
    assert run.is_open == is_open
    assert run.report["outcome"] == outcome
    assert run.stage("swap")["outcome"] == outcome
    assert run.said(events.PROBLEM) == ["swap: the thing is broken\n  fix: mend the thing"]


def test_stage_that_is_off_is_not_even_read(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"),)))
    stage.on_read = lambda host: pytest.fail("it was read")
    run = Run(node, stage, FakeStage("chains"))
    assert run(modes(swap="skip")) == "ready"
    assert run.stage("swap")["outcome"] == "skipped"
    assert run.is_open


def test_stage_that_does_not_apply(node: Node) -> None:
    run = Run(node, FakeStage("swap", Plan(skipped="this is a container")))
    assert run() == "ready"
    assert run.stage("swap")["outcome"] == "skipped"
    assert run.stage("swap")["notes"] == ["this is a container"]
    assert run.said(events.STAGE_SKIPPED) == ["swap: skipped: this is a container"]


@pytest.mark.parametrize("error", [MemoryError, SystemError])
def test_want_of_memory_is_no_defect(node: Node, error: type[Exception]) -> None:
    def fail() -> None:
        raise error

    stage = FakeStage("swap", Plan())
    stage.on_read = lambda *_: fail()
    run = Run(node, stage)
    assert run() == "degraded"
    (problem,) = run.stage("swap")["problems"]
    assert problem["message"] == "stage swap: found no memory left to go on with"
    assert problem["hint"].startswith("free -m")
    assert problem["code"] == "stage-unclear"


@pytest.mark.parametrize("moment", ["on_read", "on_apply"])
@pytest.mark.parametrize("error", [ZeroDivisionError, RecursionError, UnicodeDecodeError])
def test_unexpected_exception_does_not_stop_the_next_stage(
    node: Node, moment: str, error: type[Exception]
) -> None:
    def fail(_: object) -> None:
        if error is UnicodeDecodeError:
            b"\xff".decode()
        raise error("nobody imagined this")

    stage = FakeStage("swap", Plan((change("a"),)))
    setattr(stage, moment, fail)
    after = FakeStage("chains", Plan((change("b"),)), Plan())
    run = Run(node, stage, after)
    # A defect of nodefix says nothing against the node; a change that it did not make does.
    assert run() == ("degraded" if moment == "on_read" else "failed")
    assert after.applied == ["b"]
    (problem,) = run.stage("swap")["problems"]
    assert f"swap hit an unexpected error: {error.__name__}" in problem["message"]
    assert f"{Path(__file__).name}:" in problem["message"]
    assert "NODEFIX_STAGE=swap" in problem["hint"]


def test_error_of_a_stage_carries_its_hint(node: Node) -> None:
    def fail(host: Host) -> None:
        raise CommandError("/usr/sbin/nft: found no such program", "dnf install nftables")

    stage = FakeStage("swap")
    stage.on_read = fail
    run = Run(node, stage)
    assert run() == "failed"
    (problem,) = run.stage("swap")["problems"]
    assert problem["message"] == "/usr/sbin/nft: found no such program"
    assert problem["hint"] == "dnf install nftables"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CommandError("/usr/sbin/nft: found no such program"), "failed"),
        (UnclearError("/etc/fstab: cannot be read"), "degraded"),
        (DeadlineError("it did not end"), "degraded"),
        (BusError("no answer"), "degraded"),
    ],
)
def test_what_could_not_be_told_degrades_and_what_is_wrong_holds(
    node: Node, error: NodefixError, outcome: str
) -> None:
    def fail(host: Host) -> None:
        raise error

    stage = FakeStage("swap")
    stage.on_read = fail
    assert Run(node, stage)() == outcome


def test_a_deadline_for_each_stage_and_none_after_it(node: Node) -> None:
    seen: list[Deadline | None] = []
    stages = [FakeStage("swap"), FakeStage("chains")]
    for stage in stages:
        stage.on_read = lambda host: seen.append(host.programs.deadline)
    Run(node, *stages)()
    first, second = seen
    assert first is not None and second is not None
    assert (first.what, first.seconds) == ("stage swap", FakeStage.DEADLINE)
    assert second.what == "stage chains"
    assert node.programs.deadline is None
    assert node.systemd.deadline is None


def test_out_of_scope_nothing_is_looked_at_and_the_gate_opens(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"),)))
    stage.on_read = lambda host: pytest.fail("it was read")
    run = Run(node, stage, FakeStage("chains"))
    assert run(None, OUTSIDE) == "skipped"
    assert run.is_open
    assert run.report["outcome"] == "skipped"
    assert [stage["outcome"] for stage in run.report["stages"]] == ["skipped", "skipped"]
    (record,) = run.journal.records
    assert record.message_id == events.OUT_OF_SCOPE
    assert "found Debian" in record.message


def test_second_run_finds_nothing_to_do(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"),)), Plan())
    run = Run(node, stage)
    run()
    assert run() == "ready"
    assert stage.applied == ["a"]
    assert run.stage("swap")["outcome"] == "unchanged"
