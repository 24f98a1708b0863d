"""Blocks of a page that stand between two marks: each is written anew, and nothing beside it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple


class Form(NamedTuple):
    """How one language writes a block.

    Attributes:
        block: matches a marked block, with the groups `name` and `text`.
        write: text as this language has it.
        read: the reverse.
    """

    block: re.Pattern[str]
    write: Callable[[str], str]
    read: Callable[[str], str]


def rewrite(file: Path, form: Form, name: str, written: str, text: str) -> None:
    """Put text into the first block of that name that has `written` in it, as its language has it.

    Raises:
        ValueError: there is no such block.
    """
    content = file.read_text()
    for found in form.block.finditer(content):
        if (found["name"], found["text"]) == (name, written):
            start, end = found.span("text")
            put(file, content[:start] + form.write(text) + content[end:])
            return
    raise ValueError(f"{file}: found no block `{name}` as it was read, expected one")


def put(file: Path, content: str) -> None:
    """Write a file beside its place and rename it: it is never half of one."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(content)
        if file.exists():
            shutil.copymode(file, beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], figures: Sequence[str] = ()) -> str:
    """A table in Markdown; the columns named in `figures` keep to the right."""
    ruler = ["---:" if name in figures else "---" for name in head]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in (head, *cells)]
    return "\n".join((lines[0], f"|{'|'.join(ruler)}|", *lines[1:])) + "\n"
