"""One loop over the stages, then report and marker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from nodefix import events
from nodefix.around.run import Ran
from nodefix.around.tell import tell
from nodefix.config import Config
from nodefix.converge import BY_SETTING, outcome_of, plan_stage, run_stage
from nodefix.course import go_on, repeated
from nodefix.errors import BusError
from nodefix.facts.system import Scope, boot_id
from nodefix.gate import is_switched_off
from nodefix.host.kubelets import kubelets
from nodefix.host.node import Host
from nodefix.journal import Journal
from nodefix.messages import held, may_start, note_record, out_of_scope_record, status_line
from nodefix.plan import Plan, Problem
from nodefix.report import Course, Head, StageReport, run_outcome
from nodefix.settle import Settled, settle
from nodefix.stages import STAGES, Stage
from nodefix.store import ReportFiles
from nodefix.telling import Telling
from nodefix.text import stamp
from nodefix.words import (
    CHANGED,
    FAILED,
    KUBE_PROXY,
    KUBELET_UNITS,
    NOT_RUN,
    RUNNING,
    SKIP,
    SKIPPED,
    UNIT,
)

# What is to be done after the stages: from the settings, from what the last run of this boot came
# to and from the stages that were run to what does it, and then is told and reported as a stage is.
Work: TypeAlias = Callable[[], StageReport | None]
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

    Returns:
        The outcome of the stages that were run: ready, degraded, failed or skipped.

    Raises:
        OSError: report or marker cannot be written.
    """
    begun = time.monotonic()
    files = ReportFiles(host.root)
    head = Head(boot_id(host.root), _invocation_id(host), stamp())
    was_open = files.is_open(head.boot_id)
    if not was_open:
        files.close_gate()
    if not scope.inside:
        journal.send(out_of_scope_record(scope.reason, may_start(kubelets(f"{host.root}/"))))
        skipped = _all_skipped(stages, config, scope.reason)
        _finish(files, head, SKIPPED, skipped, stamp(), Course())
        return SKIPPED
    settled = _settled(host, config)
    config = settled.config
    earlier = files.earlier(head.boot_id)
    # Kept while it is not known how this run ends, should it be killed.
    so_far = earlier.course._replace(tries=0, since="")
    reports = {
        stage.NAME: _carried(earlier.stages.get(stage.NAME), stage, config) for stage in stages
    }
    selected = [stage for stage in stages if not names or stage.NAME in names]
    telling = Telling(journal, earlier, [stage.NAME for stage in selected])
    for stage in selected:
        files.write(head, RUNNING, reports, stage=stage.NAME, course=so_far)
        notify(f"running stage {stage.NAME}")
        is_first = _is_first(earlier.stages.get(stage.NAME))
        of_mode = settled.plan_of(stage.NAME, _at_work(selected, config))
        report = _behind(run_stage(stage, host, config, is_first, of_mode), stage, reports)
        reports[stage.NAME] = report
        if report.outcome == FAILED:
            files.close_gate()
        telling.stage(report)
    now = {stage.NAME: reports[stage.NAME] for stage in selected}
    if work := after(config, earlier.stages, now):
        notify(f"running {KUBE_PROXY}")
        if more := _further(files, head, reports, work, so_far):
            reports[more.stage] = now[more.stage] = more
            telling.stage(more)
    elif KUBE_PROXY in earlier.stages and earlier.stages[KUBE_PROXY].outcome != CHANGED:
        # Nobody looked, so what was due still is.
        reports[KUBE_PROXY] = earlier.stages[KUBE_PROXY]
    outcome = run_outcome(reports)
    finished = stamp()
    again = repeated(host.root, head.boot_id, now)
    course = go_on(earlier, head, finished, outcome, now, again)
    _finish(files, head, outcome, reports, finished, course)
    is_off = is_switched_off(f"{host.root}/")
    kubelet = _kubelet(host, outcome == FAILED, is_off)
    usec = round((time.monotonic() - begun) * 1_000_000)
    telling.finish(outcome, reports, usec, course, kubelet)
    notify(status_line(outcome, reports))
    ran = Ran(head, finished, outcome, reports, course, usec, is_off, kubelet)
    for said in tell(host.root, config, ran):
        journal.send(note_record(said, events.WARNING))
    if outcome == FAILED and was_open and not is_off:
        _hand_over(host)
    return run_outcome(now)


