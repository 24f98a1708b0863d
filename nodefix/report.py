"""The report of a run, and the marker that opens the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nodefix import __version__
from nodefix.files import write_atomic
from nodefix.plan import Change, Problem

SCHEMA = 1
FOLDER = "run/nodefix"
REPORT = f"{FOLDER}/report.json"
MARKER = f"{FOLDER}/ready"

# Outcomes of a stage.
UNCHANGED, CHANGED, SKIPPED = "unchanged", "changed", "skipped"
DEGRADED, FAILED, OFF = "degraded", "failed", "off"
# A stage that --stage left out and that has not run since boot.
NOT_RUN = "not run"
# Outcomes of a run, beside DEGRADED, FAILED and SKIPPED (the system is out of scope).
RUNNING, READY = "running", "ready"


class StageReport(NamedTuple):
    """How one stage went.

    Attributes:
        stage: its name.
        mode: `required`, `wanted` or `off`.
        outcome: one of the constants above.
        changes: what was changed (planned, in a dry run).
        problems: what is still wrong.
        notes: remarks; the reason where it was skipped.
        duration_usec: how long it took.
    """

    stage: str
    mode: str
    outcome: str
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    duration_usec: int = 0

    def as_json(self) -> dict[str, Any]:
        """The report's form of it; a change's action is nodefix's own business."""
        return {
            "stage": self.stage,
            "mode": self.mode,
            "outcome": self.outcome,
            "changes": [
                {"target": change.target, "found": change.found, "wanted": change.wanted}
                for change in self.changes
            ],
            "problems": [problem._asdict() for problem in self.problems],
            "notes": list(self.notes),
            "duration_usec": self.duration_usec,
        }


class Head(NamedTuple):
    """What a run's report and marker begin with; times are ISO 8601 in UTC."""

    boot_id: str
    invocation_id: str
    started: str


def stage_from_json(found: Mapping[str, Any]) -> StageReport:
    """Read back one stage of an earlier report.

    Raises:
        KeyError, TypeError: it is not of this schema.
    """
    return StageReport(
        stage=found["stage"],
        mode=found["mode"],
        outcome=found["outcome"],
        changes=tuple(Change(**change, hint="", action=None) for change in found["changes"]),
        problems=tuple(Problem(**problem) for problem in found["problems"]),
        notes=tuple(found["notes"]),
        duration_usec=found["duration_usec"],
    )


def run_outcome(stages: Mapping[str, StageReport]) -> str:
    """A run's outcome by its stages'."""
    reports = stages.values()
    if any(r.outcome == FAILED or (r.outcome == NOT_RUN and r.mode == "required") for r in reports):
        return FAILED
    return DEGRADED if any(r.outcome == DEGRADED for r in reports) else READY


class ReportFiles:
    """Report and marker of one node; all writes are atomic."""

    def __init__(self, root: Path) -> None:
        self._report = root / REPORT
        self._marker = root / MARKER

    def earlier(self, boot_id: str) -> dict[str, StageReport]:
        """The stages of the last report of this boot; empty if there is none to be used."""
        try:
            found = json.loads(self._report.read_bytes())
            if found["schema"] != SCHEMA or found["boot_id"] != boot_id:
                return {}
            stages = (stage_from_json(stage) for stage in found["stages"])
            return {stage.stage: stage for stage in stages}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def close_gate(self) -> None:
        """Take the marker away, since what it says may no longer be so."""
        self._marker.unlink(missing_ok=True)

    def write(
        self,
        head: Head,
        outcome: str,
        stages: Mapping[str, StageReport],
        finished: str = "",
        stage: str = "",
    ) -> None:
        """Write the report; `stage` is the one that is running."""
        content = _content(head, outcome, finished)
        content["stage"] = stage
        content["stages"] = [report.as_json() for report in stages.values()]
        self._write(self._report, content)

    def open_gate(
        self, head: Head, outcome: str, stages: Mapping[str, StageReport], finished: str
    ) -> None:
        """Write the marker, which `nodefix wait` and with it kubelet waits for."""
        content = _content(head, outcome, finished)
        content["stages"] = {name: report.outcome for name, report in stages.items()}
        self._write(self._marker, content)

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomic(path, json.dumps(content, indent=1).encode() + b"\n")


def _content(head: Head, outcome: str, finished: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        **head._asdict(),
        "finished": finished,
        "outcome": outcome,
    }
