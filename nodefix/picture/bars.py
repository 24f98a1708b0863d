"""Runs, stages and starts of kubelet as rows of bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from nodefix.picture.lengths import length
from nodefix.picture.model import HELD, LEFT_OUT, PAUSE, STARTING, STOPPED, UP, WAITS, Row, Span
from nodefix.picture.runs import Run, StageRun
from nodefix.picture.tries import Try
from nodefix.text import one_line
from nodefix.words import FAILED, KUBE_PROXY, SKIPPED, STAGE_NAMES, UNCHANGED, UNIT

# Bars of a row: so many of the first ones, so many of the last ones.
_FIRST, _LAST = 20, 40
# Characters that are shown while the pointer is on a bar.
_WORDS = 600
# A pause that is seen, in seconds.
_PAUSE = 0.05


_T = TypeVar("_T")


class Clock(NamedTuple):
    """Turns times by the monotonic clock into seconds since the boot began."""

    origin: float
    now: float

    def since(self, time: float) -> float:
        """One time."""
        return max(time - self.origin, 0.0)

    def end(self, time: float | None) -> float:
        """The end of something, which may go on."""
        return self.since(self.now if time is None else time)


def run_row(found: Sequence[Run], clock: Clock, name: str) -> Row:
    """Runs in one row; `found` has one at least."""
    spans = [_run(run, number, clock) for number, run in enumerate(found, 1)]
    if len(found) == 1:
        return Row(name, tuple(spans))
    kept, left = _bounded(spans)
    return Row(name, tuple(kept), _counted(len(found), "run", [one.outcome for one in found], left))


def _run(run: Run, number: int, clock: Clock) -> Span:
    begin, end = clock.since(run.begin), clock.end(run.end)
    by = "" if run.by == UNIT else f", {run.by}"
    head = f"run {number}{by}, {length(begin)} after the boot began: {run.outcome}"
    words = _words(f"{head}, took {length(end - begin)}\n{run.words}")
    span = Span(begin, end, run.outcome, "", words, run.end is None)
    return span._replace(label=f"{_outcome(span)}{by}")


def stage_rows(run: Run, clock: Clock) -> list[Row]:
    """The stages of one run, a row each."""
    return [Row(one.stage, (_stage(one, clock),), is_inner=True) for one in run.stages]


def _stage(one: StageRun, clock: Clock) -> Span:
    span = Span(clock.since(one.begin), clock.since(one.end), one.outcome, words=_words(one.words))
    return span._replace(label=_outcome(span))


def _outcome(span: Span) -> str:
    if span.kind == SKIPPED:
        return span.kind
    return f"{span.kind}, {length(span.end - span.begin)}"


def repaired_rows(found: Sequence[Run], clock: Clock) -> list[Row]:
    """The stages in which a later run did something, and each restart of kube-proxy."""
    rows = []
    for name in (*STAGE_NAMES, KUBE_PROXY):
        told = [
            stage
            for run in found
            for stage in run.stages
            if stage.stage == name and stage.outcome not in (UNCHANGED, SKIPPED)
        ]
        if told:
            spans = [_stage(one, clock) for one in told]
            if len(spans) > 1:
                spans = [one._replace(label="") for one in spans]
            kept, left = _bounded(spans)
            note = _counted(len(told), "time", [one.outcome for one in told], left)
            rows.append(Row(name, tuple(kept), note, is_inner=True))
    return rows


def kubelet_row(name: str, found: Sequence[Try], clock: Clock, waits: Run | None = None) -> Row:
    """The starts of a unit.

    Args:
        name: its name.
        found: its starts.
        clock: of this boot.
        waits: a run that it waits for before the first one.
    """
    spans = _waiting(found, clock, waits) if waits else []
    first, middle, last = _ends(list(enumerate(found, 1)))
    spans += _starts(name, first, clock)
    if middle:
        gap = [Span(clock.since(one.begin), clock.end(one.end), HELD) for _, one in middle]
        spans += [*_left_out(gap), *_starts(name, last, clock)]
    if waits:
        return Row(name, tuple(spans))
    states = [HELD if one.is_held and one.up is None else one.state for one in found]
    note = _counted(len(found), "start", states, len(middle)) if found else "not started"
    return Row(name, tuple(spans), note)


def _starts(name: str, found: Sequence[tuple[int, Try]], clock: Clock) -> list[Span]:
    """Starts with their numbers, and the pauses between them."""
    spans: list[Span] = []
    for number, one in found:
        begin = clock.since(one.begin)
        if spans and begin - spans[-1].end > _PAUSE:
            spans.append(Span(spans[-1].end, begin, PAUSE))
        spans += _try(name, one, number, clock)
    return spans


def _waiting(found: Sequence[Try], clock: Clock, run: Run) -> list[Span]:
    begin = clock.since(run.begin)
    end = clock.since(found[0].begin) if found else clock.end(run.end)
    if end <= begin:
        return []
    took = length(end - begin)
    return [Span(begin, end, WAITS, f"waits, {took}", f"waits for nodefix: {took}", not found)]


def _try(name: str, one: Try, number: int, clock: Clock) -> list[Span]:
    begin = clock.since(one.begin)
    started = clock.end(one.end if one.up is None else one.up)
    kind = HELD if one.is_held else STARTING
    if one.up is None and one.state == FAILED and not one.is_held:
        kind = FAILED
    took, why = length(started - begin), f"\n{one.why}" if one.why else ""
    head = f"{name}, start {number}, {length(begin)} after the boot began"
    spans = [
        Span(
            begin,
            started,
            kind,
            f"{kind.removesuffix(' by nodefix')}, {took}",
            _words(f"{head}: {kind}, {took}{why}"),
            one.up is None and one.end is None,
        )
    ]
    if one.up is not None:
        end = clock.end(one.end)
        how = {UP: "is up", STOPPED: "was up, then stopped"}.get(one.state, "was up, then failed")
        words = _words(f"{head}: {how}, {length(end - started)}{why}")
        spans.append(Span(started, end, UP, "up", words, one.end is None))
        if one.state == FAILED:
            spans.append(Span(end, end, FAILED, "failed", words))
    return spans


def _ends(found: Sequence[_T]) -> tuple[Sequence[_T], Sequence[_T], Sequence[_T]]:
    """The first ones and the last ones, with those between them that there is no room for."""
    if len(found) <= _FIRST + _LAST:
        return found, [], []
    return found[:_FIRST], found[_FIRST:-_LAST], found[-_LAST:]


def _bounded(spans: Sequence[Span]) -> tuple[list[Span], int]:
    """Not more than there is room for, and how many were left out."""
    first, middle, last = _ends(spans)
    return [*first, *_left_out(middle), *last], len(middle)


def _left_out(middle: Sequence[Span]) -> list[Span]:
    if not middle:
        return []
    words = f"{len(middle)} are left out"
    return [Span(middle[0].begin, middle[-1].end, LEFT_OUT, words=words)]


def _counted(count: int, what: str, kinds: Sequence[str], left: int) -> str:
    """How many there were of each kind."""
    many = Counter(kind.removesuffix(" by nodefix") for kind in kinds)
    parts = [f"{number} {kind}" for kind, number in many.items()]
    head = f"{count} {what}{'s' * (count > 1)}: {', '.join(parts)}"
    return f"{head}; {left} not shown" if left else head


def _words(text: str) -> str:
    lines = [one_line(line, _WORDS) for line in text.splitlines()[:8]]
    return "\n".join(filter(None, lines))
