"""nodefix/check.py: what a node is, as data and in words."""

from __future__ import annotations

import json

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
    KubeProxyCheck,
    StageCheck,
    as_json,
    in_words,
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
    found = as_json(checked)
    assert (found["status"], found["exit_status"]) == (status, expected)


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


ALL = Checked(
    (
        StageCheck("modules", FINE, notes=("a remark",)),
        StageCheck("swap", DIFFERS, (CHANGE,)),
        StageCheck("chains", WRONG, problems=(BROKEN,)),
        StageCheck("lockfile", NOT_CHECKED, notes=("left out by the settings",)),
    ),
    KubeProxyCheck(True, "kube-proxy-x7k2p", "2026-11-27T03:00:00Z", 2, "E1 x", "no conntrack"),
    (Problem("kube-proxy does not run", "nodefix restart-kube-proxy"),),
    (TIP,),
    (GAP,),
    ("a run is going on",),
)


def test_in_words() -> None:
    assert (
        in_words(ALL)
        == """\
a run is going on
modules: as it should be
  note: a remark
swap: differs
  swap /dev/vda2: found on, expected off
    fix: nodefix run --stage swap
chains: wrong
  it is broken
    fix: mend it
lockfile: skipped: left out by the settings
kube-proxy: runs; kube-proxy-x7k2p, container of 2026-11-27T03:00:00Z, started anew 2 times
  last error of its log: E1 x
    that is: no conntrack
  kube-proxy does not run
    fix: nodefix restart-kube-proxy

advice, on what nodefix does not change:
  firewalld-active: firewalld: found active
    why: It rejects.
    fix: systemctl stop firewalld

could not be told:
  chains: nft cannot be asked
    fix: sudo nodefix check

wrong: chains; differs: swap; 1 more wrong; 1 of advice; 1 could not be told"""
    )


def test_in_words_of_a_node_that_is_as_it_should_be() -> None:
    assert in_words(Checked(stages(FINE))).splitlines()[-1] == "this node is as it should be"


def test_as_json_is_plain_and_complete() -> None:
    found = as_json(ALL)
    assert json.loads(json.dumps(found)) == found
    assert found["stages"][1]["changes"] == [  # type: ignore[index]
        {
            "target": "swap /dev/vda2",
            "found": "on",
            "wanted": "off",
            "hint": "nodefix run --stage swap",
            "code": "swap-on",
        }
    ]
    assert found["advice"] == [
        {"code": TIP.code, "message": TIP.message, "why": TIP.why, "hint": TIP.hint}
    ]
    assert found["unknown"] == [{"about": ["chains"], "message": GAP.message, "hint": AS_ROOT}]
    assert found["kube_proxy"] == {
        "running": True,
        "pod": "kube-proxy-x7k2p",
        "since": "2026-11-27T03:00:00Z",
        "restarts": 2,
        "error": "E1 x",
        "explained": "no conntrack",
        "note": "",
    }


def test_texts_and_lists_are_bounded() -> None:
    many = tuple(CHANGE._replace(found="x" * 10**6) for _ in range(60))
    problems = tuple(BROKEN._replace(message="\x1b[31m" * 10**5) for _ in range(60))
    checked = Checked((StageCheck("swap", WRONG, many, problems),))
    said = in_words(checked)
    assert len(said) < 600_000
    assert "\x1b" not in said
    assert said.count("10 more are not shown") == 2
    assert len(json.dumps(as_json(checked))) < 1_000_000
