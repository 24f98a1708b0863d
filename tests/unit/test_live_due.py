"""nodefix/live/due.py: what kube-proxy must see."""

from __future__ import annotations

import pytest

from nodefix.facts.kubeproxy_pod import ContainerFacts
from nodefix.live.due import is_down, what_changed, what_hinders
from nodefix.plan import Done, Problem
from nodefix.report import StageReport

LOADED = Done("kernel module nf_nat", "not loaded", "loaded", each_boot=True)
WRONG = Problem("kube-proxy's rules do not work", "x")


def stage(
    name: str, outcome: str = "unchanged", *changes: Done, problems: tuple[Problem, ...] = ()
) -> dict[str, StageReport]:
    """One stage as it went."""
    return {name: StageReport(name, "required", outcome, changes, problems)}


def container(state: str) -> ContainerFacts:
    """One container."""
    return ContainerFacts("x", "p", "u", state, 1.0, 0)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (stage("modules", "prepared", LOADED), "kernel modules were loaded (nf_nat)"),
        (
            stage("alternatives", "changed", Done("iptables", "legacy", "nft")),
            "the iptables alternatives were changed",
        ),
        (stage("modules"), ""),
        (stage("modules", "prepared", Done("sysctl net.ipv4.ip_forward", "0", "1")), ""),
        (stage("chains", "changed", Done("IPv4 chains", "none", "all")), ""),
        (stage("swap", "changed", Done("swap", "on", "off")), ""),
        (stage("lockfile", "changed", Done("/run/xtables.lock", "nothing", "a file")), ""),
    ],
)
def test_what_a_run_changed(now: dict[str, StageReport], reason: str) -> None:
    assert what_changed({}, now) == reason


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ((WRONG,), (), "rules such as kube-proxy's work now, which did not before"),
        ((WRONG,), (WRONG,), ""),
        ((WRONG._replace(required=False),), (), ""),
        ((), (), ""),
    ],
)
def test_rules_that_work_now(
    before: tuple[Problem, ...], now: tuple[Problem, ...], reason: str
) -> None:
    found = what_changed(stage("modules", problems=before), stage("modules", problems=now))
    assert found == reason


def test_what_hinders() -> None:
    assert what_hinders(stage("swap", "failed") | stage("modules")) == ""
    assert what_hinders(stage("swap") | stage("chains", "failed")) == "chains"
    assert what_hinders(stage("chains", "degraded")) == ""


@pytest.mark.parametrize(
    ("states", "down"),
    [
        ((), False),
        (("CONTAINER_RUNNING", "CONTAINER_EXITED"), False),
        (("CONTAINER_CREATED", "CONTAINER_EXITED"), False),
        (("CONTAINER_EXITED",), True),
    ],
)
def test_container_that_does_not_run(states: tuple[str, ...], down: bool) -> None:
    assert is_down([container(state) for state in states]) is down
