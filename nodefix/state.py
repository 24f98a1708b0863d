"""The last run in a few lines of KEY=value, for whoever has neither Python nor a JSON parser.

The form is that of os-release(5): a shell can source the file. Keys are only ever added; one that
changes its meaning makes NODEFIX_STATE a higher number.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from nodefix import __version__
from nodefix.plan import Problem
from nodefix.report import Course, Head, StageReport, worst
from nodefix.text import one_line
from nodefix.words import CHANGED, DEGRADED, FAILED, NOT_RUN, REQUIRED, SKIPPED

# What NODEFIX_STATE says.
VERSION = 1
# Characters of a message.
_LINE = 400


def state(
    head: Head,
    outcome: str,
    stages: Mapping[str, StageReport],
    finished: str,
    stage: str,
    course: Course,
) -> str:
    """The content of the state file; the arguments are those of ReportFiles.write()."""
    values = {
        "STATE": str(VERSION),
        "VERSION": __version__,
        "BOOT_ID": head.boot_id,
        "OUTCOME": outcome,
        "STAGE": stage,
        "STARTED": head.started,
        "FINISHED": finished,
        "SINCE": course.since,
        "TRIES": str(course.tries),
        "HELD_SECONDS": str(course.held_seconds),
        "FAILED": _names(stages, FAILED),
        "DEGRADED": _names(stages, DEGRADED),
        "REPAIRED": _names(stages, CHANGED),
        # At each of the last boots, so that something undoes it.
        "REPEATED": " ".join(name for name, boots in course.repeated.items() if boots > 1),
        **(_why_skipped(stages) if outcome == SKIPPED else dict(_worst(stages))),
        **{f"STAGE_{_key(name)}": report.outcome for name, report in stages.items()},
    }
    return "".join(f"NODEFIX_{key}={shlex.quote(value)}\n" for key, value in values.items())


def _worst(stages: Mapping[str, StageReport]) -> Iterator[tuple[str, str]]:
    name, problem = next(iter(worst(stages)), ("", Problem("", "")))
    yield "MESSAGE", one_line(f"{name}: {problem.message}" if name else "", _LINE)
    # Half a remedy must not be typed.
    yield "HINT", problem.hint if len(problem.hint) <= _LINE and "\n" not in problem.hint else ""
    yield "CODE", problem.code


def _why_skipped(stages: Mapping[str, StageReport]) -> dict[str, str]:
    """Why nodefix is not for this system: each stage has it as its note."""
    notes = (note for report in stages.values() for note in report.notes)
    return {"MESSAGE": one_line(next(notes, ""), _LINE), "HINT": "", "CODE": ""}


def _names(stages: Mapping[str, StageReport], outcome: str) -> str:
    def counts(report: StageReport) -> bool:
        left = outcome == FAILED and report.outcome == NOT_RUN and report.mode == REQUIRED
        return left or report.outcome == outcome

    return " ".join(name for name, report in stages.items() if counts(report))


def _key(name: str) -> str:
    return name.upper().replace("-", "_")
