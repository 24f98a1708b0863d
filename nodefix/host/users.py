"""Who it was."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from nodefix.host.reading import read_file

# proc_pid_loginuid(5): of a process that nobody has logged in for.
_NOBODY = 0xFFFFFFFF


def who(root: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The name of the person behind this process: whoever logged in, else whom sudo names."""
    try:
        uid = int(read_file(root / "proc/self/loginuid"))
    except (OSError, ValueError):
        uid = _NOBODY
    if uid == _NOBODY:
        return environ.get("SUDO_USER") or _name(os.getuid())
    return _name(uid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"
