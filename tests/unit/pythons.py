"""The Pythons of this machine, beside the one that runs the tests."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import pytest

Version = tuple[int, int]

# Where Pythons beside the system's are put: by hand, by pyenv, by uv.
_PLACES = (
    "/usr/local/bin",
    "/opt/*/bin",
    "~/.pyenv/versions/*/bin",
    "~/.local/share/uv/python/*/bin",
)
_ASK = "import sys; print(*sys.version_info[:2], sys.executable)"


@functools.cache
def pythons() -> dict[Version, Path]:
    """Version to interpreter, of those that run; a test that calls it starts programs."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    for place in _PLACES:
        pattern = Path(place).expanduser().relative_to("/")
        folders += sorted(Path("/").glob(str(pattern)))
    found: dict[Version, Path] = {}
    for file in (file for folder in folders for file in sorted(folder.glob("python3.[0-9]*"))):
        if file.suffix[1:].isdecimal() and (answer := _ask(file)):
            version, path = answer
            found.setdefault(version, path)
    return found


def python(version: Version) -> Path:
    """An interpreter of this version; without one the test is skipped, and that is said."""
    if version not in pythons():
        names = ", ".join(f"{a}.{b}" for a, b in sorted(pythons()))
        wanted = ".".join(map(str, version))
        pytest.skip(f"no Python {wanted} on PATH, in {', '.join(_PLACES)}; found {names}")
    return pythons()[version]


def _ask(file: Path) -> tuple[Version, Path] | None:
    # One that a version manager has put there may only say which versions it could run.
    argv = [str(file), "-I", "-c", _ASK]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    words = done.stdout.split(maxsplit=2)
    if done.returncode or len(words) != 3:
        return None
    return (int(words[0]), int(words[1])), Path(words[2].strip())
