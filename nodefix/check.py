"""What `nodefix check` finds, as data. Nothing here touches the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nodefix.advice.finding import Advice, Unknown
from nodefix.codes import is_unclear
from nodefix.plan import Change, Plan, Problem
from nodefix.words import EXIT_ADVICE, EXIT_DONE, EXIT_FAILED, EXIT_UNKNOWN

# What a stage, or the node as a whole, is.
FINE, DIFFERS, WRONG, UNKNOWN = "fine", "differs", "wrong", "unknown"
NOT_CHECKED, ADVICE = "skipped", "advice"

# How the kernel and the packet filter's programs refuse an ordinary user.
_DENIED = ("permission denied", "operation not permitted", "must be root", "not permitted")
AS_ROOT = "sudo nodefix check"


class StageCheck(NamedTuple):
    """One stage.

    Attributes:
        stage: its name.
        status: FINE, DIFFERS, WRONG, UNKNOWN or NOT_CHECKED.
        changes: what differs, which a run would change.
        problems: what is wrong, which a run cannot change.
        notes: remarks; the reason where it does not apply.
    """

    stage: str
    status: str
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """What puts right what differs."""
        return f"nodefix run --stage {self.stage}"


class KubeProxyCheck(NamedTuple):
    """This node's kube-proxy.

    Attributes:
        running: whether its newest container runs; None where there is none or it is not known.
        pod: its name.
        since: when that container was made, ISO 8601 in UTC.
        restarts: how often kubelet has started it anew in this pod.
        error: the last error of its log, with the time that the log has for it.
        explained: what that means; empty where it is not known.
        note: why there is nothing to tell.
    """

    running: bool | None
    pod: str = ""
    since: str = ""
    restarts: int = 0
    error: str = ""
    explained: str = ""
    note: str = ""


class Checked(NamedTuple):
    """All of it.

    Attributes:
        stages: in their order.
        kube_proxy: None where it was not looked at.
        problems: what is wrong and belongs to no stage.
        advice: what an admin should know.
        unknown: what could not be told.
        notes: about the node as a whole.
    """

    stages: tuple[StageCheck, ...]
    kube_proxy: KubeProxyCheck | None = None
    problems: tuple[Problem, ...] = ()
    advice: tuple[Advice, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """WRONG, DIFFERS, UNKNOWN, ADVICE or FINE: what is known to be wrong comes first."""
        statuses = [stage.status for stage in self.stages]
        if WRONG in statuses or self.problems:
            return WRONG
        if DIFFERS in statuses:
            return DIFFERS
        if UNKNOWN in statuses or self.unknown:
            return UNKNOWN
        return ADVICE if self.advice else FINE

    @property
    def exit_status(self) -> int:
        """The command's."""
        return {
            FINE: EXIT_DONE,
            WRONG: EXIT_FAILED,
            DIFFERS: EXIT_FAILED,
            ADVICE: EXIT_ADVICE,
            UNKNOWN: EXIT_UNKNOWN,
        }[self.status]


def judge(stage: str, plan: Plan, is_root: bool) -> tuple[StageCheck, tuple[Unknown, ...]]:
    """What a stage's plan says of the node, and what of it could not be told.

    Args:
        stage: its name.
        plan: its plan for the node as it is.
        is_root: whether root read the facts; an ordinary user is refused much that is in order.
    """
    unknown = tuple(
        Unknown((stage,), said.message, said.hint if is_root else AS_ROOT)
        for said in plan.problems
        if _is_unknown(said, is_root)
    )
    problems = tuple(said for said in plan.problems if not _is_unknown(said, is_root))
    if plan.changes or problems:
        status = WRONG if problems else DIFFERS
    elif unknown:
        status = UNKNOWN
    else:
        status = NOT_CHECKED if plan.skipped else FINE
    notes = (plan.skipped, *plan.notes) if plan.skipped else plan.notes
    return StageCheck(stage, status, plan.changes, problems, notes), unknown


def _is_unknown(problem: Problem, is_root: bool) -> bool:
    if is_unclear(problem.code):
        return True
    if is_root:
        return False
    said = problem.message.lower()
    return problem.code == "stage-error" or any(word in said for word in _DENIED)


def merged(unknown: Iterable[Unknown]) -> tuple[Unknown, ...]:
    """Each cause once, with all that it keeps from being told."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in unknown:
        found.setdefault((one.message, one.hint), []).extend(one.about)
    return tuple(
        Unknown(tuple(dict.fromkeys(about)), message, hint)
        for (message, hint), about in found.items()
    )


def without_told(advice: Sequence[Advice], stages: Sequence[StageCheck]) -> tuple[Advice, ...]:
    """The advice without what a stage has told already."""
    said = "\n".join(
        text
        for stage in stages
        for texts in (
            *((problem.message, problem.hint) for problem in stage.problems),
            *((change.found, change.hint) for change in stage.changes),
        )
        for text in texts
    )
    return tuple(one for one in advice if not one.told_by or one.told_by not in said)
