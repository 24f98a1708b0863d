"""What is seen of boots in each state, for the tests of `nodefix status`."""

from __future__ import annotations

from typing import Any

from nodefix.host.units import ServiceState, UnitState
from nodefix.plan import Problem
from nodefix.report import Course, StageReport
from nodefix.status.seen import Seen
from nodefix.status.verdict import seconds_of
from nodefix.store import Earlier
from nodefix.words import UNIT

STARTED, FINISHED = "2026-01-02T03:04:05Z", "2026-01-02T03:04:07Z"
# A minute after the run.
NOW = seconds_of(FINISHED) + 60.0

SWAP = StageReport("swap", "required", "changed", duration_usec=120_000)
MODULES = StageReport(
    "modules", "required", "failed", problems=(Problem("xt_mark: found missing", "dnf install x"),)
)


def service(
    active: str = "active",
    sub: str = "exited",
    load: str = "loaded",
    job: bool = False,
    **other: Any,
) -> ServiceState:
    """nodefix.service, or another one by `name`."""
    name = other.pop("name", UNIT)
    given = {"file_state": "enabled", **other}
    return ServiceState(name, UnitState(load, active, sub, job), **given)


def kubelet(active: str, sub: str, job: bool = False, **other: Any) -> ServiceState:
    """kubelet, which waits for nodefix."""
    return service(active, sub, job=job, name="kubelet.service", waits=True, **other)


def last(outcome: str, *stages: StageReport, **other: Any) -> Earlier:
    """A report of this boot."""
    given = {"started": STARTED, "finished": FINISHED, "invocation_id": "ab12", **other}
    return Earlier(outcome, {stage.stage: stage for stage in stages}, **given)


def seen(**other: Any) -> Seen:
    """A booted node on which nothing of nodefix has happened."""
    given = {"now": NOW, "boot_id": "b", "service": service("inactive", "dead"), **other}
    return Seen(**given)


READY = seen(last=last("ready", SWAP), is_open=True, service=service(), kubelet_runs=True)
FAILED = seen(
    last=last("failed", SWAP, MODULES, course=Course(3, STARTED)),
    service=service("activating", "auto-restart", result="exit-code", changed=NOW - 5, pause=20.0),
    waiting=(kubelet("activating", "auto-restart", tries=3, tried=NOW - 1),),
    kubelet_runs=False,
)
RUNNING = seen(
    last=last("running", stage="modules", finished=""),
    is_locked=True,
    service=service("activating", "start"),
    kubelet_runs=False,
)
