"""nodefix/history.py: boots by the records that they left."""

from __future__ import annotations

import pytest

from nodefix import events
from nodefix.errors import ConfigError
from nodefix.events import Record
from nodefix.history import IDS, Repair, again, boots
from nodefix.host.journald import Entry
from nodefix.messages import (
    finished_record,
    not_run_record,
    out_of_scope_record,
    same_again_record,
    stage_records,
    started_record,
)
from nodefix.plan import Done, Problem
from nodefix.report import Course, StageReport
from nodefix.words import STAGE_NAMES

A, B, C = "a" * 32, "b" * 32, "c" * 32
SWAP = StageReport("swap", "required", "changed", (Done("swap /dev/zram0", "on", "off"),))
FINE = StageReport("swap", "required", "unchanged")
PREPARED = StageReport("swap", "required", "prepared", (Done("x", "no", "yes", True),))
WRONG = StageReport("modules", "required", "failed", problems=(Problem("xt_mark: absent", "dnf"),))


def run(*reports: StageReport, outcome: str = "ready", usec: int = 8_100_000) -> list[Record]:
    """The records of one run."""
    stages = {report.stage: report for report in reports}
    return [
        started_record(list(stages)),
        *(record for report in reports for record in stage_records(report)),
        finished_record(outcome, stages, usec, "kubelet is held"),
    ]


def journal(*found: tuple[str, list[Record]]) -> list[Entry]:
    """The journal of these boots' records, oldest given first, as it is read: newest first."""
    entries = [
        Entry(float(number), boot, {"MESSAGE_ID": record.message_id, **record.entry()})
        for number, (boot, record) in enumerate(
            (boot, record) for boot, records in found for record in records
        )
        if record.message_id in IDS
    ]
    return entries[::-1]


def test_one_boot() -> None:
    (boot,) = boots(journal((A, run(SWAP))), 10)
    assert boot.boot_id == A
    assert (boot.outcome, boot.runs, boot.usec) == ("ready", 1, 8_100_000)
    assert boot.repairs == (Repair("swap", "swap /dev/zram0", "on", "off"),)
    assert boot.problem == ""


def test_the_newest_boots_the_newest_last() -> None:
    found = journal((A, run(FINE)), (B, run(SWAP)), (C, run(FINE)))
    assert [boot.boot_id for boot in boots(found, 10)] == [A, B, C]
    assert [boot.boot_id for boot in boots(found, 2)] == [B, C]


def test_what_each_boot_begins_without_is_no_repair() -> None:
    (boot,) = boots(journal((A, run(PREPARED))), 10)
    assert (boot.repairs, boot.repaired) == ((), {})


def test_boot_that_failed_and_came_to_be_ready() -> None:
    failed = run(WRONG, outcome="failed")
    same = [same_again_record("failed", {"modules": WRONG}, Course(2, "since"), "kubelet is held")]
    (boot,) = boots(journal((A, failed + same + same)), 10)
    assert (boot.outcome, boot.runs, boot.usec) == ("failed", 3, 8_100_000)
    assert boot.problem == "modules: xt_mark: absent"
    (boot,) = boots(journal((A, failed + same + run(FINE, usec=7))), 10)
    assert (boot.outcome, boot.runs, boot.usec, boot.problem) == ("ready", 3, 7, "")


def test_a_restart_of_kube_proxy_after_a_run_is_none_of_its_own() -> None:
    done = StageReport("kube-proxy", "wanted", "changed", (Done("kube-proxy", "why", "restarted"),))
    late = run(done, outcome="degraded", usec=75_000_000)[1:]
    (boot,) = boots(journal((A, run(SWAP) + late)), 10)
    assert (boot.outcome, boot.runs, boot.usec) == ("degraded", 1, 8_100_000)
    assert [repair.stage for repair in boot.repairs] == ["swap", "kube-proxy"]


def test_another_problem_than_before() -> None:
    other = WRONG._replace(problems=(Problem("xt_comment: absent", "dnf"),))
    (boot,) = boots(journal((A, run(WRONG, outcome="failed") + run(other, outcome="failed"))), 10)
    assert boot.problem == "modules: xt_comment: absent"


