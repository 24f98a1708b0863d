"""nodefix/check.py: what a node is."""

from __future__ import annotations

import pytest

from nodefix.advice.finding import Advice, Unknown
from nodefix.check import (
    ADVICE,
    AS_ROOT,
    DIFFERS,
    FINE,
    NOT_CHECKED,
    UNKNOWN,
    WRONG,
    Checked,
    StageCheck,
    judge,
    merged,
    without_told,
)
from nodefix.plan import Change, Plan, Problem

CHANGE = Change("swap /dev/vda2", "on", "off", "free -m", None, code="swap-on")
BROKEN = Problem("it is broken", "mend it", code="swap-in-use")
UNREAD = Problem("x cannot be read", "ls -l x", required=False, code="stage-unclear")
DENIED = Problem(
    "nft: Operation not permitted (you must be root)", "journalctl", code="stage-error"
)


@pytest.mark.parametrize(
    ("plan", "status"),
    [
        (Plan(), FINE),
        (Plan(notes=("a remark",)), FINE),
        (Plan(skipped="not here"), NOT_CHECKED),
        (Plan((CHANGE,)), DIFFERS),
        (Plan(problems=(BROKEN,)), WRONG),
        (Plan((CHANGE,), (BROKEN,)), WRONG),
        (Plan((CHANGE,), (UNREAD,)), DIFFERS),
        (Plan(problems=(UNREAD,)), UNKNOWN),
        (Plan(problems=(UNREAD, BROKEN)), WRONG),
        (Plan(problems=(DENIED,)), WRONG),
    ],
)
def test_status_of_a_stage(plan: Plan, status: str) -> None:
    assert judge("swap", plan, is_root=True)[0].status == status


@pytest.mark.parametrize(
    "code", ["swap-kubelet-unknown", "swap-unread", "stage-unclear", "rules-untried"]
)
def test_what_is_not_known_is_not_wrong(code: str) -> None:
    stage, unknown = judge("swap", Plan(problems=(UNREAD._replace(code=code),)), is_root=True)
    assert (stage.status, stage.problems) == (UNKNOWN, ())
    assert unknown == (Unknown(("swap",), "x cannot be read", "ls -l x"),)


def test_what_an_ordinary_user_is_refused_is_not_wrong() -> None:
    denied = DENIED._replace(code="chains-unlike")
    stage, unknown = judge("chains", Plan(problems=(denied, BROKEN)), is_root=False)
    assert stage.problems == (BROKEN,)
    assert unknown == (Unknown(("chains",), denied.message, AS_ROOT),)


def test_a_program_that_fails_for_an_ordinary_user_tells_nothing() -> None:
    failed = Problem("iptables: exit status 4", "x", code="stage-error")
    assert judge("chains", Plan(problems=(failed,)), is_root=False)[0].status == UNKNOWN
    assert judge("chains", Plan(problems=(failed,)), is_root=True)[0].status == WRONG


def stages(*statuses: str) -> tuple[StageCheck, ...]:
    return tuple(StageCheck(status, status) for status in statuses)


TIP = Advice(
    "firewalld-active", "firewalld: found active", "It rejects.", "systemctl stop firewalld"
)
GAP = Unknown(("chains",), "nft cannot be asked", AS_ROOT)


@pytest.mark.parametrize(
    ("checked", "status", "expected"),
    [
        (Checked(stages(FINE, NOT_CHECKED)), FINE, 0),
        (Checked(stages(FINE), advice=(TIP,)), ADVICE, 2),
        (Checked(stages(FINE), unknown=(GAP,)), UNKNOWN, 3),
        (Checked(stages(UNKNOWN), advice=(TIP,)), UNKNOWN, 3),
        (Checked(stages(DIFFERS), unknown=(GAP,), advice=(TIP,)), DIFFERS, 1),
        (Checked(stages(WRONG, DIFFERS)), WRONG, 1),
        (Checked(stages(FINE), problems=(BROKEN,)), WRONG, 1),
    ],
)
def test_status_of_the_node(checked: Checked, status: str, expected: int) -> None:
    assert (checked.status, checked.exit_status) == (status, expected)


def test_one_cause_is_told_once() -> None:
    bus = "no bus"
    gaps = (Unknown(("a",), bus), Unknown(("b",), "other"), Unknown(("c",), bus))
    assert merged(gaps) == (Unknown(("a", "c"), bus), Unknown(("b",), "other"))


def test_advice_that_a_stage_has_told_is_left_out() -> None:
    told = TIP._replace(told_by="modules_disabled")
    problem = Problem("found kernel.modules_disabled set to 1", "")
    behind = StageCheck("modules", WRONG, problems=(problem,))
    assert without_told((told, TIP), (behind,)) == (TIP,)
    assert without_told((told, TIP), stages(FINE)) == (told, TIP)
