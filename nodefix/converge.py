"""One stage: read, plan, apply, read again; and what it came to, however it ended."""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import NamedTuple

from nodefix.config import Config
from nodefix.deadline import Deadline
from nodefix.errors import (
    NO_ROOM,
    BusError,
    DeadlineError,
    NodefixError,
    UnclearError,
    limit_of,
)
from nodefix.host.image import read_image
from nodefix.host.node import Host
from nodefix.image_mode import Image, in_image, kept_by
from nodefix.plan import Change, Done, Plan, Problem, unmet
from nodefix.report import StageReport
from nodefix.stages import Stage
from nodefix.undo import UndoLog
from nodefix.words import CHANGED, DEGRADED, FAILED, PREPARED, REQUIRED, SKIP, SKIPPED, UNCHANGED

# A second round mends what another program changed between reading and applying.
_ROUNDS = 2
# Seconds for a last look at the node where a stage was aborted after it had changed something.
_LAST_LOOK_SECONDS = 10.0


# Why a stage is skipped that the settings leave out.
BY_SETTING = "the setting `stages` says so"

_NOTHING = Plan()

# The second is Python's own where its C code does not notice the first.
_NO_MEMORY = (MemoryError, SystemError)
# What these tell of is not known to be wrong: it could not be told in time, or at all.
_UNCLEAR = (UnclearError, DeadlineError, BusError, *_NO_MEMORY)


class Refusal(NamedTuple):
    """Why something could not be done, and what to do about it."""

    message: str
    hint: str = ""


class _Work:
    """What was tried so far, so that it is told however the stage ends."""

    def __init__(self, undo: UndoLog, image: Image | None) -> None:
        self._undo = undo
        self._image = image
        self._written: dict[str, int] = {}
        self.tried: dict[str, Change] = {}
        self.refused: dict[str, Refusal] = {}

    def apply(self, stage: Stage, plan: Plan, host: Host, deadline: Deadline) -> None:
        for change in plan.changes:
            if deadline.is_over:
                return
            # Before it is made: it may be half made when the stage is aborted.
            self.tried.setdefault(change.target, change)
            self.refused.pop(change.target, None)
            try:
                if change.undo:
                    self._written[change.target] = self._undo.begin(stage.NAME, change)
                stage.apply(change, host)
            except Exception as error:
                self.refused[change.target] = explained(stage, error)

    def verdict(self, plan: Plan) -> tuple[tuple[Done, ...], Plan]:
        """What was changed, and what is left, by a plan that was made after all of it."""
        undone = {change.target for change in plan.changes}
        none = Refusal("")
        problems = tuple(
            unmet(change, *self.refused.get(change.target, none)) for change in plan.changes
        )
        # The change is there, and something about it went wrong all the same.
        notes = tuple(
            f"{target}: {said.message}"
            + (f"; fix: {in_image(said.hint, self._image)}" if said.hint else "")
            for target, said in self.refused.items()
            if target not in undone
        )
        made = [change for target, change in self.tried.items() if target not in undone]
        for target in self._written.keys() - undone:
            # Without it the entry stays one of a change that was begun.
            with contextlib.suppress(OSError):
                self._undo.confirm(self._written[target])
        if self._image:
            notes += tuple(kept_by(one.target, one.carried) for one in made if one.undo)
        return tuple(change.done for change in made), plan._replace(
            changes=(), problems=plan.problems + problems, notes=plan.notes + notes
        )

    def unverified(self) -> tuple[tuple[Done, ...], Plan]:
        """The same where the node could not be read again."""
        changes = tuple(
            change.done for target, change in self.tried.items() if target not in self.refused
        )
        problems = tuple(unmet(self.tried[target], *said) for target, said in self.refused.items())
        notes = ("what was changed could not be read again to see whether it is there",)
        return changes, Plan(problems=problems, notes=notes if changes else ())


def run_stage(
    stage: Stage, host: Host, config: Config, is_first: bool = True, more: Plan = _NOTHING
) -> StageReport:
    """Bring one stage's part of the node in order, and say what became of it; never raises.

    Args:
        stage: the stage.
        host: the node.
        config: the settings.
        is_first: whether the stage has not come through in this boot: what it makes then may be
            what every boot begins without.
        more: problems and notes that it tells besides its own.
    """
    mode = config.modes[stage.NAME]
    if mode == SKIP:
        return StageReport(stage.NAME, mode, SKIPPED, notes=(BY_SETTING,))
    begun = time.monotonic()
    image = read_image(host.root)
    changes, left = _converge(stage, host, config, image)
    left = _on_this_node(_joined(left, more), image)
    return StageReport(
        stage.NAME,
        mode,
        outcome_of(mode, changes, left, is_first),
        changes,
        left.problems,
        (left.skipped, *left.notes) if left.skipped else left.notes,
        round((time.monotonic() - begun) * 1_000_000),
    ).bounded()


