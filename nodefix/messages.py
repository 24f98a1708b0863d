"""What a run says, record by record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from nodefix import __version__, events
from nodefix.codes import CODES
from nodefix.errors import NodefixError, limit_of
from nodefix.events import Record
from nodefix.host.kubelets import spoken
from nodefix.plan import Plan, Problem
from nodefix.report import Course, StageReport, worst
from nodefix.text import harmless, one_line
from nodefix.words import CHANGED, DEGRADED, FAILED, NOT_RUN, PREPARED, SKIPPED, UNCHANGED

# Characters of a problem and of its remedy where both stand on one line.
_PROBLEM, _REMEDY = 600, 1000

# Names of units.
Units: TypeAlias = tuple[str, ...]

_STAGE_RECORDS = {
    UNCHANGED: (events.STAGE_UNCHANGED, events.INFO),
    PREPARED: (events.STAGE_PREPARED, events.INFO),
    CHANGED: (events.STAGE_CHANGED, events.NOTICE),
    SKIPPED: (events.STAGE_SKIPPED, events.INFO),
    DEGRADED: (events.STAGE_FAILED, events.WARNING),
    FAILED: (events.STAGE_FAILED, events.ERROR),
}


def started_record(names: Sequence[str]) -> Record:
    """A run begins."""
    message = f"nodefix {__version__} started: {', '.join(names)}"
    return Record(events.RUN_STARTED, events.INFO, message, {})


def out_of_scope_record(reason: str, kubelet: str) -> Record:
    """Nothing is done on this system.

    Args:
        reason: why.
        kubelet: what becomes of kubelet, in words, here and below.
    """
    fields = {"NODEFIX_OUTCOME": SKIPPED, "NODEFIX_CHANGES": "0"}
    message = f"nothing to do on this system: {reason}; nothing was changed, {kubelet}"
    return Record(events.OUT_OF_SCOPE, events.NOTICE, message, fields)


def not_run_record(error: NodefixError) -> Record:
    """No stage was run: bad configuration, or another run in the way."""
    message = in_words(Problem(f"not run, nothing was changed: {error.message}", error.hint))
    return Record(events.NOT_RUN, events.ERROR, message, {"NODEFIX_OUTCOME": FAILED})


def aborted_record(
    error: OSError, kubelet: str, obstacle: tuple[Path, str] | None = None
) -> Record:
    """The run could not go on: its lock, report or marker cannot be written.

    Args:
        error: what the kernel said.
        kubelet: what becomes of it, in words.
        obstacle: what stands in the place of report or marker, and what that is.
    """
    where = f"{error.filename}: " if error.filename else ""
    what = f"{where}{error.strerror or error}"
    places = "df -h /run; ls -ldZ /run/nodefix; systemctl restart nodefix"
    hint = limit_of(error, places)
    if obstacle:
        path, kind = obstacle
        what = f"{path}: found a {kind}, expected a regular file"
        hint = f"mv {path} {path}.saved && systemctl restart nodefix"
    problem = Problem(f"the run was aborted, {kubelet}: {what}", hint)
    fields = {"NODEFIX_OUTCOME": FAILED, "NODEFIX_HINT": hint}
    return Record(events.RUN_FAILED, events.ERROR, in_words(problem), fields)


def note_record(note: str, priority: int = events.INFO) -> Record:
    """A remark about the run as a whole."""
    return Record(events.NOTE, priority, note, {})


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
        priority = events.ERROR if problem.required else events.WARNING
        hint = {"NODEFIX_HINT": problem.hint} if problem.hint else {}
        code = _code(problem.code)
        message = f"{report.stage}: {in_words(problem)}"
        yield Record(events.PROBLEM, priority, message, where | hint | code)
    if report.outcome != SKIPPED:
        for note in report.notes:
            yield Record(events.NOTE, events.INFO, f"{report.stage}: {note}", where)


def _code(code: str) -> dict[str, str]:
    return {"NODEFIX_CODE": code, "NODEFIX_MEANING": CODES[code]} if code in CODES else {}


def finished_record(
    outcome: str, stages: Mapping[str, StageReport], usec: int, kubelet: str
) -> Record:
    """A run ends, with kubelet held or not.

    Args:
        outcome: the run's.
        stages: by name, in their order.
        usec: how long it took.
        kubelet: what becomes of it, in words.
    """
    repaired = (report for report in stages.values() if report.outcome != PREPARED)
    fields = {
        "NODEFIX_OUTCOME": outcome,
        "NODEFIX_CHANGES": str(sum(len(report.changes) for report in repaired)),
        "NODEFIX_DURATION_USEC": str(usec),
    }
    summary = ", ".join(f"{name} {report.outcome}" for name, report in stages.items())
    seconds = f"{usec / 1_000_000:.2f} s"
    if outcome == FAILED:
        message = f"failed after {seconds}, {kubelet}: {summary}"
        return Record(events.RUN_FAILED, events.ERROR, message, fields)
    priority = events.WARNING if outcome == DEGRADED else events.NOTICE
    message = f"{outcome} after {seconds}, {kubelet}: {summary}"
    return Record(events.RUN_FINISHED, priority, message, fields)


def same_again_record(
    outcome: str,
    stages: Mapping[str, StageReport],
    course: Course,
    kubelet: str,
) -> Record:
    """A run ends as the one before did; everything about it is in that one's records."""
    why = worst_in_a_line(stages)
    again = f"as before (try {course.tries} since {course.since})"
    fields = {"NODEFIX_OUTCOME": outcome, "NODEFIX_CHANGES": "0"}
    if outcome == FAILED:
        message = f"failed {again}, {kubelet}: {why}"
        return Record(events.RUN_FAILED, events.ERROR, message, fields)
    message = f"degraded {again}, {kubelet}: {why}"
    return Record(events.RUN_FINISHED, events.WARNING, message, fields)


