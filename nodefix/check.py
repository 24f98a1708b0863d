"""What `nodefix check` finds, as data and in words. Nothing here touches the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nodefix.advice.finding import Advice, Unknown
from nodefix.plan import Change, Plan, Problem
from nodefix.text import bounded
from nodefix.words import EXIT_ADVICE, EXIT_DONE, EXIT_FAILED, EXIT_UNKNOWN

# What a stage, or the node as a whole, is.
FINE, DIFFERS, WRONG, UNKNOWN = "fine", "differs", "wrong", "unknown"
NOT_CHECKED, ADVICE = "skipped", "advice"

_WORDS = {
    FINE: "as it should be",
    DIFFERS: "differs",
    WRONG: "wrong",
    UNKNOWN: "could not be told",
}
# Codes of problems that say that something is not known, by their last word.
_UNKNOWN_CODES = ("-unknown", "-unread", "-unclear", "-untried")
# How the kernel and the packet filter's programs refuse an ordinary user.
_DENIED = ("permission denied", "operation not permitted", "must be root", "not permitted")
AS_ROOT = "sudo nodefix check"

# Characters of one text, and items of one list, as in the report.
_TEXT, _ITEMS = 4000, 50


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
    if problem.code.endswith(_UNKNOWN_CODES):
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


def as_json(checked: Checked) -> dict[str, object]:
    """The form for programs."""
    return {
        "status": checked.status,
        "exit_status": checked.exit_status,
        "notes": _texts(checked.notes),
        "stages": [_stage_as_json(stage) for stage in checked.stages],
        "kube_proxy": checked.kube_proxy._asdict() if checked.kube_proxy else None,
        "problems": [_problem_as_json(problem) for problem in checked.problems],
        "advice": [
            {key: bounded(getattr(one, key), _TEXT) for key in ("code", "message", "why", "hint")}
            for one in checked.advice
        ],
        "unknown": [
            {
                "about": list(one.about),
                "message": bounded(one.message, _TEXT),
                "hint": bounded(one.hint, _TEXT),
            }
            for one in checked.unknown
        ],
    }


def _stage_as_json(stage: StageCheck) -> dict[str, object]:
    return {
        "stage": stage.stage,
        "status": stage.status,
        "changes": [
            {
                "target": bounded(change.target, _TEXT),
                "found": bounded(change.found, _TEXT),
                "wanted": bounded(change.wanted, _TEXT),
                "hint": stage.hint,
                "code": change.code,
            }
            for change in stage.changes[:_ITEMS]
        ],
        "problems": [_problem_as_json(problem) for problem in stage.problems[:_ITEMS]],
        "notes": _texts(stage.notes),
    }


def _problem_as_json(problem: Problem) -> dict[str, object]:
    return {
        "message": bounded(problem.message, _TEXT),
        "hint": bounded(problem.hint, _TEXT),
        "required": problem.required,
        "code": problem.code,
    }


def _texts(texts: Iterable[str]) -> list[str]:
    return [bounded(text, _TEXT) for text in texts]


def in_words(checked: Checked) -> str:
    """The form for people."""
    lines = list(checked.notes)
    for stage in checked.stages:
        lines += _stage_in_words(stage)
    if checked.kube_proxy:
        lines += _kube_proxy_in_words(checked.kube_proxy)
    for problem in checked.problems:
        lines += _item(problem.message, problem.hint)
    if checked.advice:
        lines += ["", "advice, on what nodefix does not change:"]
        for one in checked.advice:
            lines += _item(f"{one.code}: {one.message}", one.hint, one.why)
    if checked.unknown:
        lines += ["", "could not be told:"]
        for gap in checked.unknown:
            lines += _item(f"{_subjects(gap)}: {gap.message}", gap.hint)
    return "\n".join([*lines, "", _last_line(checked)])


def _stage_in_words(stage: StageCheck) -> list[str]:
    if stage.status == NOT_CHECKED:
        return [f"{stage.stage}: skipped: {'; '.join(_texts(stage.notes))}"]
    lines = [f"{stage.stage}: {_WORDS[stage.status]}"]
    for change in stage.changes[:_ITEMS]:
        found, wanted = bounded(change.found, _TEXT), bounded(change.wanted, _TEXT)
        lines.append(f"  {bounded(change.target, _TEXT)}: found {found}, expected {wanted}")
    lines += _more(stage.changes)
    if stage.changes:
        lines.append(f"    fix: {stage.hint}")
    for problem in stage.problems[:_ITEMS]:
        lines += _item(problem.message, problem.hint)
    lines += _more(stage.problems)
    return lines + [f"  note: {note}" for note in _texts(stage.notes)]


def _more(found: Sequence[object]) -> list[str]:
    return [f"  {len(found) - _ITEMS} more are not shown"] if len(found) > _ITEMS else []


def _kube_proxy_in_words(found: KubeProxyCheck) -> list[str]:
    if found.note:
        return [f"kube-proxy: {found.note}"]
    state = "runs" if found.running else "does not run"
    times = f"{found.restarts} time{'s' * (found.restarts > 1)}"
    again = f", started anew {times}" if found.restarts else ""
    lines = [f"kube-proxy: {state}; {found.pod}, container of {found.since}{again}"]
    if found.error:
        lines.append(f"  last error of its log: {found.error}")
    if found.explained:
        lines.append(f"    that is: {found.explained}")
    return lines


def _subjects(gap: Unknown) -> str:
    return ", ".join(name.replace("_", " ") for name in gap.about)


def _item(message: str, hint: str, why: str = "") -> list[str]:
    lines = [f"  {bounded(message, _TEXT)}"]
    lines += [f"    why: {why}"] if why else []
    return lines + ([f"    fix: {bounded(hint, _TEXT)}"] if hint else [])


def _last_line(checked: Checked) -> str:
    by_status: Mapping[str, list[str]] = {
        status: [stage.stage for stage in checked.stages if stage.status == status]
        for status in (WRONG, DIFFERS)
    }
    parts = [f"{status}: {', '.join(names)}" for status, names in by_status.items() if names]
    if checked.problems:
        parts.append(f"{len(checked.problems)} more wrong")
    if checked.advice:
        parts.append(f"{len(checked.advice)} of advice")
    if checked.unknown:
        parts.append(f"{len(checked.unknown)} could not be told")
    return "; ".join(parts) if parts else "this node is as it should be"
