"""What is to be changed and what is wrong, as data. Nothing here touches the host."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.shape import JsonObject


class Undo(NamedTuple):
    """What stood where a change was made, enough to put it back byte by byte.

    Attributes:
        kind: what was changed; the stage's own word.
        was: what stood there, as JSON has it; bytes as text by surrogateescape.
        became: what the change left there, by which it is seen that nobody has changed it since.
    """

    kind: str
    was: JsonObject
    became: JsonObject


class Done(NamedTuple):
    """One change that was made; the attributes are Change's."""

    target: str
    found: str
    wanted: str
    each_boot: bool = False


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
        undo: what stood there, where the change lasts; None where nothing of it outlives the boot.
        code: what kind of problem it is when the change cannot be made; a key of codes.CODES.
        carried: where the change lasts, the command by which an image is built that has it already;
            empty where it is the machine's own.
    """

    target: str
    found: str
    wanted: str
    hint: str
    action: object
    required: bool = True
    each_boot: bool = False
    undo: Undo | None = None
    code: str = ""
    carried: str = ""

    @property
    def done(self) -> Done:
        """The change as what was made."""
        return Done(self.target, self.found, self.wanted, self.each_boot)


class Problem(NamedTuple):
    """One thing that is wrong and that nodefix does not change by itself.

    Attributes:
        message: what was found and what was expected.
        hint: what to type.
        required: whether it holds kubelet.
        code: what kind of problem it is; a key of codes.CODES, the same in every version.
    """

    message: str
    hint: str
    required: bool = True
    code: str = ""


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
        change.code,
    )