def dry_run(host: Host, config: Config, names: Sequence[str] = ()) -> dict[str, Plan]:
    """The plan of each stage; changes nothing."""
    settled = settle(host._replace(may_load=False), config)
    selected = [stage for stage in STAGES if not names or stage.NAME in names]
    working = _at_work(selected, config)
    return {
        stage.NAME: plan_stage(stage, host, settled.config, settled.plan_of(stage.NAME, working))
        for stage in selected
    }


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


def _at_work(stages: Sequence[Stage], config: Config) -> tuple[str, ...]:
    """The names of those that are not skipped by a setting."""
    return tuple(stage.NAME for stage in stages if config.modes[stage.NAME] != SKIP)


def _further(
    files: ReportFiles,
    head: Head,
    reports: Mapping[str, StageReport],
    work: Work,
    so_far: Course,
) -> StageReport | None:
    """Do what comes after the stages, behind an open gate where they let it be opened."""
    outcome = run_outcome(reports)
    if outcome != FAILED:
        files.open_gate(head, outcome, reports, stamp())
    files.write(head, RUNNING, reports, stage=KUBE_PROXY, course=so_far)
    return work()


def _finish(
    files: ReportFiles,
    head: Head,
    outcome: str,
    reports: Mapping[str, StageReport],
    finished: str,
    course: Course,
) -> None:
    """Write the report and then, last of all, the marker."""
    files.write(head, outcome, reports, finished, course=course)
    if outcome == FAILED:
        files.close_gate()
    else:
        files.open_gate(head, outcome, reports, finished)


def _behind(report: StageReport, stage: Stage, reports: Mapping[str, StageReport]) -> StageReport:
    """Point to the stage that has to work first instead of telling its failure once more."""
    for name in stage.NEEDS:
        first = next((p for p in reports[name].problems if p.required), None)
        if first and report.problems:
            count = len(report.problems)
            message = (
                f"{count} problem{'s' * (count > 1)} that cannot be judged before stage {name} is"
                " in order"
            )
            required = any(problem.required for problem in report.problems)
            problem = Problem(message, first.hint, required, code="stage-behind")
            return report._replace(problems=(problem,))
    return report


def _hand_over(host: Host) -> None:
    """Let nodefix.service go on trying, where a run beside it found a ready node broken.

    The service is active from the boot on; only its own run that fails is repeated by systemd, and
    only that makes it show in `systemctl status` that the node is not ready.
    """
    try:
        if host.systemd.unit_state(UNIT).active == "active":
            host.systemd.restart_unit(UNIT)
    except BusError:
        # kubelet's next try asks again.
        return


def _kubelet(host: Host, has_failed: bool, is_off: bool) -> str:
    """What becomes of the kubelet units of this node, in words."""
    units = kubelets(f"{host.root}/")
    if not has_failed:
        return may_start(units)
    try:
        active = host.systemd.active_units(KUBELET_UNITS)
    except BusError:
        return held(units, None, is_off)
    return held(active or units, bool(active), is_off)


def _all_skipped(stages: Sequence[Stage], config: Config, reason: str) -> dict[str, StageReport]:
    return {
        stage.NAME: StageReport(stage.NAME, config.modes[stage.NAME], SKIPPED, notes=(reason,))
        for stage in stages
    }


def _carried(earlier: StageReport | None, stage: Stage, config: Config) -> StageReport:
    """What an earlier run of this boot says of a stage, under the settings as they are now."""
    mode = config.modes[stage.NAME]
    if mode == SKIP:
        return StageReport(stage.NAME, mode, SKIPPED, notes=(BY_SETTING,))
    if earlier is None or earlier.mode == SKIP:
        return StageReport(stage.NAME, mode, NOT_RUN)
    if earlier.problems:
        outcome = outcome_of(mode, earlier.changes, Plan(problems=earlier.problems))
        return earlier._replace(mode=mode, outcome=outcome)
    return earlier._replace(mode=mode)


def _is_first(earlier: StageReport | None) -> bool:
    """Whether a stage has not come through in this boot."""
    return (
        earlier is None
        or bool(earlier.problems)
        or earlier.mode == SKIP
        or earlier.outcome == NOT_RUN
    )


def _invocation_id(host: Host) -> str:
    try:
        return host.systemd.invocation_id()
    except BusError:
        return ""
