"""A verdict in words, and as data for programs."""

from __future__ import annotations

from nodefix.codes import CODES
from nodefix.host.kubelets import spoken
from nodefix.messages import held, in_words, may_start
from nodefix.plan import Problem
from nodefix.report import StageReport
from nodefix.shape import JsonObject
from nodefix.status.seen import Seen
from nodefix.status.verdict import EXITS, Held, Verdict
from nodefix.text import one_line, seconds_of, within_boot
from nodefix.words import (
    CHANGED,
    DEGRADED,
    KUBE_PROXY,
    NOT_RUN,
    NOT_STARTED,
    OUT_OF_SCOPE,
    READY,
    RUNNING,
    SWITCHED_OFF,
)

_LINE = 1000


def headline(seen: Seen, verdict: Verdict) -> str:
    """The boot in one line."""
    return one_line(f"{verdict.state}{_about(seen, verdict)}; {_kubelet(seen, verdict)}", _LINE)


def _about(seen: Seen, verdict: Verdict) -> str:
    last, state = seen.last, verdict.state
    if state == RUNNING:
        stage = last.stage if seen.is_locked and last.outcome == RUNNING else _at_its_end(seen)
        return f": stage {stage}, for {_ago(seen, last.started)}" if stage else ": about to begin"
    if state == SWITCHED_OFF and seen.switch:
        return f" by {seen.switch.in_words}"
    if state == OUT_OF_SCOPE:
        return f": {seen.outside or _skipped(seen)}"
    if state == NOT_STARTED and verdict.is_coming and seen.service:
        return ": nodefix.service is queued"
    if not last.finished:
        return ""
    again = f", try {last.course.tries} since {last.course.since}" if last.course.tries > 1 else ""
    names = [name for name, report in last.stages.items() if report.outcome == CHANGED]
    repaired = f", repaired: {', '.join(names)}" if names and state == READY else ""
    when = "since" if state in (READY, DEGRADED) else "at"
    return f" {when} {last.finished} (took {_took(seen)}){again}{repaired}"


def _at_its_end(seen: Seen) -> str:
    """What is done after the stages while others may have the run lock; empty if nothing is."""
    late = seen.last.stages.get(KUBE_PROXY)
    return KUBE_PROXY if late and late.outcome == NOT_RUN and not seen.is_locked else ""


def _skipped(seen: Seen) -> str:
    return next((note for report in seen.last.stages.values() for note in report.notes), "")


def _kubelet(seen: Seen, verdict: Verdict) -> str:
    name, s = spoken(seen.kubelets), "" if len(seen.kubelets) > 1 else "s"
    if verdict.kubelet_may_start:
        return f"{name} run{s}" if seen.kubelet_runs else may_start(seen.kubelets)
    if verdict.state in (RUNNING, NOT_STARTED) and not seen.kubelet_runs:
        return f"{name} wait{s} for it"
    return held(seen.kubelets, seen.kubelet_runs, is_off=False)


def in_text(seen: Seen, verdict: Verdict, root: bool, is_long: bool) -> str:
    """All of it for people.

    Args:
        seen: what was seen.
        verdict: what it comes to.
        root: whether root asks, who may read the whole journal.
        is_long: with each change and remark.
    """
    lines = [headline(seen, verdict)]
    lines += [f"held: {_held(held_one)}" for held_one in verdict.held]
    if verdict.next_try is not None:
        lines.append(f"next try: by itself within {duration(verdict.next_try)}")
    for problem in verdict.why:
        lines += in_words(problem).splitlines()
    if seen.last.stages:
        before = ["", "the last run of this boot:"] if verdict.state == SWITCHED_OFF else [""]
        lines += [*before, *_table(seen, is_long)]
    if verdict.problems:
        lines.append("")
    for name, problem in verdict.problems:
        lines += f"{name}: {in_words(problem)}".splitlines()
    lines += ["", *(f"not read: {text}" for text in seen.unread)]
    if is_long:
        lines += _more(seen)
    if command := journal_command(seen):
        lines.append(f"records: {'' if root else 'sudo '}{command}")
    return "\n".join(lines).rstrip("\n")


