"""What `nodefix check` prints, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nodefix.advice.finding import Unknown
from nodefix.check import (
    DIFFERS,
    FINE,
    NOT_CHECKED,
    UNKNOWN,
    WRONG,
    Checked,
    KubeProxyCheck,
    StageCheck,
)
from nodefix.plan import Problem
from nodefix.text import bounded

_WORDS = {
    FINE: "as it should be",
    DIFFERS: "differs",
    WRONG: "wrong",
    UNKNOWN: "could not be told",
}
# Characters of one text, and items of one list, as in the report.
_TEXT, _ITEMS = 4000, 50


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
