"""nodefix/messages.py: what a run says, record by record."""

from __future__ import annotations

import errno

import pytest

from nodefix import __version__, events, messages
from nodefix.codes import CODES
from nodefix.errors import LIMITS, ConfigError, NodefixError
from nodefix.events import ERROR, INFO, NOTICE, WARNING
from nodefix.plan import Done, Plan, Problem
from nodefix.report import StageReport

CHANGE = Done("swap /dev/vda2", "on", "off")


def test_started() -> None:
    record = messages.started_record(["swap", "chains"])
    assert record.message_id == events.RUN_STARTED
    assert record.message == f"nodefix {__version__} started: swap, chains"


@pytest.mark.parametrize(
    ("outcome", "message_id", "priority"),
    [
        ("unchanged", events.STAGE_UNCHANGED, INFO),
        ("changed", events.STAGE_CHANGED, NOTICE),
        ("skipped", events.STAGE_SKIPPED, INFO),
        ("degraded", events.STAGE_FAILED, WARNING),
        ("failed", events.STAGE_FAILED, ERROR),
        ("prepared", events.STAGE_PREPARED, INFO),
    ],
)
def test_record_of_a_stage(outcome: str, message_id: str, priority: int) -> None:
    report = StageReport("swap", "required", outcome, (CHANGE,), duration_usec=1234)
    (record,) = messages.stage_records(report)
    assert (record.message_id, record.priority) == (message_id, priority)
    assert record.message.startswith(f"swap: {outcome}")
    assert record.fields == {
        "NODEFIX_STAGE": "swap",
        "NODEFIX_OUTCOME": outcome,
        "NODEFIX_CHANGES": "1",
        "NODEFIX_DURATION_USEC": "1234",
    }


def test_changes_are_listed() -> None:
    (record,) = messages.stage_records(StageReport("swap", "required", "changed", (CHANGE,) * 2))
    assert record.message == "\n".join(
        ["swap: changed", "  swap /dev/vda2: on -> off", "  swap /dev/vda2: on -> off"]
    )


def test_what_each_boot_begins_without_is_one_line() -> None:
    (record,) = messages.stage_records(StageReport("chains", "required", "prepared", (CHANGE,) * 2))
    assert record.message == "chains: prepared as at each boot: swap /dev/vda2, swap /dev/vda2"


@pytest.mark.parametrize(
    ("outcome", "stages", "line"),
    [
        ("ready", {"swap": StageReport("swap", "required", "unchanged")}, "ready"),
        (
            "degraded",
            {
                "swap": StageReport(
                    "swap", "required", "degraded", problems=(Problem("odd", "x", False),) * 2
                )
            },
            "degraded: swap: odd; fix: x (and 1 more)",
        ),
        (
            "failed",
            {
                "swap": StageReport(
                    "swap", "required", "degraded", problems=(Problem("odd", "x", False),)
                ),
                "chains": StageReport(
                    "chains",
                    "required",
                    "failed",
                    problems=(Problem("so so", "y", False), Problem("bad\nvery", "z")),
                ),
            },
            "failed: chains: bad very; fix: z",
        ),
        ("failed", {}, "failed"),
    ],
)
def test_status_line(outcome: str, stages: dict[str, StageReport], line: str) -> None:
    assert messages.status_line(outcome, stages) == line


def test_half_a_remedy_is_never_shown() -> None:
    problem = Problem("x" * 5000, "printf '%s\\n' " + "y" * 1500)
    stages = {"chains": StageReport("chains", "required", "failed", problems=(problem,))}
    line = messages.status_line("failed", stages)
    assert "yy" not in line
    assert line.endswith("see: journalctl -u nodefix -b -p warning")
    assert len(line) < 1000


def test_problems_and_notes_are_records_of_their_own() -> None:
    problems = (Problem("one is wrong", "mend it"), Problem("two is not nice", "", required=False))
    report = StageReport("swap", "required", "failed", (), problems, ("a remark",))
    stage, first, second, note = messages.stage_records(report)
    assert stage.message == "swap: failed, 2 problems"
    assert (first.message_id, first.priority) == (events.PROBLEM, ERROR)
    assert first.message == "swap: one is wrong\n  fix: mend it"
    assert first.fields == {"NODEFIX_STAGE": "swap", "NODEFIX_HINT": "mend it"}
    assert (second.message_id, second.priority) == (events.PROBLEM, WARNING)
    assert second.fields == {"NODEFIX_STAGE": "swap"}
    assert (note.message_id, note.message) == (events.NOTE, "swap: a remark")


def test_one_problem() -> None:
    report = StageReport("swap", "required", "failed", problems=(Problem("one", ""),))
    assert next(messages.stage_records(report)).message == "swap: failed, 1 problem"


def test_the_reason_of_a_skip_is_told_once() -> None:
    report = StageReport("swap", "required", "skipped", notes=("this is a container",))
    (record,) = messages.stage_records(report)
    assert record.message == "swap: skipped: this is a container"


