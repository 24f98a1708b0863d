"""A restart that is still due, kept for the next run of this boot, however this one ends."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.facts.kubeproxy_pod import KubeProxyFacts
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


def is_gone(root: Path) -> bool:
    """Whether nothing is written down: whoever meets a need takes it away."""
    return not os.path.lexists(root / RESTART_DUE)


def keep(root: Path, reason: str, containers: Sequence[str]) -> bool:
    """Write it down; whether that could be done: the restart itself is worth more."""
    content = {"reason": reason, "containers": list(containers)}
    path = root / RESTART_DUE
    try:
        make_folder(path.parent)
        write_atomic(path, json.dumps(content).encode() + b"\n")
    except OSError:
        return False
    return True


def forget(root: Path, one: Kept | None = None) -> None:
    """Nothing is due any more; if one is given, unless another run has found one due since."""
    if one is not None and recall(root) != one:
        return
    with contextlib.suppress(OSError):
        (root / RESTART_DUE).unlink(missing_ok=True)


def is_another(proxy: KubeProxyFacts, before: Sequence[str]) -> bool:
    """Whether a container runs that is none of those before, where these are known."""
    running = {one.id for one in proxy.containers or () if one.runs}
    return bool(before) and bool(running - set(before))
