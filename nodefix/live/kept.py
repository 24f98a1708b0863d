"""A restart that is still due, kept for the next run of this boot, however this one ends."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.host.reading import read_file
from nodefix.host.writing import make_folder, write_atomic
from nodefix.shape import an, items, parsed
from nodefix.words import RESTART_DUE


class Kept(NamedTuple):
    """Why a restart is due, and the containers that must not be the ones that run; empty if none.

    Attributes:
        reason: in words.
        containers: ids of those that were there when it became due.
    """

    reason: str = ""
    containers: tuple[str, ...] = ()


def recall(root: Path) -> Kept:
    """What an earlier run left; nothing where that cannot be read."""
    try:
        found = parsed(read_file(root / RESTART_DUE))
        ids = tuple(an(str, one) for one in items(found["containers"]))
        return Kept(an(str, found["reason"]), ids)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Kept()


def keep(root: Path, reason: str, containers: Sequence[str]) -> None:
    """Write it down, if that can be done: the restart itself is worth more."""
    content = {"reason": reason, "containers": list(containers)}
    path = root / RESTART_DUE
    with contextlib.suppress(OSError):
        make_folder(path.parent)
        write_atomic(path, json.dumps(content).encode() + b"\n")


def forget(root: Path) -> None:
    """Nothing is due any more."""
    with contextlib.suppress(OSError):
        (root / RESTART_DUE).unlink(missing_ok=True)