@pytest.mark.parametrize(
    ("outcome", "message_id", "priority", "words"),
    [
        ("ready", events.RUN_FINISHED, NOTICE, "ready after 1.50 s, kubelet may start: "),
        ("degraded", events.RUN_FINISHED, WARNING, "degraded after 1.50 s, kubelet may start: "),
        ("failed", events.RUN_FAILED, ERROR, "failed after 1.50 s, kubelet is held: "),
    ],
)
def test_finished(outcome: str, message_id: str, priority: int, words: str) -> None:
    stages = {
        "swap": StageReport("swap", "required", "changed", (CHANGE,) * 2),
        "chains": StageReport("chains", "required", "failed", (CHANGE,)),
        # Every boot begins without it: no repair.
        "lockfile": StageReport("lockfile", "required", "prepared", (CHANGE,)),
    }
    kubelet = "kubelet is held" if outcome == "failed" else "kubelet may start"
    record = messages.finished_record(outcome, stages, 1_500_000, kubelet)
    assert (record.message_id, record.priority) == (message_id, priority)
    assert record.message == f"{words}swap changed, chains failed, lockfile prepared"
    assert record.fields == {
        "NODEFIX_OUTCOME": outcome,
        "NODEFIX_CHANGES": "3",
        "NODEFIX_DURATION_USEC": "1500000",
    }


@pytest.mark.parametrize(
    ("units", "runs", "words"),
    [
        ((), True, "kubelet runs on and its next start is held"),
        (("k3s.service",), False, "k3s is held"),
        (("kubelet.service", "k3s.service"), False, "kubelet and k3s are held"),
        (
            ("kubelet.service", "k3s.service"),
            True,
            "kubelet and k3s run on and their next start is held",
        ),
        (("k0sworker.service",), None, "k0sworker's next start is held"),
    ],
)
def test_who_is_held(units: tuple[str, ...], runs: bool | None, words: str) -> None:
    assert messages.held(units, runs, is_off=False) == words
    off = messages.held(units, runs, is_off=True)
    assert off.endswith(" may start, since nodefix is switched off")


def test_out_of_scope() -> None:
    record = messages.out_of_scope_record("found Debian", "k3s may start")
    assert record.message_id == events.OUT_OF_SCOPE
    assert record.message.endswith("found Debian; nothing was changed, k3s may start")
    assert record.fields == {"NODEFIX_OUTCOME": "skipped", "NODEFIX_CHANGES": "0"}


def test_not_run_tells_every_problem() -> None:
    record = messages.not_run_record(ConfigError(["/a: one", "/b: two"]))
    assert (record.message_id, record.priority) == (events.NOT_RUN, ERROR)
    assert "not run, nothing was changed: /a: one\n/b: two\n  fix: " in record.message
    assert messages.not_run_record(NodefixError("busy")).message.endswith("changed: busy")


def test_a_problem_carries_its_kind_and_what_that_means() -> None:
    problems = (Problem("it is odd", "", code="stage-unclear"), Problem("x", "", code="nonsense"))
    report = StageReport("swap", "required", "degraded", problems=problems)
    _, first, second = messages.stage_records(report)
    assert first.fields["NODEFIX_CODE"] == "stage-unclear"
    assert first.fields["NODEFIX_MEANING"] == CODES["stage-unclear"]
    assert "NODEFIX_CODE" not in second.fields


def test_aborted() -> None:
    record = messages.aborted_record(
        OSError(28, "No space left on device", "/run/x"), "kubelet is held"
    )
    assert (record.message_id, record.priority) == (events.RUN_FAILED, ERROR)
    assert record.message.startswith(
        "the run was aborted, kubelet is held: /run/x: No space left on device"
    )
    assert record.fields["NODEFIX_OUTCOME"] == "failed"
    assert record.message.endswith(f"fix: {record.fields['NODEFIX_HINT']}")
    assert "held: out of luck" in messages.aborted_record(OSError("out of luck"), "held").message


def test_aborted_by_a_limit() -> None:
    error = OSError(errno.EMFILE, "Too many open files", "/run/x")
    record = messages.aborted_record(error, "kubelet is held")
    assert record.fields["NODEFIX_HINT"] == LIMITS[errno.EMFILE]


def test_plan_in_words() -> None:
    plans = {
        "swap": Plan((CHANGE,)),
        "modules": Plan(problems=(Problem("one is wrong", "mend it"),)),
        "alternatives": Plan(),
        "chains": Plan(skipped="switched off by the configuration"),
        "lockfile": Plan(notes=("not all could be looked at",)),
    }
    assert messages.plan_in_words(plans).splitlines() == [
        "swap: would change swap /dev/vda2: on -> off",
        "modules: one is wrong",
        "  fix: mend it",
        "alternatives: nothing to change",
        "chains: skipped: switched off by the configuration",
        "lockfile: nothing to change",
        "lockfile: not all could be looked at",
    ]
