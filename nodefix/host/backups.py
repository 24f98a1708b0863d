"""Copies of a file as it was before it is changed, few and never written over."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from nodefix.host.reading import read_file
from nodefix.host.writing import make_folder, write_atomic
from nodefix.text import compact_stamp

# The first one, which is the file as it was before nodefix, and the newest ones.
MOST = 10


def keep(content: bytes, folder: Path, name: str) -> None:
    """Keep a copy, unless the newest one is the same; of more than MOST the oldest but one goes.

    Args:
        content: what is to be kept.
        folder: where; made if it is not there.
        name: what the copies are called, before the time that ends their names.

    Raises:
        OSError: it could not be kept; says where.
    """
    make_folder(folder, 0o700)
    there = _copies(folder, name)
    if there and _has(there[-1], content):
        return
    write_atomic(folder / _next_name(name, there), content, mode=0o600)
    for old in there[1 : max(1, len(there) + 2 - MOST)]:
        # One copy too many does no harm.
        with contextlib.suppress(OSError):
            old.unlink()


def _has(path: Path, content: bytes) -> bool:
    try:
        return read_file(path) == content
    except OSError:
        return False


def _copies(folder: Path, name: str) -> list[Path]:
    """The copies, oldest first."""
    found = []
    for path in folder.iterdir():
        stamp = re.fullmatch(rf"{re.escape(name)}-(\d{{8}}T\d{{6}}Z)(?:\.(\d{{1,9}}))?", path.name)
        if stamp and path.is_file():
            found.append(((stamp[1], int(stamp[2] or 0)), path))
    return [path for _, path in sorted(found)]


def _next_name(name: str, there: list[Path]) -> str:
    """A name that sorts after all others, even when the clock was set back."""
    now = f"{name}-{compact_stamp()}"
    newest, _, number = there[-1].name.partition(".") if there else ("", "", "")
    return now if now > newest else f"{newest}.{int(number or 0) + 1}"
