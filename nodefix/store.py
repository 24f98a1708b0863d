"""What runs leave on disk: the report, and the marker that opens the gate."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from nodefix import __version__
from nodefix.host.reading import kind_of, read_file
from nodefix.host.writing import write_atomic
from nodefix.report import Course, Head, StageReport, rechecked, stage_from_json
from nodefix.shape import JsonObject, an, items, mapping, parsed
from nodefix.state import state
from nodefix.words import MARKER, REPORT, STATE_FILE

SCHEMA = 1

# A number that Python can still write down when one is added, whatever stands in the report.
MOST = 1_000_000_000

_TEXTS = ("stage", "started", "finished", "invocation_id")


# A boot of which nothing is known.
_NEW = Course()


class Earlier(NamedTuple):
    """What the last run of this boot came to; all empty if there was none.

    Attributes:
        outcome: of the run; `running` if it was aborted.
        stages: by name.
        course: how the boot went until then.
        stage: the one that was running, where the run did not end.
        started: when it began.
        finished: when it ended; empty while it is going on.
        invocation_id: of the unit or the session that it ran in; empty if it was in none.
    """

    outcome: str = ""
    stages: Mapping[str, StageReport] = MappingProxyType({})
    course: Course = _NEW
    stage: str = ""
    started: str = ""
    finished: str = ""
    invocation_id: str = ""


class ReportFiles:
    """Report and marker of one node; all writes are atomic."""

    def __init__(self, root: Path) -> None:
        self._report = root / REPORT
        self._marker = root / MARKER
        self._state = root / STATE_FILE

    def earlier(self, boot_id: str) -> Earlier:
        """The last report of this boot; an empty one if there is none that can be used."""
        try:
            found = parsed(read_file(self._report))
            if not boot_id or found["schema"] != SCHEMA or found["boot_id"] != boot_id:
                return Earlier()
            stages = [stage_from_json(mapping(stage)) for stage in items(found["stages"])]
            return Earlier(
                an(str, found["outcome"]),
                {stage.stage: stage for stage in stages},
                _course(found),
                *(an(str, found.get(key, "")) for key in _TEXTS),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Earlier()

    def is_open(self, boot_id: str) -> bool:
        """Whether the marker of this boot is there."""
        try:
            marker = parsed(read_file(self._marker))
            return bool(boot_id) and bool(marker["boot_id"] == boot_id)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False

    def obstacle(self) -> tuple[Path, str] | None:
        """What stands in the place of report or marker so that neither can be written; its kind."""
        for path in (self._report, self._marker, self._state):
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
        course: Course = _NEW,
    ) -> None:
        """Write the report, and the same in short for those that read no JSON.

        Args:
            head: what report and marker begin with.
            outcome: the run's.
            stages: by name.
            finished: when the run ended; empty while it is going on.
            stage: the one that is running.
            course: how the boot has gone, with this run.
        """
        content = _content(head, outcome, finished)
        content["stage"] = stage
        content |= {**course._asdict(), "repeated": dict(course.repeated)}
        content["stages"] = [report.as_json() for report in stages.values()]
        self._write(self._report, content)
        text = state(head, outcome, stages, finished, stage, course)
        write_atomic(self._state, text.encode("utf-8", "backslashreplace"))

    def open_gate(
        self,
        head: Head,
        outcome: str,
        stages: Mapping[str, StageReport],
        finished: str,
        was_open: bool = False,
    ) -> None:
        """Write the marker, which `nodefix wait` and with it kubelet waits for.

        Args:
            head: what report and marker begin with.
            outcome: the run's.
            stages: by name.
            finished: when the run ended.
            was_open: whether there is a marker of this boot, which then stays whatever happens.

        Raises:
            OSError: it could not be written for good; the gate is as it was.
        """
        content = _content(head, outcome, finished)
        content["stages"] = {name: report.outcome for name, report in stages.items()}
        content["recheck"] = rechecked(stages)
        try:
            self._write(self._marker, content)
        except OSError:
            # It can be there all the same, where only its name could not be made to last.
            if not was_open:
                with contextlib.suppress(OSError):
                    self.close_gate()
            raise

    @staticmethod
    def _write(path: Path, content: Mapping[str, object]) -> None:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomic(path, json.dumps(content, indent=1).encode() + b"\n")


def _course(found: JsonObject) -> Course:
    repeated = mapping(found.get("repeated", {}))
    return Course(
        min(an(int, found.get("tries", 0)), MOST),
        an(str, found.get("since", "")),
        min(an(int, found.get("held_seconds", 0)), MOST),
        {stage: min(an(int, boots), MOST) for stage, boots in repeated.items()},
        min(an(int, found.get("restarts", 0)), MOST),
    )


def _content(head: Head, outcome: str, finished: str) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "version": __version__,
        **head._asdict(),
        "finished": finished,
        "outcome": outcome,
    }
