"""What is to be changed and what is wrong, as data. Nothing here touches the host."""

from __future__ import annotations

from typing import Any, NamedTuple


class Change(NamedTuple):
    """One thing that is not as it should be and that nodefix can put right.

    Attributes:
        target: what is to be changed, in words.
        found: its state now.
        wanted: its state afterwards.
        hint: what to type when making it did not help; never just the command that was tried.
        action: what the stage's apply() works from; the stage's own type.
        required: whether kubelet has to be held when the change cannot be made.
        each_boot: whether each boot begins like this, so that making it is no repair.
    """

    target: str
    found: str
    wanted: str
    hint: str
    action: Any
    required: bool = True
    each_boot: bool = False


class Problem(NamedTuple):
    """One thing that is wrong and that nodefix does not change by itself."""

    message: str
    hint: str
    required: bool = True


class Plan(NamedTuple):
    """A stage's verdict on the facts; all empty on a node that is as it should be.

    Attributes:
        changes: in the order in which they are to be made.
        problems: what changes cannot mend.
        skipped: the reason why the stage does not apply to this node; empty if it does.
        notes: what a reader of the journal should know though nothing is wrong.
    """

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: str = ""
    notes: tuple[str, ...] = ()


def unmet(change: Change, why: str = "", hint: str = "") -> Problem:
    """Turn a change that is still due after apply into a problem.

    Args:
        change: what is still due.
        why: the tool's own word.
        hint: the remedy of what went wrong, where that is known.
    """
    detail = f" ({why})" if why else ""
    return Problem(
        f"{change.target}: found {change.found}, expected {change.wanted}{detail}",
        hint or change.hint,
        change.required,
    )
