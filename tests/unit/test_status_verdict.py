"""nodefix/status/verdict.py: what that which is seen comes to."""

from __future__ import annotations

import pytest
from boots import (
    FAILED,
    FINISHED,
    MODULES,
    NOW,
    READY,
    RUNNING,
    STARTED,
    SWAP,
    kubelet,
    last,
    seen,
    service,
)

from nodefix import words
from nodefix.report import StageReport
from nodefix.status.seen import Seen
from nodefix.status.verdict import EXITS, Held, judge, seconds_of
from nodefix.switch import Switch

OFF = Switch("/etc/nodefix/disabled", "a reason")
BAD = service("activating", "auto-restart", result="exit-code")

STATES = {
    "a boot that has not come to it": (
        seen(service=service("inactive", "dead", job=True)),
        "not started",
    ),
    "nothing starts it": (seen(), "not started"),
    "masked": (seen(service=service("inactive", "dead", load="masked")), "not started"),
    "no bus, nothing done yet": (seen(service=None), "not started"),
    "running": (RUNNING, "running"),
    "the service runs and holds no lock yet": (
        seen(service=service("activating", "start")),
        "running",
    ),
    "asked for once more": (READY._replace(service=service(job=True)), "running"),
    "by hand on a ready node": (READY._replace(is_locked=True, last=last("running")), "running"),
    "by hand where it is switched off": (RUNNING._replace(switch=OFF), "running"),
    "ready": (READY, "ready"),
    "ready, without a bus": (READY._replace(service=None), "ready"),
    "ready, and no report": (READY._replace(last=last("")), "ready"),
    "ready by the report, and no marker": (READY._replace(is_open=False), "failed"),
    "degraded": (READY._replace(last=last("degraded", SWAP)), "degraded"),
    "failed": (FAILED, "failed"),
    "the pause before the next try has a job": (
        FAILED._replace(service=service("activating", "auto-restart", job=True)),
        "failed",
    ),
    "no run for want of valid settings": (seen(service=BAD, settings="a.yaml: x"), "failed"),
    "the service failed for good": (
        seen(service=service("failed", "failed", result="timeout")),
        "failed",
    ),
    "killed": (RUNNING._replace(is_locked=False, service=BAD), "aborted"),
    "killed on a ready node": (
        RUNNING._replace(is_locked=False, service=service(), is_open=True),
        "aborted",
    ),
    "switched off": (seen(switch=OFF), "switched off"),
    "switched off after a failure": (FAILED._replace(switch=OFF), "switched off"),
    "another system": (
        seen(last=last("skipped"), is_open=True, outside="found Debian"),
        "out of scope",
    ),
    "another system, before the run": (seen(outside="found Debian"), "out of scope"),
}


@pytest.mark.parametrize("name", STATES)
def test_each_state(name: str) -> None:
    boot, state = STATES[name]
    assert judge(boot).state == state


def test_exit_statuses() -> None:
    assert EXITS == {
        "ready": 0,
        "out of scope": 0,
        "switched off": 0,
        "failed": 1,
        "aborted": 1,
        "degraded": 2,
        "not started": 3,
        "running": 3,
    }
    assert {state for _, state in STATES.values()} == set(EXITS)


@pytest.mark.parametrize(
    ("boot", "may"),
    [
        (READY, True),
        (READY._replace(is_open=False), False),
        (FAILED, False),
        (FAILED._replace(switch=OFF), True),
        (FAILED._replace(outside="found Debian"), True),
        (RUNNING, False),
        (RUNNING._replace(is_open=True), True),
        (seen(), False),
    ],
)
def test_whether_kubelet_may_start(boot: Seen, may: bool) -> None:
    assert judge(boot).kubelet_may_start is may


COMING = {
    "a boot that has not come to it": True,
    "no bus, nothing done yet": True,
    "running": True,
    "asked for once more": True,
    "nothing starts it": False,
    "masked": False,
    "the pause before the next try has a job": False,
    "no run for want of valid settings": False,
    "killed": False,
    "switched off": False,
    "ready": False,
}


@pytest.mark.parametrize("name", COMING)
def test_what_is_waited_for(name: str) -> None:
    assert judge(STATES[name][0]).is_coming is COMING[name]


WHY = {
    "nothing starts it": ("nothing has started nodefix.service", "systemctl start nodefix"),
    "masked": ("is masked", "systemctl unmask nodefix.service && "),
    "killed": ("aborted in stage modules", "systemctl restart nodefix"),
    "ready by the report, and no marker": ("found no /run/nodefix/ready", "systemctl restart"),
    "ready, and no report": ("cannot be read", "systemctl restart nodefix"),
    "no run for want of valid settings": (
        "not valid; correct these lines:\na.yaml: x",
        "nodefix config check && systemctl restart nodefix",
    ),
    "the service failed for good": ("no run (timeout)", "journalctl -u nodefix -b -n 20"),
}


