"""Each run of nodefix, from its own records and from what systemd's manager told of its unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from nodefix import events
from nodefix.host.journald import Entry
from nodefix.picture.model import KINDS, UNKNOWN
from nodefix.picture.tries import Try
from nodefix.words import FAILED, KUBE_PROXY, RUNNING, UNIT

_STAGES = (
    events.STAGE_UNCHANGED,
    events.STAGE_PREPARED,
    events.STAGE_CHANGED,
    events.STAGE_SKIPPED,
    events.STAGE_FAILED,
)
_ENDS = (events.RUN_FINISHED, events.RUN_FAILED, events.OUT_OF_SCOPE, events.NOT_RUN)
# Of records with other ids, such as a rollback's, there is no run.
OF_RUNS = (events.RUN_STARTED, events.PROBLEM, *_STAGES, *_ENDS)

_USEC = 1_000_000
BY_HAND = "by hand"


class StageRun(NamedTuple):
    """One stage in one run; times as in Try."""

    stage: str
    outcome: str
    begin: float
    end: float
    words: str


class Run(NamedTuple):
    """One run.

    Attributes:
        begin: as in Try.
        end: None if it goes on.
        outcome: of the run; RUNNING for one that goes on.
        by: the unit that it ran in, or BY_HAND.
        stages: those that it told of; a run that found what the one before did tells of none.
        words: what it said at its end.
        problems: what it found wrong and holds kubelet, with remedies.
    """

    begin: float
    end: float | None
    outcome: str
    by: str
    stages: tuple[StageRun, ...] = ()
    words: str = ""
    problems: tuple[str, ...] = ()


def runs(own: Iterable[Entry], service: Sequence[Try], is_running: bool) -> list[Run]:
    """All runs of a boot, the first one first.

    Args:
        own: nodefix's records, oldest first.
        service: the starts of nodefix.service.
        is_running: whether a run is going on now.
    """
    found, of_service = [], {one.invocation: one for one in service if one.invocation}
    told: set[str] = set()
    groups = _grouped(own)
    invocations = [group[0].fields.get("_SYSTEMD_INVOCATION_ID", "") for group in groups]
    for group, invocation in zip(groups, invocations, strict=True):
        one = of_service.get(invocation)
        if invocation in told:
            # What a run of it has left to its end.
            found.append(_run(group, None)._replace(by=UNIT))
            continue
        told |= {invocation} if one else set()
        run = _run(group, one)
        goes_on = one and invocations.count(invocation) > 1
        found.append(run._replace(end=group[-1].monotonic) if goes_on else run)
    # It was killed before it said anything, or has not come to that.
    found += [_silent(one) for one in service if one.invocation not in told]
    found.sort(key=lambda run: run.begin)
    return [
        run if run.end is not None or (run is found[-1] and is_running) else _aborted(run, after)
        for run, after in zip_longest(found, found[1:])
    ]


def _aborted(run: Run, after: Run | None) -> Run:
    """A run that was killed: the lock lets no other one begin before that."""
    known = max([run.begin, *(stage.end for stage in run.stages)])
    return run._replace(end=max(after.begin, known) if after else known, outcome=FAILED)


def _grouped(own: Iterable[Entry]) -> list[list[Entry]]:
    """The records of each process; one that ended does not go on under the same number."""
    groups: list[list[Entry]] = []
    open_groups: dict[str, list[Entry]] = {}
    for entry in own:
        kind = entry.fields.get("MESSAGE_ID")
        if kind not in OF_RUNS:
            continue
        pid = entry.fields.get("_PID", "")
        if pid not in open_groups or kind == events.RUN_STARTED:
            open_groups[pid] = []
            groups.append(open_groups[pid])
        open_groups[pid].append(entry)
        if kind in _ENDS:
            del open_groups[pid]
    return groups


def _run(group: Sequence[Entry], service: Try | None) -> Run:
    """One run by its records, and by its unit's start where it is one of nodefix.service."""
    last = group[-1]
    fields, is_told = last.fields, last.fields.get("MESSAGE_ID") in _ENDS
    # Of a restart of kube-proxy alone nothing follows where there is no run to tell it with.
    is_restart = group[0].fields.get("NODEFIX_STAGE") == KUBE_PROXY
    has_ended = is_told or is_restart
    if service:
        begin, end = service.begin, _worked_until(service)
        # It may have kube-proxy to restart.
        end = last.monotonic if end is None and has_ended else end
    else:
        # That it has begun is told late where there may be nothing to tell.
        begin = group[0].monotonic - _seconds(group[0])
        if not is_restart:
            begin = min(begin, last.monotonic - _seconds(last))
        end = last.monotonic if has_ended else None
    ending = fields if is_told else group[0].fields
    outcome = ending.get("NODEFIX_OUTCOME", FAILED) if has_ended else RUNNING
    by = UNIT if service else fields.get("_SYSTEMD_UNIT", "")
    return Run(
        begin,
        end,
        # One that ended without a word was killed.
        FAILED if outcome == RUNNING and end is not None else _known(outcome),
        by if by.startswith("nodefix") else BY_HAND,
        tuple(_stage(entry, begin) for entry in group if entry.fields["MESSAGE_ID"] in _STAGES),
        ending.get("MESSAGE", "") if has_ended else "",
        tuple(entry.fields.get("MESSAGE", "") for entry in group if _holds(entry)),
    )


def _known(outcome: str) -> str:
    """An outcome that a picture has a colour for."""
    return outcome if outcome in KINDS else UNKNOWN


def _worked_until(service: Try) -> float | None:
    return service.end if service.up is None else service.up


def _holds(entry: Entry) -> bool:
    """Whether it tells of a problem that holds kubelet."""
    fields = entry.fields
    return fields["MESSAGE_ID"] == events.PROBLEM and fields.get("PRIORITY") == str(events.ERROR)


def _stage(entry: Entry, begin: float) -> StageRun:
    fields = entry.fields
    return StageRun(
        fields.get("NODEFIX_STAGE", ""),
        _known(fields.get("NODEFIX_OUTCOME", UNKNOWN)),
        # A record is sent at the end of its stage.
        max(entry.monotonic - _seconds(entry), begin),
        max(entry.monotonic, begin),
        fields.get("MESSAGE", ""),
    )


def _silent(service: Try) -> Run:
    end = _worked_until(service)
    return Run(service.begin, end, RUNNING if end is None else FAILED, UNIT, words=service.why)


def _seconds(entry: Entry) -> float:
    usec = entry.fields.get("NODEFIX_DURATION_USEC", "")
    return int(usec[:15]) / _USEC if usec.isascii() and usec.isdigit() else 0.0
