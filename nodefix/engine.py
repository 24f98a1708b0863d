"""One loop over the stages: facts, plan, apply, read again, verify, report, marker."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from nodefix.config import Config
from nodefix.deadline import Deadline
from nodefix.errors import BusError, NodefixError
from nodefix.facts.system import Scope, boot_id
from nodefix.host import Host
from nodefix.journal import Journal
from nodefix.plan import Change, Plan, Problem, unmet
from nodefix.records import finished_record, out_of_scope_record, stage_records, started_record
from nodefix.report import (
    CHANGED,
    DEGRADED,
    FAILED,
    NOT_RUN,
    OFF,
    RUNNING,
    SKIPPED,
    UNCHANGED,
    Head,
    ReportFiles,
    StageReport,
    run_outcome,
)
from nodefix.stages import STAGES, Stage

# A second round mends what another program changed between reading and applying.
_ROUNDS = 2


def run(
    host: Host,
    config: Config,
    scope: Scope,
    journal: Journal,
    names: Sequence[str] = (),
    stages: Sequence[Stage] = STAGES,
) -> str:
    """Run the stages and write report and marker.

    Args:
        host: the node.
        config: the settings.
        scope: outside it every stage is skipped and the gate opens.
        journal: where records go.
        names: the stages to run, all if empty; the others keep what they came to in this boot.
        stages: all stages, in their order.

    Returns:
        The outcome of the stages that were run: ready, degraded, failed or skipped.

    Raises:
        OSError: report or marker cannot be written.
    """
    begun = time.monotonic()
    files = ReportFiles(host.root)
    files.close_gate()
    head = Head(boot_id(host.root), _invocation_id(host), _now())
    if not scope.inside:
        journal.send(out_of_scope_record(scope.reason))
        _finish(files, head, SKIPPED, _all_skipped(stages, config, scope.reason))
        return SKIPPED
    earlier = files.earlier(head.boot_id)
    reports = {stage.NAME: _carried(earlier.get(stage.NAME), stage, config) for stage in stages}
    selected = [stage for stage in stages if not names or stage.NAME in names]
    journal.send(started_record([stage.NAME for stage in selected]))
    for stage in selected:
        files.write(head, RUNNING, reports, stage=stage.NAME)
        reports[stage.NAME] = run_stage(stage, host, config)
        for record in stage_records(reports[stage.NAME]):
            journal.send(record)
    outcome = run_outcome(reports)
    _finish(files, head, outcome, reports)
    journal.send(finished_record(outcome, reports, _usec(begun)))
    return run_outcome({stage.NAME: reports[stage.NAME] for stage in selected})


def _finish(
    files: ReportFiles, head: Head, outcome: str, reports: Mapping[str, StageReport]
) -> None:
    """Write the report and then, last of all, the marker."""
    finished = _now()
    files.write(head, outcome, reports, finished)
    if outcome != FAILED:
        files.open_gate(head, outcome, reports, finished)


def run_stage(stage: Stage, host: Host, config: Config) -> StageReport:
    """Bring one stage's part of the node in order, and say what became of it; never raises."""
    mode = config.modes[stage.NAME]
    if mode == "off":
        return StageReport(stage.NAME, mode, OFF)
    begun = time.monotonic()
    host.begin(Deadline(f"stage {stage.NAME}", stage.DEADLINE))
    try:
        changes, left = _converge(stage, host, config)
    except Exception as error:
        changes, left = (), Plan(problems=(_failure(stage, error),))
    finally:
        host.begin(None)
    return StageReport(
        stage.NAME,
        mode,
        _outcome(mode, changes, left),
        changes,
        left.problems,
        (left.skipped, *left.notes) if left.skipped else left.notes,
        _usec(begun),
    )


def dry_run(host: Host, config: Config, names: Sequence[str] = ()) -> dict[str, Plan]:
    """The plan of each stage; changes nothing."""
    plans = {}
    for stage in STAGES:
        if names and stage.NAME not in names:
            continue
        if config.modes[stage.NAME] == "off":
            plans[stage.NAME] = Plan(skipped="switched off by the configuration")
            continue
        host.begin(Deadline(f"stage {stage.NAME}", stage.DEADLINE))
        try:
            plans[stage.NAME] = stage.plan(stage.read(host, config), config)
        except Exception as error:
            plans[stage.NAME] = Plan(problems=(_failure(stage, error),))
        finally:
            host.begin(None)
    return plans


def _converge(stage: Stage, host: Host, config: Config) -> tuple[tuple[Change, ...], Plan]:
    """Plan and apply until nothing is left; return what was changed, and what is left."""
    done: dict[str, Change] = {}
    why: dict[str, str] = {}
    plan = stage.plan(stage.read(host, config), config)
    for _ in range(_ROUNDS):
        if not plan.changes:
            break
        for change in plan.changes:
            done.setdefault(change.target, change)
            try:
                stage.apply(change, host)
            except NodefixError as error:
                why[change.target] = error.message
        plan = stage.plan(stage.read(host, config), config)
    undone = {change.target for change in plan.changes}
    # The change is there, and something about it went wrong all the same.
    notes = tuple(f"{target}: {said}" for target, said in why.items() if target not in undone)
    problems = tuple(unmet(change, why.get(change.target, "")) for change in plan.changes)
    changes = tuple(change for target, change in done.items() if target not in undone)
    return changes, plan._replace(
        changes=(), problems=plan.problems + problems, notes=plan.notes + notes
    )


def _failure(stage: Stage, error: Exception) -> Problem:
    if isinstance(error, NodefixError):
        return Problem(error.message, error.hint)
    # A defect of nodefix, or a system as nobody imagined it: the later stages must still run.
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown place"
    return Problem(
        f"stage {stage.NAME} met what it was not made for: {type(error).__name__}: {error}"
        f" at {place}",
        f"report this line; until then set `stages: {{{stage.NAME}: wanted}}` in"
        " /etc/nodefix/nodefix.yaml and do the stage's work by hand",
    )


def _outcome(mode: str, changes: tuple[Change, ...], left: Plan) -> str:
    if left.problems:
        held = mode == "required" and any(problem.required for problem in left.problems)
        return FAILED if held else DEGRADED
    if left.skipped:
        return SKIPPED
    return CHANGED if changes else UNCHANGED


def _all_skipped(stages: Sequence[Stage], config: Config, reason: str) -> dict[str, StageReport]:
    return {
        stage.NAME: StageReport(stage.NAME, config.modes[stage.NAME], SKIPPED, notes=(reason,))
        for stage in stages
    }


def _carried(earlier: StageReport | None, stage: Stage, config: Config) -> StageReport:
    """What an earlier run of this boot says of a stage, under the settings as they are now."""
    mode = config.modes[stage.NAME]
    if mode == "off":
        return StageReport(stage.NAME, mode, OFF)
    if earlier is None or earlier.outcome == OFF:
        return StageReport(stage.NAME, mode, NOT_RUN)
    if earlier.problems:
        outcome = _outcome(mode, earlier.changes, Plan(problems=earlier.problems))
        return earlier._replace(mode=mode, outcome=outcome)
    return earlier._replace(mode=mode)


def _invocation_id(host: Host) -> str:
    try:
        return host.systemd.invocation_id()
    except BusError:
        return ""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _usec(begun: float) -> int:
    return round((time.monotonic() - begun) * 1_000_000)
