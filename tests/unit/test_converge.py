"""nodefix/converge.py: what a stage did is told, however it ends."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NoReturn

import pytest
from fakehost import Node
from fakestage import FakeStage, change

from nodefix import converge
from nodefix.config import Config
from nodefix.converge import plan_stage, run_stage
from nodefix.errors import LIMITS, CommandError, DeadlineError
from nodefix.host.node import Host
from nodefix.image_mode import kept_by
from nodefix.plan import Change, Done, Plan, Problem, Undo
from nodefix.report import StageReport


def run(node: Node, stage: FakeStage, is_first: bool = True) -> StageReport:
    return run_stage(stage, node.host, Config(), is_first)


def targets(report: StageReport) -> list[str]:
    return [change.target for change in report.changes]


def messages(report: StageReport) -> list[str]:
    return [problem.message for problem in report.problems]


def fails_from(reading: int, error: Exception, stage: FakeStage) -> None:
    """Let the stage's readings fail from the n-th on."""
    count = [0]

    def fail(host: Host) -> None:
        count[0] += 1
        if count[0] >= reading:
            raise error

    stage.on_read = fail


def second_reading_fails(stage: FakeStage) -> list[int]:
    """Let the stage's second reading alone fail; the count of its readings, which goes on."""
    readings = [0]

    def once(host: Host) -> None:
        readings[0] += 1
        if readings[0] == 2:
            raise DeadlineError("it took too long", "uptime")

    stage.on_read = once
    return readings


def hangs(change: Change) -> NoReturn:
    raise DeadlineError(f"`swapoff {change.target}` did not end within 60 seconds", "free -h")


def test_what_was_changed_before_a_tool_hung_is_told(node: Node) -> None:
    """fstab was edited, then swapoff hangs until the stage's time is over."""
    stage = FakeStage("swap", Plan((change("/etc/fstab"), change("/dev/vda2"))))
    stage.on_apply = lambda due: hangs(due) if due.target == "/dev/vda2" else None
    fails_from(2, DeadlineError("stage swap took longer than 90 seconds", "uptime"), stage)
    report = run(node, stage)
    assert report.outcome == "failed"
    assert targets(report) == ["/etc/fstab"]
    assert messages(report) == [
        "/dev/vda2: found wrong, expected right"
        " (`swapoff /dev/vda2` did not end within 60 seconds)",
        "stage swap took longer than 90 seconds",
    ]
    assert report.problems[0].hint == "free -h"
    assert report.notes == ("what was changed could not be read again to see whether it is there",)


