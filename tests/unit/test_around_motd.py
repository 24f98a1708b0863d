"""nodefix/around/motd.py: the line at login."""

from __future__ import annotations

import pytest

from nodefix.around.motd import motd
from nodefix.around.run import Ran
from nodefix.plan import Problem
from nodefix.report import Course, Head, StageReport

SINCE = "2026-01-02T03:04:05Z"
HEAD = Head("b", "", SINCE)


def ran(outcome: str, *stages: StageReport) -> Ran:
    reports = {one.stage: one for one in stages}
    return Ran(HEAD, SINCE, outcome, reports, Course(1, SINCE), kubelet="k3s is held")


def stage(outcome: str, message: str) -> StageReport:
    problem = Problem(message, "", outcome == "failed")
    return StageReport("swap", "required", outcome, problems=(problem,))


@pytest.mark.parametrize("outcome", ["ready", "skipped"])
def test_a_node_that_is_well_says_nothing(outcome: str) -> None:
    assert motd(ran(outcome)) == ""


@pytest.mark.parametrize(
    ("outcome", "words"), [("failed", "k3s is held"), ("degraded", "this node is degraded")]
)
def test_a_node_that_is_not_says_so_in_one_line(outcome: str, words: str) -> None:
    said = motd(ran(outcome, stage(outcome, "swap is\non \x1b[31m")))
    assert (
        said == rf"nodefix: {words} since {SINCE}: swap: swap is on \x1b[31m; see: nodefix status"
    )
    assert len(motd(ran(outcome, stage(outcome, "x" * 999)))) < 220


def test_nothing_is_held_where_nodefix_is_switched_off() -> None:
    assert motd(ran("failed", stage("failed", "a"))._replace(is_off=True)) == ""
