"""Yes, no, or cannot tell: what could not be read is never taken for a no."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """An answer to a question about the node.

    Attributes:
        value: True, False, or None where it cannot be told.
        where: what it was found in; for None what could not be read, and why.
        hint: for None the command that shows or mends it; empty where there is none.
    """

    value: bool | None
    where: str = ""
    hint: str = ""
