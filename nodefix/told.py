"""The same text in full once, then on one line: kubelet is tried again every ten seconds."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

from nodefix.host.reading import read_file
from nodefix.host.writing import write_atomic
from nodefix.text import one_line

# Seconds after which it is told in full again, for whoever reads the last hour only.
_AGAIN_SECONDS = 3600
_LINE = 300

# Figures that differ from try to try though the problem is the same.
_FIGURES = re.compile(r"\d[\d.]*(?= (?:[KMG]i?B|seconds|s)\b)")


def essence(text: str) -> str:
    """What stays the same of a text while its cause does."""
    return _FIGURES.sub("#", text)


def briefly(file: Path, text: str, whole: str) -> str:
    """The text as it is, or one line where it was told in the same words before.

    Args:
        file: where the last text is kept.
        text: one line or several.
        whole: the command that tells all of it.
    """
    with contextlib.suppress(OSError):
        age = time.time() - file.stat().st_mtime
        if 0 <= age < _AGAIN_SECONDS and read_file(file) == _bytes(text):
            return _in_a_line(text, whole)
    # Whoever may not write there is told in full.
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomic(file, _bytes(text), 0o600)
    return text


def _bytes(text: str) -> bytes:
    return essence(text).encode("utf-8", "backslashreplace")


def _in_a_line(text: str, whole: str) -> str:
    head, *rest = text.splitlines()
    first = one_line(rest[0], _LINE) if rest else ""
    return f"{one_line(head, _LINE)}, as before: {first} (all of it: {whole})"
