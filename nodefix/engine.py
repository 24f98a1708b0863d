"""One loop over the stages, then report and marker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from nodefix import events
from nodefix.around.run import Ran
from nodefix.around.tell import tell
from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.course import go_on, repeated
from nodefix.errors import BusError, NodefixError
from nodefix.facts.system import Scope, boot_id
from nodefix.gate import is_switched_off
from nodefix.host.kubelets import kubelets
from nodefix.host.node import Host
from nodefix.journal import Journal
from nodefix.judging import at_work, behind, carried, is_due, is_first, kubelet_after
from nodefix.messages import (
    finished_record,
    may_start,
    note_record,
    out_of_scope_record,
    status_line,
)
from nodefix.report import Course, Due, Head, StageReport, run_outcome
from nodefix.settle import Settled, settle
from nodefix.stages import STAGES, Stage
from nodefix.store import ReportFiles
from nodefix.telling import Telling
from nodefix.text import stamp
from nodefix.words import (
    CHANGED,
    FAILED,
    KUBE_PROXY,
    RUNNING,
    SKIPPED,
    UNIT,
)

# What is to be done after the stages: from the settings, from what the last run of this boot came
# to and from the stages that were run to what does it, and then is told and reported as a stage is;
# or to what is due once the run is done.
Work: TypeAlias = Callable[[], StageReport | Due | None]
After: TypeAlias = Callable[
    [Config, Mapping[str, StageReport], Mapping[str, StageReport]], Work | None
]


def run(
    host: Host,
    config: Config,
    scope: Scope,
    journal: Journal,
    names: Sequence[str] = (),
    stages: Sequence[Stage] = STAGES,
    notify: Callable[[str], None] = lambda text: None,
    after: After = lambda config, before, now: None,
    let_go: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> str:
    """Run the stages and write report and marker.

    The marker of a node that was found ready in this boot stays until something is known to be
    wrong, so that a run that is killed does not hold kubelet on a healthy node.

    Args:
        host: the node.
        config: the settings.
        scope: outside it every stage is skipped and the gate opens.
        journal: where records go.
        names: the stages to run, all if empty; the others keep what they came to in this boot.
        stages: all stages, in their order.
        notify: takes the line that `systemctl status` shows.
        after: what is to be done once the gate is open.
        let_go: lets other runs have the run lock; what is due then is done meanwhile.

    Returns:
        The outcome of the stages that were run: ready, degraded, failed or skipped.

    Raises:
        OSError: report or marker cannot be written.
    """
    one = _Run(host, journal, notify)
    if not scope.inside:
        journal.send(out_of_scope_record(scope.reason, may_start(kubelets(f"{host.root}/"))))
        return one.skip(config, _all_skipped(stages, config, scope.reason))
    settled = _settled(host, config)
    one.work_through(stages, names, settled)
    due = one.go_further(lambda before, now: after(settled.config, before, now))
    outcome = one.end(settled.config)
    return one.complete(settled.config, due, let_go) if due else outcome


class _Run:
    """One run of this boot: what was before it, and what it has come to so far."""

    def __init__(self, host: Host, journal: Journal, notify: Callable[[str], None]) -> None:
        self._begun = time.monotonic()
        self._host, self._journal, self._notify = host, journal, notify
        self._files = ReportFiles(host.root)
        self._head = Head(boot_id(host.root), _invocation_id(host), stamp())
        # Before this run, and by now.
        self._was_open = self._is_open = self._files.is_open(self._head.boot_id)
        if not self._was_open:
            self._files.close_gate()
        self._earlier = self._files.earlier(self._head.boot_id)
        # All stages, and those that this run looked at.
        self._reports: dict[str, StageReport] = {}
        self._now: dict[str, StageReport] = {}
        # Begins to tell as soon as it is there.
        self._telling: Telling

    def skip(self, config: Config, reports: Mapping[str, StageReport]) -> str:
        """Open the gate, and look at nothing."""
        ran = Ran(self._head, stamp(), SKIPPED, reports, Course())
        self._finish(SKIPPED, reports, ran.finished, ran.course)
        self._tell(config, ran)
        return SKIPPED

    def work_through(self, stages: Sequence[Stage], names: Sequence[str], settled: Settled) -> None:
        """Run the stages that are named, all if none is."""
        earlier, config = self._earlier.stages, settled.config
        self._reports = {
            stage.NAME: carried(earlier.get(stage.NAME), stage, config) for stage in stages
        }
        selected = [stage for stage in stages if not names or stage.NAME in names]
        working = at_work(selected, config)
        self._telling = Telling(self._journal, self._earlier, [stage.NAME for stage in selected])
        for stage in selected:
            self._goes_on_with(stage.NAME)
            self._notify(f"running stage {stage.NAME}")
            first = is_first(earlier.get(stage.NAME))
            of_mode = settled.plan_of(stage.NAME, working)
            report = run_stage(stage, self._host, config, first, of_mode)
            report = behind(report, stage, self._reports)
            self._reports[stage.NAME] = self._now[stage.NAME] = report
            if report.outcome == FAILED:
                self._files.close_gate()
            self._telling.stage(report)

    def go_further(
        self,
        after: Callable[[Mapping[str, StageReport], Mapping[str, StageReport]], Work | None],
    ) -> Due | None:
        """Do what comes after the stages, behind an open gate where they let it be opened.

        Returns:
            What is due when this run has come to its end.
        """
        last = self._earlier.stages.get(KUBE_PROXY)
        work = after(self._earlier.stages, self._now)
        if work:
            self._notify(f"running {KUBE_PROXY}")
            outcome = run_outcome(self._reports)
            if outcome != FAILED:
                self._open_gate(outcome, self._reports, stamp())
            self._goes_on_with(KUBE_PROXY)
            more = work()
            if isinstance(more, Due):
                # What was wrong still is until then.
                self._reports[KUBE_PROXY] = last if last and last.problems else more.report
                return more
            if more:
                self._reports[more.stage] = self._now[more.stage] = more
                self._telling.stage(more)
        elif last and last.outcome != CHANGED:
            # Nobody looked, so what was due still is.
            self._reports[KUBE_PROXY] = last
        return None

    def end(self, config: Config) -> str:
        """Write report and marker, then tell; the outcome of what this run looked at."""
        outcome, finished = run_outcome(self._reports), stamp()
        again = repeated(self._host.root, self._head.boot_id, self._now)
        course = go_on(self._earlier, self._head, finished, outcome, self._now, again)
        self._finish(outcome, self._reports, finished, course)
        is_off = is_switched_off(f"{self._host.root}/")
        kubelet = kubelet_after(self._host, outcome == FAILED, is_off)
        usec = round((time.monotonic() - self._begun) * 1_000_000)
        # What is still due is told when it is done.
        told = {name: one for name, one in self._reports.items() if not is_due(one)}
        self._telling.finish(outcome, told, usec, course, kubelet)
        self._notify(status_line(outcome, self._reports))
        ran = Ran(self._head, finished, outcome, self._reports, course, usec, is_off, kubelet)
        self._tell(config, ran)
        if outcome == FAILED and self._was_open and not is_off:
            _hand_over(self._host)
        return run_outcome(self._now)

    def complete(
        self, config: Config, due: Due, let_go: Callable[[], AbstractContextManager[None]]
    ) -> str:
        """Do what is due without the run lock, then write and tell it; the outcome with it."""
        done = None
        self._notify(f"running {KUBE_PROXY}")
        try:
            with let_go():
                done = due.do()
        except NodefixError as error:
            self._tell_late(done)
            words = f"the report does not tell what came of {KUBE_PROXY}'s restart: {error.message}"
            self._journal.send(note_record(f"{words}; fix: {error.hint}", events.WARNING))
            return run_outcome(self._now)
        # No run at boot has anything to complete.
        from nodefix.completing import complete, has_ended

        own, left = run_outcome(self._reports), self._reports[KUBE_PROXY]
        ran = complete(self._host, done, self._head, left)
        if (self._tell_late(done) or ran.outcome != own) and has_ended(ran):
            usec = round((time.monotonic() - self._begun) * 1_000_000)
            self._journal.send(finished_record(ran.outcome, ran.stages, usec, ran.kubelet))
        # Where another run was aborted meanwhile, what this one has found is all that is known.
        outcome, stages = (ran.outcome, ran.stages) if has_ended(ran) else (own, self._reports)
        self._notify(status_line(outcome, stages))
        if has_ended(ran):
            self._tell(config, ran)
        return run_outcome(self._now)

    def _tell_late(self, done: StageReport | None) -> bool:
        if done:
            self._now[done.stage] = done
        return done is not None and self._telling.late(done)

    def _tell(self, config: Config, ran: Ran) -> None:
        for said in tell(self._host.root, config, ran):
            self._journal.send(note_record(said, events.WARNING))

    def _goes_on_with(self, stage: str) -> None:
        # What is kept while it is not known how this run ends, should it be killed.
        so_far = self._earlier.course._replace(tries=0, since="")
        self._files.write(self._head, RUNNING, self._reports, stage=stage, course=so_far)

    def _finish(
        self, outcome: str, reports: Mapping[str, StageReport], finished: str, course: Course
    ) -> None:
        """Write the report and then, last of all, the marker."""
        self._files.write(self._head, outcome, reports, finished, course=course)
        if outcome == FAILED:
            self._files.close_gate()
        else:
            self._open_gate(outcome, reports, finished)

    def _open_gate(self, outcome: str, reports: Mapping[str, StageReport], finished: str) -> None:
        self._files.open_gate(self._head, outcome, reports, finished, self._is_open)
        self._is_open = True


def _settled(host: Host, config: Config) -> Settled:
    """The settings with kube-proxy's mode, which is kept where the kernel would forget it."""
    settled = settle(host, config)
    if settled.found is None or not settled.found.seen:
        return settled
    from nodefix.live.learn import keep

    if failure := keep(host, settled.found.sign):
        notes = (*settled.said.notes, f"kube-proxy's mode is not kept for the next boot: {failure}")
        return settled._replace(said=settled.said._replace(notes=notes))
    return settled


def _hand_over(host: Host) -> None:
    """Let nodefix.service go on trying, where a run beside it found a ready node broken.

    The service is active from the boot on; only its own run that fails is repeated by systemd, and
    only that makes it show in `systemctl status` that the node is not ready.
    """
    try:
        host.systemd.restart_if_active(UNIT)
    except BusError:
        # kubelet's next try asks again.
        return


def _all_skipped(stages: Sequence[Stage], config: Config, reason: str) -> dict[str, StageReport]:
    return {
        stage.NAME: StageReport(stage.NAME, config.modes[stage.NAME], SKIPPED, notes=(reason,))
        for stage in stages
    }


def _invocation_id(host: Host) -> str:
    try:
        return host.systemd.invocation_id()
    except BusError:
        return ""