def test_the_last_look_tells_what_is_there(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"), change("b"))), Plan((change("b"),)))
    readings = second_reading_fails(stage)
    report = run(node, stage)
    assert readings == [3]
    assert targets(report) == ["a"]
    assert messages(report) == ["b: found wrong, expected right", "it took too long"]


def test_a_stage_that_came_through_in_the_end_is_well(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"),)), Plan())
    second_reading_fails(stage)
    report = run(node, stage)
    assert (report.outcome, targets(report), report.notes) == (
        "changed",
        ["a"],
        ("it took too long",),
    )


def test_nothing_is_applied_once_the_time_is_over(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = FakeStage("swap", Plan((change("a"), change("b"), change("c"))))

    def slow(due: Change) -> None:
        if due.target == "b":
            monkeypatch.setattr(converge.Deadline, "is_over", True)

    stage.on_apply = slow
    report = run(node, stage)
    assert stage.applied == ["a", "b"]
    assert len(report.problems) == 3


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RecursionError("x"), KeyError("x")])
def test_a_defect_in_one_change_does_not_stop_the_others(node: Node, error: Exception) -> None:
    stage = FakeStage("swap", Plan((change("a"), change("b"))), Plan((change("a"),)))

    def fail(due: Change) -> None:
        if due.target == "a":
            raise error

    stage.on_apply = fail
    report = run(node, stage)
    assert stage.applied[:2] == ["a", "b"]
    assert targets(report) == ["b"]
    (message,) = messages(report)
    assert "swap hit an unexpected error" in message


def test_the_refusals_own_remedy_comes_first(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"), change("b"))))

    def refuse(due: Change) -> None:
        raise CommandError("refused", "df -h" if due.target == "a" else "")

    stage.on_apply = refuse
    assert [problem.hint for problem in run(node, stage).problems] == ["df -h", "mend b"]


@pytest.mark.parametrize(
    ("each_boot", "is_first", "outcome"),
    [
        ((True, True), True, "prepared"),
        # Twice in one boot is a repair: something took it away.
        ((True, True), False, "changed"),
        ((True, False), True, "changed"),
    ],
)
def test_what_every_boot_begins_without_is_no_repair(
    node: Node, each_boot: tuple[bool, ...], is_first: bool, outcome: str
) -> None:
    changes = tuple(
        change(str(number))._replace(each_boot=every) for number, every in enumerate(each_boot)
    )
    report = run(node, FakeStage("chains", Plan(changes), Plan()), is_first)
    assert report.outcome == outcome


def test_texts_of_a_report_are_bounded_and_harmless(node: Node) -> None:
    plan = Plan((change("\x1b[2J" + "x" * 100_000),) * 1, notes=("n" * 100_000,) * 100)
    report = run(node, FakeStage("swap", plan))
    assert len(report.notes) == 51
    assert report.notes[-1] == "50 more remarks are not shown"
    assert all(len(text) < 5000 for text in (*report.notes, *messages(report)))
    assert "\x1b" not in messages(report)[0]


def test_a_plan_alone_changes_nothing(node: Node) -> None:
    stage = FakeStage("swap", Plan((change("a"),)))
    assert plan_stage(stage, node.host, Config()) == Plan((change("a"),))
    assert stage.applied == []
    fails_from(1, CommandError("found no nft", "dnf install nftables"), stage)
    (problem,) = plan_stage(stage, node.host, Config()).problems
    assert (problem.message, problem.hint) == ("found no nft", "dnf install nftables")


def test_file_that_the_disk_does_not_give_is_no_defect_of_nodefix(node: Node) -> None:
    stage = FakeStage("swap", Plan())
    fails_from(1, OSError(errno.EIO, "Input/output error", "/run/a b"), stage)
    (problem,) = run(node, stage).problems
    assert problem.message == "/run/a b: cannot be looked at: Input/output error"
    assert problem.hint == "ls -ldZ '/run/a b'; journalctl -k -n 30"
    assert not problem.required


@pytest.mark.parametrize("path", [(), ("/run/a b",)])
def test_limit_of_the_kernel_is_no_defect_of_nodefix(node: Node, path: tuple[str, ...]) -> None:
    stage = FakeStage("swap", Plan())
    fails_from(1, OSError(errno.EMFILE, "Too many open files", *path), stage)
    (problem,) = run(node, stage).problems
    assert problem.message == f"{(*path, 'stage swap')[0]}: Too many open files"
    assert problem.hint == LIMITS[errno.EMFILE]
    assert not problem.required


def test_a_plan_alone_may_load_no_module_and_a_run_may(node: Node) -> None:
    stage = FakeStage("modules", Plan())
    may: list[bool] = []
    stage.on_read = lambda host: may.append(host.may_load)
    plan_stage(stage, node.host, Config())
    run(node, stage)
    assert may == [False, True]


def lasting(target: str, carried: str = "") -> Change:
    """A change that is still there at the next boot."""
    return change(target)._replace(undo=Undo("x", {}, {}), carried=carried)


def test_on_an_image_it_is_said_what_becomes_of_a_lasting_change(node: Node) -> None:
    changes = (change("now"), lasting("mine"), lasting("unit", "systemctl mask u"))
    assert run(node, FakeStage("swap", Plan(changes), Plan())).notes == ()
    node.file("/run/ostree-booted")
    notes = run(node, FakeStage("swap", Plan(changes), Plan())).notes
    assert notes == (kept_by("mine", ""), kept_by("unit", "systemctl mask u"))


def test_on_an_image_the_remedies_are_others(node: Node) -> None:
    node.file("/run/ostree-booted")
    due = change("x")._replace(hint="dnf install y")
    problem = Problem("broken", "dnf install x")
    stage = FakeStage("swap", Plan((due,), (problem,)))
    stage.on_apply = raises(CommandError("refused", ""))
    for told in (run(node, stage), plan_stage(stage, node.host, Config())):
        assert all("Containerfile: RUN" in one.hint for one in told.problems)
        assert all(isinstance(one, Done) or "RUN" in one.hint for one in told.changes)


def test_on_an_image_so_is_that_of_a_half_made_change(node: Node) -> None:
    node.file("/run/ostree-booted")
    stage = FakeStage("swap", Plan((change("x"),)), Plan())
    stage.on_apply = raises(CommandError("no program", "dnf install z"))
    (note,) = run(node, stage).notes
    assert note.startswith("x: no program; fix: in the image's Containerfile: RUN dnf install -y z")


def raises(error: Exception) -> Callable[[Change], NoReturn]:
    def fail(change: Change) -> NoReturn:
        raise error

    return fail