def worst_in_a_line(stages: Mapping[str, StageReport]) -> str:
    """The problem that comes first, with its remedy, and how many more there are."""
    found = worst(stages)
    if not found:
        left = [name for name, report in stages.items() if report.outcome == NOT_RUN]
        return f"{', '.join(left)}: not run in this boot" if left else ""
    name, problem = found[0]
    hint = f"; fix: {problem.hint}" if problem.hint else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    if len(hint) > _REMEDY:
        # Half a remedy must not be typed.
        hint = "; see: journalctl -u nodefix -b -p warning"
    return one_line(f"{name}: {problem.message}", _PROBLEM) + one_line(f"{hint}{more}", _REMEDY)


def status_line(outcome: str, stages: Mapping[str, StageReport]) -> str:
    """What `systemctl status` shows of a run on its line `Status:`."""
    why = worst_in_a_line(stages) if outcome in (FAILED, DEGRADED) else ""
    if why:
        return f"{outcome}: {why}"
    changed = [name for name, report in stages.items() if report.outcome == CHANGED]
    return f"{outcome}; repaired: {', '.join(changed)}" if changed else outcome


def may_start(kubelets: Units) -> str:
    """What becomes of the kubelet units behind an open gate."""
    return f"{spoken(kubelets)} may start"


def let_go(kubelets: Units) -> str:
    """The same where nobody looked whether it should be open."""
    return f"{may_start(kubelets)}, since nodefix is switched off"


def is_held(kubelets: Units) -> str:
    """What becomes of them before a closed one."""
    return f"{spoken(kubelets)} {'are' if len(kubelets) > 1 else 'is'} held"


def held(kubelets: Units, kubelet_runs: bool | None, is_off: bool) -> str:
    """What becomes of kubelet after a run that failed.

    Args:
        kubelets: the units that bring it up on this node.
        kubelet_runs: None where it is not known.
        is_off: whether nodefix is switched off, which opens the gate.
    """
    if is_off:
        return let_go(kubelets)
    if kubelet_runs:
        runs, its = ("run on", "their") if len(kubelets) > 1 else ("runs on", "its")
        return f"{spoken(kubelets)} {runs} and {its} next start is held"
    if kubelet_runs is False:
        return is_held(kubelets)
    return f"{spoken(kubelets)}'s next start is held"


def in_words(problem: Problem) -> str:
    """A problem with its remedy, for people."""
    return f"{problem.message}\n  fix: {problem.hint}" if problem.hint else problem.message


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
        lines += [f"{name}: {note}" for note in plan.notes]
    return harmless("\n".join(lines))


def _stage_message(report: StageReport) -> str:
    head = f"{report.stage}: {report.outcome}"
    if report.outcome == SKIPPED:
        return f"{head}: {'; '.join(report.notes)}"
    if report.outcome == PREPARED:
        made = ", ".join(change.target for change in report.changes)
        return f"{head} as at each boot: {made}"
    lines = [f"  {c.target}: {c.found} -> {c.wanted}" for c in report.changes]
    count = len(report.problems)
    wrong = f", {count} problem{'s' * (count > 1)}" if count else ""
    return "\n".join([f"{head}{wrong}", *lines])
