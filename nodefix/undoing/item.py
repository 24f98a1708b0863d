"""One thing that a rollback looks at, and what came of it."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.words import ALREADY, FAILED, KEPT, LEFT, RESTORED


class Item(NamedTuple):
    """One line or path.

    Attributes:
        target: what it is: a path, or a file with a line's number.
        outcome: `restored`; `already` as it was; `left`, since somebody has changed it since;
            `kept` until the next boot, since it is used; or `failed`. Of a dry run `restored` is
            what would be.
        found: what is there, in words.
        was: what stood there before nodefix changed it, in words.
        why: for `left`, `kept` and `failed`, the reason.
        hint: for these, what to type or to look at.
    """

    target: str
    outcome: str
    found: str
    was: str
    why: str = ""
    hint: str = ""


def worst(items: tuple[Item, ...]) -> str:
    """The outcome of several: the one that somebody has to look at."""
    outcomes = {item.outcome for item in items}
    return next((one for one in (FAILED, LEFT, RESTORED, KEPT) if one in outcomes), ALREADY)
