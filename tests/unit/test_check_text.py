"""nodefix/check_text.py: what `nodefix check` prints."""

from __future__ import annotations

import json

from nodefix.advice.finding import Advice, Unknown
from nodefix.check import (
    AS_ROOT,
    DIFFERS,
    FINE,
    NOT_CHECKED,
    WRONG,
    Checked,
    KubeProxyCheck,
    StageCheck,
)
from nodefix.check_text import as_json, in_words
from nodefix.plan import Change, Problem

CHANGE = Change("swap /dev/vda2", "on", "off", "free -m", None, code="swap-on")
BROKEN = Problem("it is broken", "mend it", code="swap-in-use")
TIP = Advice(
    "firewalld-active", "firewalld: found active", "It rejects.", "systemctl stop firewalld"
)
GAP = Unknown(("chains",), "nft cannot be asked", AS_ROOT)
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
    assert (
        in_words(Checked((StageCheck("swap", FINE),))).splitlines()[-1]
        == "this node is as it should be"
    )


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
    assert (found["status"], found["exit_status"]) == (WRONG, 1)
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
