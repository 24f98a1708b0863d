"""Which records of a run are sent: what the last run told already is not told again.

A node that is held for a day is tried again hundreds of times. Whoever reads the journal then
looks for the first of them and for what changed since, not for the same lines once a minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodefix.journal import Journal
from nodefix.messages import finished_record, same_again_record, stage_records, started_record
from nodefix.plan import Problem
from nodefix.report import Course, StageReport
from nodefix.store import Earlier
from nodefix.told import essence
from nodefix.words import DEGRADED, FAILED, NOT_RUN, UNCHANGED


class Telling:
    """Sends the records of one run.

    Args:
        journal: where they go. Somebody who watches a terminal is told everything.
        earlier: the last run of this boot.
        names: the stages that are run.
    """

    def __init__(self, journal: Journal, earlier: Earlier, names: Sequence[str]) -> None:
        self._journal = journal
        self._earlier = earlier
        self._started = started_record(names)
        self._is_retry = earlier.outcome in (FAILED, DEGRADED) and not journal.prints
        self._has_begun = False
        if not self._is_retry:
            self._begin()

    def stage(self, report: StageReport) -> None:
        """Tell what became of a stage, unless it is what became of it the last time."""
        if self._is_retry and _is_same(report, self._earlier.stages.get(report.stage)):
            return
        self._begin()
        for record in stage_records(report):
            self._journal.send(record)

    def late(self, report: StageReport) -> bool:
        """Tell what was done after the run's end, unless it is what became of it the last time.

        Returns:
            Whether it was told.
        """
        if self._is_retry and _is_same(report, self._earlier.stages.get(report.stage)):
            return False
        for record in stage_records(report):
            self._journal.send(record)
        return True

    def finish(
        self,
        outcome: str,
        stages: Mapping[str, StageReport],
        usec: int,
        course: Course,
        kubelet: str,
    ) -> None:
        """Tell how the run ended; one line where nothing is new."""
        if outcome == self._earlier.outcome and not self._has_begun:
            self._journal.send(same_again_record(outcome, stages, course, kubelet))
        else:
            self._begin()
            self._journal.send(finished_record(outcome, stages, usec, kubelet))

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._journal.send(self._started)


def _is_same(report: StageReport, before: StageReport | None) -> bool:
    if before is None or report.changes or before.outcome == NOT_RUN:
        return False
    if not report.problems and not before.problems:
        return report.outcome in (UNCHANGED, before.outcome)
    return report.outcome == before.outcome and _essence(report) == _essence(before)


def _essence(report: StageReport) -> set[Problem]:
    return {
        problem._replace(message=essence(problem.message), hint="") for problem in report.problems
    }