def test_run_that_did_not_end() -> None:
    (boot,) = boots(journal((A, run(FINE)[:-1])), 10)
    assert (boot.outcome, boot.runs, boot.usec) == ("unfinished", 1, 0)


def test_not_run_and_out_of_scope() -> None:
    error = ConfigError(["/etc/nodefix/nodefix.yaml: swap: found what, expected auto"])
    (boot,) = boots(journal((A, [not_run_record(error)])), 10)
    assert (boot.outcome, boot.runs) == ("failed", 1)
    assert "expected auto" in boot.problem
    (boot,) = boots(journal((A, [out_of_scope_record("found debian", "kubelet may start")])), 10)
    assert (boot.outcome, boot.problem) == ("skipped", "")


@pytest.mark.parametrize("before", [run(FINE), run(WRONG, outcome="failed")])
def test_what_was_not_run_does_not_change_what_the_node_is(before: list[Record]) -> None:
    errors = [not_run_record(ConfigError([f"a.yaml: {word}"])) for word in ("one", "two")]
    (boot,) = boots(journal((A, [*before, *errors])), 10)
    assert (boot.outcome, boot.runs) == (before[-1].fields["NODEFIX_OUTCOME"], 1)
    assert boot.problem == "not run, nothing was changed: a.yaml: two"
    (boot,) = boots(journal((A, [*before, *errors, *run(FINE)])), 10)
    assert (boot.outcome, boot.runs, boot.problem) == ("ready", 2, "")


def test_entries_of_another_form_do_no_harm() -> None:
    entry = Entry(1.0, A, {"MESSAGE_ID": events.RUN_FINISHED, "NODEFIX_DURATION_USEC": "²x"})
    (boot,) = boots([entry, Entry(0.0, A, {})], 10)
    assert (boot.runs, boot.usec) == (1, 0)
    assert boots([], 10) == []


def test_what_is_repaired_at_every_boot_stands_out() -> None:
    found = boots(journal((A, run(FINE)), (B, run(SWAP)), (C, run(SWAP))), 10)
    (one,) = again(found)
    assert (one.stage, one.boots) == ("swap", 2)
    assert one.words == (
        "swap was repaired at each of the last 2 boots: something brings it back"
        " (last: swap /dev/zram0: on)"
    )
    assert "systemctl list-units" in one.find


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_each_stage_has_a_way_to_find_out_why(stage: str) -> None:
    report = SWAP._replace(stage=stage)
    (one,) = again(boots(journal((A, run(report)), (B, run(report))), 10))
    assert one.stage == stage
    assert one.find


def test_what_was_repaired_once_does_not() -> None:
    assert again(boots(journal((A, run(SWAP)), (B, run(FINE))), 10)) == []
    assert again(boots(journal((A, run(FINE)), (B, run(SWAP))), 10)) == []
    assert again([]) == []


UNDONE = Record(
    events.UNDONE,
    events.NOTICE,
    "rollback: swap",
    {"NODEFIX_STAGE": "swap", "NODEFIX_OUTCOME": "restored"},
)


def test_what_nodefix_rolled_back_is_not_undone_by_something() -> None:
    (boot,) = boots(journal((A, [*run(SWAP), UNDONE, *run(SWAP)])), 10)
    assert (boot.repaired, len(boot.repairs), again([boot])) == ({"swap": 1}, 2, [])
    (boot,) = boots(journal((A, [*run(SWAP), UNDONE])), 10)
    assert (boot.repaired, boot.runs) == ({}, 1)


def test_a_rollback_alone_is_no_run() -> None:
    (boot,) = boots(journal((A, run(SWAP)), (B, [UNDONE])), 1)
    assert (boot.boot_id, boot.repaired) == (A, {"swap": 1})


def test_what_is_repaired_over_and_over_in_one_boot() -> None:
    chains = StageReport("chains", "required", "changed", (Done("IPv4 chains", "none", "made"),))
    (one,) = again(boots(journal((A, run(chains) * 3)), 10))
    assert one.words.startswith("chains was repaired 3 times in the last boot: something undoes it")
