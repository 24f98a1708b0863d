"""The report of a run, and the marker that opens the gate."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from nodefix import __version__
from nodefix.files import write_atomic
from nodefix.paths import MARKER, REPORT
from nodefix.plan import Change, Problem
from nodefix.reading import kind_of, read_file
from nodefix.words import bounded

SCHEMA = 1

# Outcomes of a stage. Prepared: what it made is missing at the beginning of every boot; changed:
# it mended what a boot should not have had to mend.
UNCHANGED, PREPARED, CHANGED, SKIPPED = "unchanged", "prepared", "changed", "skipped"
DEGRADED, FAILED, OFF = "degraded", "failed", "off"
# A stage that --stage left out and that has not run since boot.
NOT_RUN = "not run"
# Outcomes of a run, beside DEGRADED, FAILED and SKIPPED (the system is out of scope).
RUNNING, READY = "running", "ready"

# What one stage may say: a tool that prints without end must not fill /run or the journal.
_TEXT, _ITEMS = 4000, 50
# A number that Python can still write down when one is added, whatever stands in the report.
_MOST_TRIES = 1_000_000_000

_T = TypeVar("_T")


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
            Problem(bounded(said.message, _TEXT), bounded(said.hint, _TEXT), said.required)
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

    def as_json(self) -> dict[str, Any]:
        """The report's form of it; a change's action is nodefix's own business."""
        return {
            "stage": self.stage,
            "mode": self.mode,
            "outcome": self.outcome,
            "changes": [
                {
                    "target": change.target,
                    "found": change.found,
                    "wanted": change.wanted,
                    "each_boot": change.each_boot,
                }
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
        stage=_a(str, found["stage"]),
        mode=_a(str, found["mode"]),
        outcome=_a(str, found["outcome"]),
        changes=tuple(_change(change) for change in _a(list, found["changes"])),
        problems=tuple(
            Problem(
                _a(str, said["message"]), _a(str, said.get("hint", "")), _a(bool, said["required"])
            )
            for said in _a(list, found["problems"])
        ),
        notes=tuple(_a(str, note) for note in _a(list, found["notes"])),
        duration_usec=_a(int, found["duration_usec"]),
    )


def _change(found: Mapping[str, Any]) -> Change:
    target, state, wanted = (_a(str, found[key]) for key in ("target", "found", "wanted"))
    each_boot = _a(bool, found.get("each_boot", False))
    return Change(target, state, wanted, hint="", action=None, each_boot=each_boot)


def _a(kind: type[_T], value: Any) -> _T:
    if not isinstance(value, kind):
        raise TypeError(f"found {type(value).__name__}, expected {kind.__name__}")
    return value


def run_outcome(stages: Mapping[str, StageReport]) -> str:
    """A run's outcome by its stages'."""
    reports = stages.values()
    if any(r.outcome == FAILED or (r.outcome == NOT_RUN and r.mode == "required") for r in reports):
        return FAILED
    return DEGRADED if any(r.outcome == DEGRADED for r in reports) else READY


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
        if report.mode == "required" and report.outcome in counts.get(name, ())
    )


class Earlier(NamedTuple):
    """What the last run of this boot came to; all empty if there was none.

    Attributes:
        outcome: of the run; `running` if it was broken off.
        stages: by name.
        tries: how many runs in a row came to that failure or degradation.
        since: when the first of these began.
    """

    outcome: str = ""
    stages: Mapping[str, StageReport] = MappingProxyType({})
    tries: int = 0
    since: str = ""


class ReportFiles:
    """Report and marker of one node; all writes are atomic."""

    def __init__(self, root: Path) -> None:
        self._report = root / REPORT
        self._marker = root / MARKER

    def earlier(self, boot_id: str) -> Earlier:
        """The last report of this boot; an empty one if there is none that can be used."""
        try:
            found = json.loads(read_file(self._report))
            if found["schema"] != SCHEMA or found["boot_id"] != boot_id:
                return Earlier()
            stages = [stage_from_json(stage) for stage in _a(list, found["stages"])]
            return Earlier(
                _a(str, found["outcome"]),
                {stage.stage: stage for stage in stages},
                min(_a(int, found.get("tries", 0)), _MOST_TRIES),
                _a(str, found.get("since", "")),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Earlier()

    def is_open(self, boot_id: str) -> bool:
        """Whether the marker of this boot is there."""
        try:
            marker = json.loads(read_file(self._marker))
            return bool(boot_id) and bool(marker["boot_id"] == boot_id)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False

    def obstacle(self) -> tuple[Path, str] | None:
        """What stands in the place of report or marker so that neither can be written; its kind."""
        for path in (self._report, self._marker):
            with contextlib.suppress(OSError):
                if not path.is_file():
                    return path, kind_of(path.lstat().st_mode)
        return None

    def close_gate(self) -> None:
        """Take the marker away, since what it says is no longer so."""
        self._marker.unlink(missing_ok=True)

    def write(
        self,
        head: Head,
        outcome: str,
        stages: Mapping[str, StageReport],
        finished: str = "",
        stage: str = "",
        tries: tuple[int, str] = (0, ""),
    ) -> None:
        """Write the report.

        Args:
            head: what report and marker begin with.
            outcome: the run's.
            stages: by name.
            finished: when the run ended; empty while it is going on.
            stage: the one that is running.
            tries: how many runs in a row came to this failure or degradation, with this one, and
                when the first of them began.
        """
        content = _content(head, outcome, finished)
        content["stage"] = stage
        content["tries"], content["since"] = tries
        content["stages"] = [report.as_json() for report in stages.values()]
        self._write(self._report, content)

    def open_gate(
        self, head: Head, outcome: str, stages: Mapping[str, StageReport], finished: str
    ) -> None:
        """Write the marker, which `nodefix wait` and with it kubelet waits for."""
        content = _content(head, outcome, finished)
        content["stages"] = {name: report.outcome for name, report in stages.items()}
        content["recheck"] = rechecked(stages)
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
