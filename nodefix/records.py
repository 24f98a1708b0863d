"""What a run says, record by record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nodefix import __version__, journal
from nodefix.errors import NodefixError
from nodefix.journal import Record
from nodefix.plan import Plan, Problem
from nodefix.report import (
    CHANGED,
    DEGRADED,
    FAILED,
    OFF,
    SKIPPED,
    UNCHANGED,
    StageReport,
)

_STAGE_RECORDS = {
    UNCHANGED: (journal.STAGE_UNCHANGED, journal.INFO),
    CHANGED: (journal.STAGE_CHANGED, journal.NOTICE),
    SKIPPED: (journal.STAGE_SKIPPED, journal.INFO),
    OFF: (journal.STAGE_SKIPPED, journal.INFO),
    DEGRADED: (journal.STAGE_FAILED, journal.WARNING),
    FAILED: (journal.STAGE_FAILED, journal.ERROR),
}


def started_record(names: Sequence[str]) -> Record:
    """A run begins."""
    message = f"nodefix {__version__} started: {', '.join(names)}"
    return Record(journal.RUN_STARTED, journal.INFO, message, {})


def out_of_scope_record(reason: str) -> Record:
    """Nothing is done on this system."""
    fields = {"NODEFIX_OUTCOME": SKIPPED, "NODEFIX_CHANGES": "0"}
    message = f"nothing to do on this system: {reason}; nothing was changed, kubelet may start"
    return Record(journal.OUT_OF_SCOPE, journal.NOTICE, message, fields)


def not_run_record(error: NodefixError) -> Record:
    """No stage was run: bad configuration, or another run in the way."""
    message = in_words(Problem(f"not run, nothing was changed: {error.message}", error.hint))
    return Record(journal.NOT_RUN, journal.ERROR, message, {"NODEFIX_OUTCOME": FAILED})


def broken_off_record(error: OSError) -> Record:
    """The run could not go on: its lock, report or marker cannot be written."""
    where = f"{error.filename}: " if error.filename else ""
    problem = Problem(
        f"the run was broken off, kubelet is held: {where}{error.strerror or error}",
        "df -h /run; ls -ldZ /run/nodefix; then: systemctl restart nodefix",
    )
    fields = {"NODEFIX_OUTCOME": FAILED}
    return Record(journal.RUN_FAILED, journal.ERROR, in_words(problem), fields)


def stage_records(report: StageReport) -> Iterator[Record]:
    """The record of a stage, then one for each problem and each note."""
    message_id, priority = _STAGE_RECORDS[report.outcome]
    fields = {
        "NODEFIX_STAGE": report.stage,
        "NODEFIX_OUTCOME": report.outcome,
        "NODEFIX_CHANGES": str(len(report.changes)),
        "NODEFIX_DURATION_USEC": str(report.duration_usec),
    }
    yield Record(message_id, priority, _stage_message(report), fields)
    where = {"NODEFIX_STAGE": report.stage}
    for problem in report.problems:
        priority = journal.ERROR if problem.required else journal.WARNING
        hint = {"NODEFIX_HINT": problem.hint} if problem.hint else {}
        message = f"{report.stage}: {in_words(problem)}"
        yield Record(journal.PROBLEM, priority, message, where | hint)
    if report.outcome not in (SKIPPED, OFF):
        for note in report.notes:
            yield Record(journal.NOTE, journal.INFO, f"{report.stage}: {note}", where)


def finished_record(outcome: str, stages: Mapping[str, StageReport], usec: int) -> Record:
    """A run ends, with kubelet held or not."""
    fields = {
        "NODEFIX_OUTCOME": outcome,
        "NODEFIX_CHANGES": str(sum(len(report.changes) for report in stages.values())),
        "NODEFIX_DURATION_USEC": str(usec),
    }
    summary = ", ".join(f"{name} {report.outcome}" for name, report in stages.items())
    seconds = f"{usec / 1_000_000:.2f} s"
    if outcome == FAILED:
        message = f"failed after {seconds}, kubelet is held: {summary}"
        return Record(journal.RUN_FAILED, journal.ERROR, message, fields)
    priority = journal.WARNING if outcome == DEGRADED else journal.NOTICE
    message = f"{outcome} after {seconds}, kubelet may start: {summary}"
    return Record(journal.RUN_FINISHED, priority, message, fields)


def in_words(problem: Problem) -> str:
    """A problem with its remedy, for people."""
    return f"{problem.message}\n  to mend it: {problem.hint}" if problem.hint else problem.message


def plan_in_words(plans: Mapping[str, Plan]) -> str:
    """What a run would do, for people."""
    lines = []
    for name, plan in plans.items():
        if plan.skipped:
            lines.append(f"{name}: skipped: {plan.skipped}")
        elif not plan.changes and not plan.problems:
            lines.append(f"{name}: nothing to change")
        lines += [f"{name}: would change {c.target}: {c.found} -> {c.wanted}" for c in plan.changes]
        lines += [f"{name}: {in_words(problem)}" for problem in plan.problems]
    return journal.readable("\n".join(lines))


def _stage_message(report: StageReport) -> str:
    head = f"{report.stage}: {report.outcome}"
    if report.outcome == OFF:
        return f"{head} by the configuration"
    if report.outcome == SKIPPED:
        return f"{head}: {'; '.join(report.notes)}"
    lines = [f"  {c.target}: {c.found} -> {c.wanted}" for c in report.changes]
    count = len(report.problems)
    wrong = f", {count} problem{'s' * (count > 1)}" if count else ""
    return "\n".join([f"{head}{wrong}", *lines])
