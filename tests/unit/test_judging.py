"""nodefix/judging.py: a stage's report beside those of the others."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakestage import PROBLEM, FakeStage, Run, change

from nodefix.errors import DeadlineError
from nodefix.facts.remedies import ASK_MODULES
from nodefix.host.node import Host
from nodefix.judging import behind
from nodefix.plan import Plan, Problem
from nodefix.report import StageReport
from nodefix.stages import STAGES

CHAINS = next(stage for stage in STAGES if stage.NAME == "chains")
ASKS = StageReport("chains", "required", "failed", problems=(Problem("missing", ASK_MODULES),))
UNCLEAR = Problem("it did not end", "journalctl -b -p warning -n 50", required=False)


def modules(outcome: str, *problems: Problem) -> StageReport:
    return StageReport("modules", "required", outcome, problems=problems)


@pytest.mark.parametrize(
    ("first", "hint"),
    [
        (modules("degraded", UNCLEAR), UNCLEAR.hint),
        (modules("degraded", UNCLEAR._replace(hint="")), "journalctl -k -n 30"),
        # It tried such rules, and they work.
        (modules("unchanged"), "journalctl -k -n 30"),
        (modules("not run"), ASK_MODULES),
        (modules("skipped"), ASK_MODULES),
    ],
)
def test_what_another_stage_has_said_is_not_asked_for_again(first: StageReport, hint: str) -> None:
    report = behind(ASKS, CHAINS, {"modules": first, "chains": ASKS})
    assert [problem.hint for problem in report.problems] == [hint]


@pytest.mark.parametrize("name", [stage.NAME for stage in STAGES])
def test_no_stage_is_told_to_be_run_that_has_just_been_run(name: str) -> None:
    asks = StageReport(
        "chains", "required", "failed", problems=(Problem("x", f"nodefix run --stage {name}"),)
    )
    others = {stage.NAME: StageReport(stage.NAME, "required", "unchanged") for stage in STAGES}
    (problem,) = behind(asks, CHAINS, others | {"chains": asks}).problems
    assert not problem.hint.startswith("nodefix run")


def test_after_a_stage_that_took_too_long(node: Node) -> None:
    def hang(host: Host) -> None:
        raise DeadlineError("stage modules took longer than 60 seconds", UNCLEAR.hint)

    first = FakeStage("modules")
    first.on_read = hang
    missing = change("IPv4 chains")._replace(hint=ASK_MODULES)
    chains = FakeStage("chains", Plan((missing,)))
    chains.NEEDS = ("modules",)
    run = Run(node, first, chains)
    assert run() == "failed"
    assert run.stage("chains")["problems"][0]["hint"] == UNCLEAR.hint


def test_failure_that_follows_from_another_stages_points_to_it(node: Node) -> None:
    modules = FakeStage("modules", Plan(problems=(PROBLEM,)))
    chains = FakeStage("chains", Plan(tuple(change(name) for name in "abcde")))
    chains.NEEDS = ("modules",)
    run = Run(node, modules, chains)
    assert run() == "failed"
    assert run.stage("chains")["problems"] == [
        {
            "message": "5 problems that cannot be judged before stage modules is in order",
            "hint": PROBLEM.hint,
            "required": True,
            "code": "stage-behind",
        }
    ]
    # A needed stage that is merely not perfect explains nothing.
    modules.plans = [Plan(problems=(PROBLEM._replace(required=False),))]
    run()
    assert len(run.stage("chains")["problems"]) == 5