@pytest.mark.parametrize("name", WHY)
def test_why_and_what_to_do(name: str) -> None:
    (problem,) = judge(STATES[name][0]).why
    message, hint = WHY[name]
    assert message in problem.message
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize("name", ["ready", "failed", "running", "degraded"])
def test_nothing_to_explain(name: str) -> None:
    assert judge(STATES[name][0]).why == ()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (service("inactive", "dead", file_state="disabled"), "systemctl enable --now nodefix"),
        (service("inactive", "dead", load="not-found"), "dnf reinstall nodefix && systemctl start"),
        # Somebody emptied /run/nodefix: a start does nothing.
        (service("active", "exited"), "systemctl restart nodefix"),
    ],
)
def test_a_service_that_no_boot_starts(state: object, told: str) -> None:
    (problem,) = judge(seen(service=state)).why
    assert problem.hint.startswith(told)


def test_a_ready_node_whose_settings_went_bad_stays_ready_and_it_is_said() -> None:
    later = READY._replace(settings="a.yaml: x", service=BAD)
    verdict = judge(later)
    assert (verdict.state, verdict.why[0].required) == ("ready", False)
    assert "a.yaml: x" in verdict.why[0].message
    (gone_bad,) = judge(READY._replace(settings="a.yaml: x")).why
    assert "no longer valid" in gone_bad.message
    # Before the lines are corrected a restart alone fails as the one before.
    remedy = "nodefix config check && systemctl restart nodefix"
    assert {problem.hint for problem in (gone_bad, verdict.why[0])} == {remedy}


def test_a_mask_on_a_node_that_is_ready_holds_nothing_before_the_next_boot() -> None:
    masked = service("inactive", "dead", load="masked", result="signal")
    (problem,) = judge(READY._replace(service=masked)).why
    assert problem.message.endswith("holds kubelet from the next boot on")


def test_a_run_that_was_stopped() -> None:
    (problem,) = judge(RUNNING._replace(stopped=(7, 8))).why
    assert problem.hint == "kill -CONT 7 8"


def test_an_odd_switch_is_named() -> None:
    (problem,) = judge(seen(switch=OFF._replace(odd="found a directory"))).why
    assert problem.message == "/etc/nodefix/disabled: found a directory"


def test_held_since_systemd_lost_count() -> None:
    # systemd keeps the time of the last try; the run that failed first is the earliest it can be.
    assert judge(FAILED).held == (Held("kubelet.service", 62.0, 3, False),)


@pytest.mark.parametrize(
    ("waiting", "seconds", "is_exact"),
    [
        (kubelet("activating", "start-pre", tried=NOW - 9), 9.0, True),
        # It ran until then: before that it was not held.
        (
            kubelet("activating", "auto-restart", tries=2, up_until=NOW - 30, tried=NOW - 4),
            30.0,
            False,
        ),
        (kubelet("inactive", "dead", job=True), 62.0, False),
        # A clock that was set back.
        (kubelet("activating", "start-pre", tried=NOW + 9), 0.0, True),
    ],
)
def test_for_how_long(waiting: object, seconds: float, is_exact: bool) -> None:
    (held,) = judge(FAILED._replace(waiting=(waiting,))).held
    assert (held.seconds, held.is_exact) == (seconds, is_exact)


def test_held_before_anything_is_known() -> None:
    (held,) = judge(seen(waiting=(kubelet("inactive", "dead", job=True),))).held
    assert held.seconds is None


def test_nobody_is_held_where_kubelet_may_start() -> None:
    assert judge(FAILED._replace(switch=OFF)).held == ()


@pytest.mark.parametrize(
    ("boot", "seconds"),
    [
        (FAILED, 15.0),
        (READY, None),
        (FAILED._replace(service=None), None),
        (FAILED._replace(service=service("failed", "failed")), None),
        (FAILED._replace(now=NOW + 100), 0.0),
        # A clock that was set back.
        (FAILED._replace(now=NOW - 500), 20.0),
    ],
)
def test_next_try(boot: Seen, seconds: float | None) -> None:
    assert judge(boot).next_try == seconds


def test_problems_those_that_hold_kubelet_first() -> None:
    wanted = StageReport(
        "a", "wanted", "degraded", problems=(MODULES.problems[0]._replace(required=False),)
    )
    left = StageReport("chains", "required", words.NOT_RUN)
    found = judge(seen(last=last("failed", wanted, MODULES, left))).problems
    assert [name for name, _ in found] == ["modules", "chains", "a"]
    assert found[1][1].hint == "nodefix run --stage chains"


@pytest.mark.parametrize("stamp", ["", "x", "2026-13-01T00:00:00Z", "2026-01-02"])
def test_times_that_are_none(stamp: str) -> None:
    assert seconds_of(stamp) == 0.0


def test_times() -> None:
    assert seconds_of(FINISHED) - seconds_of(STARTED) == 2.0
