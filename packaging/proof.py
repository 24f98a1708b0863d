"""The page of what nodefix promises, measured: tests/PROOF.md.

A block of it is marked with the command that writes it, and nobody else does:

    <!-- written by tests/bench/run -->
    | what | measured | …
    <!-- end -->
"""

from __future__ import annotations

import re
from pathlib import Path

import marked

TOP = Path(__file__).resolve().parents[1]
PAGE = TOP / "tests/PROOF.md"

SPEED = "tests/bench/run"
FAULTS = "tests/run --long tests/faults"
SAFETY = "tests/safety/run"

FORM = marked.Form(
    re.compile(r"(?ms)^<!-- written by (?P<name>[^\n]+?) -->\n(?P<text>.*?)^<!-- end -->$"),
    str,
    str,
)


def block(command: str) -> str:
    """What stands in a command's block.

    Raises:
        ValueError: the page has none of it.
    """
    for found in FORM.block.finditer(PAGE.read_text()):
        if found["name"] == command:
            return found["text"]
    raise ValueError(f"{PAGE}: found no block of `{command}`, expected one")


def write(command: str, text: str) -> None:
    """Write a command's block anew."""
    marked.rewrite(PAGE, FORM, command, block(command), text)


def is_written(command: str) -> bool:
    """Whether a command has ever run to its end: before that its block says so in words."""
    return block(command) != f"Not measured yet: `{command}` writes it.\n"