def plan_stage(stage: Stage, host: Host, config: Config, more: Plan = _NOTHING) -> Plan:
    """A stage's plan for the node as it is; changes nothing, loads nothing and never raises."""
    host = host._replace(may_load=False)
    if config.modes[stage.NAME] == SKIP:
        return Plan(skipped=BY_SETTING)
    with host.limit(Deadline(f"stage {stage.NAME}", stage.DEADLINE)):
        try:
            plan = stage.plan(stage.read(host, config), config)
        except Exception as error:
            plan = Plan(problems=(_why_no_plan(stage, error),))
    return _on_this_node(_joined(plan, more), read_image(host.root))


def _joined(plan: Plan, more: Plan) -> Plan:
    """A plan with problems and notes that are not the stage's own; these come first."""
    return plan._replace(
        problems=(*plan.problems, *more.problems), notes=(*more.notes, *plan.notes)
    )


def _on_this_node(plan: Plan, image: Image | None) -> Plan:
    """The plan with remedies that help on this node; stages write them for a node of packages."""
    return plan._replace(
        changes=tuple(one._replace(hint=in_image(one.hint, image)) for one in plan.changes),
        problems=tuple(one._replace(hint=in_image(one.hint, image)) for one in plan.problems),
    )


def _converge(
    stage: Stage, host: Host, config: Config, image: Image | None
) -> tuple[tuple[Done, ...], Plan]:
    """Plan and apply until nothing is left; return what was changed, and what is left."""
    work = _Work(UndoLog(host.root), image)
    deadline = Deadline(f"stage {stage.NAME}", stage.DEADLINE)
    try:
        with host.limit(deadline):
            plan = stage.plan(stage.read(host, config), config)
            for _ in range(_ROUNDS):
                if not plan.changes:
                    break
                work.apply(stage, plan, host, deadline)
                plan = stage.plan(stage.read(host, config), config)
    except Exception as error:
        return _aborted(stage, host, config, work, _why_no_plan(stage, error))
    return work.verdict(plan)


def _aborted(
    stage: Stage, host: Host, config: Config, work: _Work, problem: Problem
) -> tuple[tuple[Done, ...], Plan]:
    """Look at the node once more, if something was changed, and say why there was no more."""
    if not work.tried:
        return (), Plan(problems=(problem,))
    try:
        with host.limit(Deadline(f"a last look by stage {stage.NAME}", _LAST_LOOK_SECONDS)):
            changes, left = work.verdict(stage.plan(stage.read(host, config), config))
    except Exception:
        changes, left = work.unverified()
        return changes, left._replace(problems=(*left.problems, problem))
    if left.problems:
        return changes, left._replace(problems=(*left.problems, problem))
    # All is there in the end.
    return changes, left._replace(notes=(*left.notes, problem.message))


def _why_no_plan(stage: Stage, error: Exception) -> Problem:
    """Why the node could not be judged.

    Unknown is not "no": what could not be read, and a defect of nodefix itself, degrade. Only what
    is known to be wrong holds kubelet.
    """
    message, hint = explained(stage, error)
    if isinstance(error, _UNCLEAR) or (isinstance(error, OSError) and error.strerror):
        return Problem(message, hint, required=False, code="stage-unclear")
    if isinstance(error, NodefixError):
        return Problem(message, hint, required=True, code="stage-error")
    return Problem(message, hint, required=False, code="nodefix-defect")


def explained(stage: Stage, error: Exception) -> Refusal:
    """An exception in words, with its remedy."""
    if isinstance(error, NodefixError):
        return Refusal(error.message, error.hint)
    if isinstance(error, OSError) and (limit := limit_of(error)):
        where = error.filename or f"stage {stage.NAME}"
        return Refusal(f"{where}: {error.strerror}", limit)
    if isinstance(error, OSError) and isinstance(error.filename, str) and error.strerror:
        words = f"{error.filename}: cannot be looked at: {error.strerror}"
        return Refusal(words, f"ls -ldZ {shlex.quote(error.filename)}; journalctl -k -n 30")
    if isinstance(error, _NO_MEMORY):
        return Refusal(f"stage {stage.NAME}: found no memory left to go on with", NO_ROOM)
    # A defect of nodefix, or a system as nobody imagined it: the later stages must still run.
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "unknown place"
    return Refusal(
        f"stage {stage.NAME} hit an unexpected error: {type(error).__name__}: {error} at {place};"
        " this is a defect of nodefix, please report it with the output of:",
        f"journalctl -b -o verbose -u nodefix NODEFIX_STAGE={stage.NAME}",
    )


def outcome_of(mode: str, changes: tuple[Done, ...], left: Plan, is_first: bool = False) -> str:
    """A stage's outcome by its mode, by what was changed and by what is left."""
    if left.problems:
        held = mode == REQUIRED and any(problem.required for problem in left.problems)
        return FAILED if held else DEGRADED
    if left.skipped:
        return SKIPPED
    if not changes:
        return UNCHANGED
    return PREPARED if is_first and all(change.each_boot for change in changes) else CHANGED
