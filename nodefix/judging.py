"""What a stage's report comes to beside those of others and of earlier runs; and for kubelet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodefix.config import Config
from nodefix.converge import BY_SETTING, outcome_of
from nodefix.errors import BusError
from nodefix.host.kubelets import kubelets
from nodefix.host.node import Host
from nodefix.messages import held, may_start
from nodefix.plan import Plan, Problem
from nodefix.report import StageReport
from nodefix.stages import Stage
from nodefix.words import KUBE_PROXY, KUBELET_UNITS, NOT_RUN, SKIP, SKIPPED

_RUN_STAGE = "nodefix run --stage "
# Where a stage that was to say what is wrong has found nothing, the kernel may have.
_LOOK = "journalctl -k -n 30"


def at_work(stages: Sequence[Stage], config: Config) -> tuple[str, ...]:
    """The names of those that are not skipped by a setting."""
    return tuple(stage.NAME for stage in stages if config.modes[stage.NAME] != SKIP)


def behind(report: StageReport, stage: Stage, reports: Mapping[str, StageReport]) -> StageReport:
    """Point to the stage that has to work first instead of telling its failure once more.

    Args:
        report: how a stage went.
        stage: the stage.
        reports: what the stages before it came to.
    """
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
    known = {**reports, stage.NAME: report._replace(problems=())}
    problems = tuple(one._replace(hint=_asked(one.hint, known)) for one in report.problems)
    return report._replace(problems=problems)


def _asked(hint: str, reports: Mapping[str, StageReport]) -> str:
    """What to type; where that is to run another stage, which this run did: what that said."""
    other = reports.get(hint.removeprefix(_RUN_STAGE)) if hint.startswith(_RUN_STAGE) else None
    if other is None or other.outcome in (NOT_RUN, SKIPPED):
        return hint
    return next((one.hint for one in other.problems if one.hint), _LOOK)


def carried(earlier: StageReport | None, stage: Stage, config: Config) -> StageReport:
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


def is_due(report: StageReport) -> bool:
    """Whether it tells of what a run leaves to its end."""
    return report.stage == KUBE_PROXY and report.outcome == NOT_RUN


def is_first(earlier: StageReport | None) -> bool:
    """Whether a stage has not come through in this boot."""
    return (
        earlier is None
        or bool(earlier.problems)
        or earlier.mode == SKIP
        or earlier.outcome == NOT_RUN
    )


def kubelet_after(host: Host, has_failed: bool, is_off: bool) -> str:
    """What becomes of the kubelet units of this node, in words."""
    units = kubelets(f"{host.root}/")
    if not has_failed:
        return may_start(units)
    try:
        active = host.systemd.active_units(KUBELET_UNITS)
    except BusError:
        return held(units, None, is_off)
    return held(active or units, bool(active), is_off)
