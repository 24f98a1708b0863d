"""The report of a run as data, and as JSON both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from nodefix.plan import Done, Problem
from nodefix.shape import an, items, mapping
from nodefix.text import bounded
from nodefix.words import CHANGED, DEGRADED, FAILED, NOT_RUN, PREPARED, READY, REQUIRED, UNCHANGED

# What one stage may say: a tool that prints without end must not fill /run or the journal.
_TEXT, _ITEMS = 4000, 50


class StageReport(NamedTuple):
    """How one stage went.

    Attributes:
        stage: its name.
        mode: one of words.MODES.
        outcome: one of a stage's in words.py.
        changes: what was changed.
        problems: what is still wrong.
        notes: remarks; the reason where it was skipped.
        duration_usec: how long it took.
    """

    stage: str
    mode: str
    outcome: str
    changes: tuple[Done, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    duration_usec: int = 0

    def bounded(self) -> StageReport:
        """The same with texts that are fit for a terminal and of a bounded length and number."""
        changes = [
            change._replace(
                target=bounded(change.target, _TEXT),
                found=bounded(change.found, _TEXT),
                wanted=bounded(change.wanted, _TEXT),
            )
            for change in self.changes[:_ITEMS]
        ]
        problems = [
            said._replace(message=bounded(said.message, _TEXT), hint=bounded(said.hint, _TEXT))
            # Those that hold kubelet first: they must not be what is cut.
            for said in sorted(self.problems, key=lambda said: not said.required)[:_ITEMS]
        ]
        notes = [bounded(note, _TEXT) for note in self.notes[:_ITEMS]]
        for kind, kept, all_of_them in (
            ("changes", changes, self.changes),
            ("problems", problems, self.problems),
            ("remarks", notes, self.notes),
        ):
            if len(kept) < len(all_of_them):
                notes.append(f"{len(all_of_them) - len(kept)} more {kind} are not shown")
        return self._replace(changes=tuple(changes), problems=tuple(problems), notes=tuple(notes))

    def as_json(self) -> dict[str, object]:
        """The report's form of it."""
        return {
            "stage": self.stage,
            "mode": self.mode,
            "outcome": self.outcome,
            "changes": [change._asdict() for change in self.changes],
            "problems": [problem._asdict() for problem in self.problems],
            "notes": list(self.notes),
            "duration_usec": self.duration_usec,
        }


class Due(NamedTuple):
    """What is left to be done when a run has come to its end, without the run lock.

    Attributes:
        report: how it stands until then.
        do: does it, and tells what came of it as a stage does; None where nothing was due any more.
    """

    report: StageReport
    do: Callable[[], StageReport | None]


class Head(NamedTuple):
    """What a run's report and marker begin with; times are ISO 8601 in UTC."""

    boot_id: str
    invocation_id: str
    started: str


class Course(NamedTuple):
    """How a boot has gone so far, beyond its last run.

    Attributes:
        tries: how many runs in a row came to that failure or degradation.
        since: when the first of these began.
        held_seconds: how long runs that failed have held kubelet.
        repeated: stage to the number of boots in a row, with this one, in which it had to repair
            something; those that had nothing to repair are not in it.
        restarts: how often kube-proxy was restarted after a run.
    """

    tries: int = 0
    since: str = ""
    held_seconds: int = 0
    repeated: Mapping[str, int] = MappingProxyType({})
    restarts: int = 0


def stage_from_json(found: Mapping[str, object]) -> StageReport:
    """Read back one stage of an earlier report.

    Raises:
        KeyError, TypeError: it is not of this schema.
    """
    return StageReport(
        stage=an(str, found["stage"]),
        mode=an(str, found["mode"]),
        outcome=an(str, found["outcome"]),
        changes=tuple(_done(mapping(change)) for change in items(found["changes"])),
        problems=tuple(_problem(mapping(said)) for said in items(found["problems"])),
        notes=tuple(an(str, note) for note in items(found["notes"])),
        duration_usec=an(int, found["duration_usec"]),
    )


def _problem(found: Mapping[str, object]) -> Problem:
    return Problem(
        an(str, found["message"]),
        an(str, found.get("hint", "")),
        an(bool, found["required"]),
        an(str, found.get("code", "")),
    )


def _done(found: Mapping[str, object]) -> Done:
    target, state, wanted = (an(str, found[key]) for key in ("target", "found", "wanted"))
    return Done(target, state, wanted, an(bool, found.get("each_boot", False)))


def run_outcome(stages: Mapping[str, StageReport]) -> str:
    """A run's outcome by its stages'."""
    reports = stages.values()
    if any(r.outcome == FAILED or (r.outcome == NOT_RUN and r.mode == REQUIRED) for r in reports):
        return FAILED
    return DEGRADED if any(r.outcome == DEGRADED for r in reports) else READY


def worst(stages: Mapping[str, StageReport]) -> list[tuple[str, Problem]]:
    """The problems that decide about a run's outcome, each with its stage."""
    outcomes = [report.outcome for report in stages.values()]
    outcome = FAILED if FAILED in outcomes else DEGRADED
    return [
        (name, problem)
        for name, report in stages.items()
        for problem in report.problems
        if report.outcome == outcome and (problem.required or outcome != FAILED)
    ]


def rechecked(stages: Mapping[str, StageReport]) -> str:
    """The stages whose work the gate looks at once more before each start of kubelet.

    Where a stage found its part in order and holds kubelet otherwise, something that undoes it
    later must not go unnoticed. Swap is looked at also where it could not be told whether it may
    be on: kubelet refuses to start with it, and by its next try the answer may be there.
    """
    fine = (UNCHANGED, PREPARED, CHANGED)
    counts = {"swap": (*fine, DEGRADED), "chains": fine}
    return " ".join(
        name
        for name, report in stages.items()
        if report.mode == REQUIRED and report.outcome in counts.get(name, ())
    )
