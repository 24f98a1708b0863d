"""What an adviser says."""

from __future__ import annotations

from typing import NamedTuple


class Advice(NamedTuple):
    """One thing that nodefix does not change and that an admin should know.

    Attributes:
        code: what it is, the same in every version.
        message: what was found and what was expected.
        why: what becomes of it, in one sentence.
        hint: what to type.
        told_by: a word by which a stage's own problem of the same cause is known; where a stage
            has told it, the advice is left out. Empty where no stage looks at it.
    """

    code: str
    message: str
    why: str
    hint: str
    told_by: str = ""


class Unknown(NamedTuple):
    """Something that could not be told.

    Attributes:
        about: what: stages and advisers, by name.
        message: what could not be read, and why.
        hint: the command that shows or mends that; empty where there is none.
    """

    about: tuple[str, ...]
    message: str
    hint: str = ""


class Advised(NamedTuple):
    """What all advisers say."""

    advice: tuple[Advice, ...] = ()
    unknown: tuple[Unknown, ...] = ()