def _table(seen: Seen, is_long: bool) -> list[str]:
    rows = ["stage         outcome    changes      took"]
    for name, report in seen.last.stages.items():
        took = f"{report.duration_usec / 1_000_000:.2f} s"
        count = len(report.changes)
        rows.append(f"{one_line(name, 12):13} {report.outcome:10} {count:7} {took:>9}")
        if is_long:
            rows += _details(report)
    return rows


def _details(report: StageReport) -> list[str]:
    bounded = report.bounded()
    changes = [f"  {c.target}: {c.found} -> {c.wanted}" for c in bounded.changes]
    return [*changes, *(f"  {note}" for note in bounded.notes)]


def _more(seen: Seen) -> list[str]:
    last = seen.last
    pairs = {
        "boot": seen.boot_id,
        "run": last.invocation_id,
        "started": last.started,
        "finished": last.finished,
    }
    if seen.service:
        state = seen.service.state
        pairs["nodefix.service"] = f"{state.load}, {state.active} ({state.sub})"
    return [f"{key}: {one_line(value)}" for key, value in pairs.items() if value]


def _held(one: Held) -> str:
    tries = f", try {one.tries + 1}" if one.tries else ""
    if one.seconds is None:
        return f"{one.unit}{tries}"
    most = "" if one.is_exact else "up to "
    return f"{one.unit}, for {most}{duration(one.seconds)}{tries}"


def journal_command(seen: Seen) -> str:
    """What shows the last run's records, and systemd's own words about its unit.

    A run by hand has the id of its session, so `_SYSTEMD_INVOCATION_ID` alone would show all that
    was done there; systemd's words have the id as INVOCATION_ID (systemd.journal-fields(7)).
    """
    last = seen.last
    if last.invocation_id.isalnum():
        run = last.invocation_id
        match = f"_SYSTEMD_INVOCATION_ID={run} SYSLOG_IDENTIFIER=nodefix + INVOCATION_ID={run}"
        return f"journalctl {match}"
    if seconds_of(last.started):
        return f"journalctl -b -t nodefix --since '{last.started[:10]} {last.started[11:19]} UTC'"
    return "journalctl -u nodefix -b"


def duration(seconds: float) -> str:
    """A length of time in its two largest units."""
    whole = int(seconds)
    for size, unit, small, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // small} {part}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _ago(seen: Seen, stamp: str) -> str:
    return duration(within_boot(seen.now - seconds_of(stamp), seen.uptime))


def _took(seen: Seen) -> str:
    length = _seconds(seen)
    return duration(length) if length else "less than a second"


def _seconds(seen: Seen) -> float:
    length = seconds_of(seen.last.finished) - seconds_of(seen.last.started)
    return within_boot(length, seen.uptime)


def as_data(seen: Seen, verdict: Verdict) -> JsonObject:
    """All of it for programs."""
    last, switch = seen.last, seen.switch
    return {
        "state": verdict.state,
        "exit_status": EXITS[verdict.state],
        "kubelet_may_start": verdict.kubelet_may_start,
        "kubelet_runs": seen.kubelet_runs,
        "kubelet_units": list(seen.kubelets),
        "text": headline(seen, verdict),
        "boot_id": seen.boot_id,
        "invocation_id": last.invocation_id,
        "started": last.started,
        "finished": last.finished,
        "duration_seconds": _seconds(seen) if last.finished else None,
        "stage": last.stage if verdict.state == RUNNING else "",
        "tries": last.course.tries,
        "since": last.course.since,
        "next_try_seconds": verdict.next_try,
        "switched_off": dict(switch._asdict()) if switch else None,
        "held": [
            {
                "unit": one.unit,
                "held_seconds": one.seconds,
                "is_exact": one.is_exact,
                "tries": one.tries,
            }
            for one in verdict.held
        ],
        "why": [_problem("", problem) for problem in verdict.why],
        "problems": [_problem(name, problem) for name, problem in verdict.problems],
        "stages": [report.bounded().as_json() for report in last.stages.values()],
        "unread": list(seen.unread),
        "journal": journal_command(seen),
    }


def _problem(stage: str, problem: Problem) -> JsonObject:
    return {"stage": stage, **problem._asdict(), "meaning": CODES.get(problem.code, "")}
