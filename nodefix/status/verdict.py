"""What that which is seen comes to. Nothing here touches the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodefix.host.image import for_this_node
from nodefix.host.kubelets import spoken
from nodefix.host.units import ServiceState
from nodefix.plan import Problem
from nodefix.status.seen import Seen
from nodefix.text import seconds_of, within_boot
from nodefix.words import (
    ABORTED,
    DEGRADED,
    EXIT_DEGRADED,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_FINISHED,
    FAILED,
    MARKER,
    NOT_RUN,
    NOT_STARTED,
    OUT_OF_SCOPE,
    READY,
    REQUIRED,
    RUNNING,
    SKIPPED,
    SWITCHED_OFF,
    UNIT,
)

# By state. Where kubelet may start though nothing was looked at, a script may go on as well.
EXITS: Mapping[str, int] = {
    READY: EXIT_DONE,
    OUT_OF_SCOPE: EXIT_DONE,
    SWITCHED_OFF: EXIT_DONE,
    FAILED: EXIT_FAILED,
    ABORTED: EXIT_FAILED,
    DEGRADED: EXIT_DEGRADED,
    NOT_STARTED: EXIT_NOT_FINISHED,
    RUNNING: EXIT_NOT_FINISHED,
}
_AGAIN = "systemctl restart nodefix"
# As long as the settings are not valid the first of the two says what is wrong.
_CORRECTED = f"nodefix config check && {_AGAIN}"


class Held(NamedTuple):
    """A service that is held.

    Attributes:
        unit: its name.
        seconds: for how long; None where it cannot be told.
        tries: how often systemd has begun its start again.
        is_exact: False where it is that long at the most: systemd keeps the time of the last try.
    """

    unit: str
    seconds: float | None
    tries: int
    is_exact: bool


class Verdict(NamedTuple):
    """What becomes of a boot.

    Attributes:
        state: a key of EXITS.
        kubelet_may_start: what `nodefix wait` would say, leaving aside what was undone later.
        why: what explains the state beside the stages, with remedies.
        problems: stage to what is wrong there, what holds kubelet first.
        held: who waits.
        is_coming: whether a run is going on, or will begin by itself within this wait.
        next_try: seconds until systemd runs a failed one again, if no try of kubelet does before;
            None if it will not by itself.
    """

    state: str
    kubelet_may_start: bool
    why: tuple[Problem, ...] = ()
    problems: tuple[tuple[str, Problem], ...] = ()
    held: tuple[Held, ...] = ()
    is_coming: bool = False
    next_try: float | None = None


def judge(seen: Seen) -> Verdict:
    """Judge by what is seen."""
    state = _state(seen)
    may_start = bool(seen.switch or seen.is_open or seen.outside)
    why = _why(seen, state)
    held = () if may_start else tuple(_held(seen, service) for service in seen.waiting)
    return Verdict(
        state,
        may_start,
        why,
        _problems(seen),
        held,
        _is_coming(seen, state),
        _next_try(seen, state),
    )


def _state(seen: Seen) -> str:
    outcome, service = seen.last.outcome, seen.service
    if seen.is_locked or (service and _is_at_work(service, bool(outcome))):
        return RUNNING
    if seen.switch:
        return SWITCHED_OFF
    if outcome == RUNNING:
        return ABORTED
    if outcome == SKIPPED:
        return OUT_OF_SCOPE
    if outcome in (READY, DEGRADED):
        return outcome if seen.is_open else FAILED
    if outcome:
        return FAILED
    if seen.is_open:
        return READY
    if seen.outside:
        return OUT_OF_SCOPE
    return FAILED if service and _has_failed(service) else NOT_STARTED


def _is_at_work(service: ServiceState, has_run: bool) -> bool:
    """Whether nodefix.service runs, or is asked to once more; at boot its turn is yet to come."""
    state = service.state
    return state.is_busy and (has_run or state.active != "inactive")


def _has_failed(service: ServiceState) -> bool:
    return service.state.active == "failed" or (
        service.result != "success" and service.state.active != "active"
    )


def _is_coming(seen: Seen, state: str) -> bool:
    if state != NOT_STARTED:
        return state == RUNNING
    # Without a bus nobody says that it will not come.
    return seen.service is None or seen.service.state.job


def _next_try(seen: Seen, state: str) -> float | None:
    service = seen.service
    if not service or state not in (FAILED, ABORTED) or service.state.sub != "auto-restart":
        return None
    return min(max(service.changed + service.pause - seen.now, 0.0), service.pause)


def _held(seen: Seen, service: ServiceState) -> Held:
    """Since when: systemd forgets the first try at each further one."""
    began = [service.up_until]
    if service.tries or not service.tried or service.state.job:
        # Nobody is held before nodefix began to fail, or to run.
        began.append(seconds_of(seen.last.course.since or seen.last.started))
        since = max(began)
        exact = False
    else:
        since, exact = service.tried, True
    return Held(
        service.name,
        within_boot(seen.now - since, seen.uptime) if since else None,
        service.tries,
        exact,
    )


def _problems(seen: Seen) -> tuple[tuple[str, Problem], ...]:
    found = []
    for name, report in seen.last.stages.items():
        found += [(name, problem) for problem in report.bounded().problems]
        if report.outcome == NOT_RUN and report.mode == REQUIRED and not seen.is_locked:
            found.append(
                (name, Problem("has not run since this boot", f"nodefix run --stage {name}"))
            )
    return tuple(sorted(found, key=lambda one: not one[1].required))


def _why(seen: Seen, state: str) -> tuple[Problem, ...]:
    """What explains a state that the stages do not."""
    found: list[Problem] = []
    if seen.stopped:
        pids = " ".join(map(str, seen.stopped))
        message = f"the run was stopped by a signal, such as ^Z: process {pids}"
        found.append(Problem(message, f"kill -CONT {pids}"))
    if seen.switch and seen.switch.odd:
        found.append(Problem(f"{seen.switch.where}: {seen.switch.odd}", "nodefix enable", False))
    if state == NOT_STARTED:
        found += _why_not_started(seen)
    elif state == ABORTED:
        where = f"in stage {seen.last.stage}" if seen.last.stage else "before its first stage"
        found.append(Problem(f"the last run was aborted {where}: nobody holds its lock", _AGAIN))
    elif state == FAILED:
        found += _why_failed(seen)
    elif state in (READY, DEGRADED):
        found += _why_not_again(seen)
    found += (_given_up(service) for service in seen.given_up)
    return tuple(found)


def _given_up(service: ServiceState) -> Problem:
    name = service.name
    return Problem(
        f"{name} has failed ({service.result}) and is not started again by itself",
        f"systemctl reset-failed {name} && systemctl start {name}",
        False,
    )


def _why_not_started(seen: Seen) -> list[Problem]:
    service = seen.service
    if service is None or service.state.job:
        return []
    if service.state.load == "masked":
        return [_masked(seen)]
    if service.state.load != "loaded":
        message = f"{UNIT}: found {service.state.load}, expected its file"
        hint = for_this_node("dnf reinstall nodefix && systemctl start nodefix")
        return [Problem(message, hint)]
    if service.file_state == "disabled":
        return [Problem(f"{UNIT} is disabled: no boot starts it", "systemctl enable --now nodefix")]
    if service.state.active == "active":
        # It ran: starting it would do nothing.
        return [Problem(f"found neither report nor /{MARKER}, which the last run left", _AGAIN)]
    return [Problem(f"nothing has started {UNIT} in this boot", "systemctl start nodefix")]


def _masked(seen: Seen) -> Problem:
    hint = f"systemctl unmask {UNIT} && systemctl restart nodefix"
    when = " from the next boot on" if seen.is_open else ""
    return Problem(f"{UNIT} is masked, which holds {spoken(seen.kubelets)}{when}", hint)


def _why_failed(seen: Seen) -> list[Problem]:
    if seen.last.outcome in (READY, DEGRADED):
        message = f"found no /{MARKER}, which the last run left ({seen.last.outcome})"
        return [Problem(message, _AGAIN)]
    return [] if seen.last.outcome else _why_no_run(seen)


def _why_no_run(seen: Seen) -> list[Problem]:
    """Why a start of the service led to no run."""
    if seen.settings:
        return [Problem(_invalid(seen, "not"), _CORRECTED)]
    if seen.service and seen.service.state.load == "masked":
        return [_masked(seen)]
    result = seen.service.result if seen.service else "unknown"
    return [Problem(f"{UNIT} came to no run ({result})", "journalctl -u nodefix -b -n 20")]


def _invalid(seen: Seen, how: str) -> str:
    return f"the settings are {how} valid; correct these lines:\n{seen.settings}"


def _why_not_again(seen: Seen) -> list[Problem]:
    """Whether a later start failed, on a node that stays ready."""
    if not seen.last.outcome:
        return [Problem("the report of the run cannot be read", _AGAIN, False)]
    if seen.service and _has_failed(seen.service):
        return [problem._replace(required=False) for problem in _why_no_run(seen)]
    if seen.settings:
        return [Problem(_invalid(seen, "no longer"), _CORRECTED, False)]
    return []
