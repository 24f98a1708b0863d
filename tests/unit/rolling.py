"""What the tests of a rollback share: a tree in all that belongs to it, and a rollback of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakehost import Node

from nodefix.undo import UndoLog
from nodefix.undoing.entries import Reverted, Unreadable, revert
from nodefix.undoing.item import Item
from nodefix.undoing.tree import Tree
from nodefix.words import STAGE_NAMES

# Of nodefix's own, of Debian's log, of what a kernel shows.
_OTHERS = ("var/lib/nodefix", "var/log/alternatives.log", "proc", "run/xtables.lock")

Everything = dict[str, tuple[int, int, int, bytes, dict[str, bytes]]]


def everything(node: Node) -> Everything:
    """Path to mode, user, group, content or target, extended attributes; links are not followed."""
    found: Everything = {}
    for place in sorted(node.root.rglob("*")):
        name = str(place.relative_to(node.root))
        if name.startswith(_OTHERS):
            continue
        status = place.lstat()
        if stat.S_ISLNK(status.st_mode):
            content = os.fsencode(os.readlink(place))  # noqa: PTH115
        else:
            content = place.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        names = os.listxattr(place, follow_symlinks=False)
        attributes = {one: os.getxattr(place, one, follow_symlinks=False) for one in names}
        found[name] = (status.st_mode, status.st_uid, status.st_gid, content, attributes)
    return found


def names(node: Node, folder: str) -> list[str]:
    """What is in a folder."""
    return sorted(place.name for place in node.host.path(folder).iterdir())


def attribute(place: Path, value: bytes) -> None:
    """Give a file an extended attribute, where its file system has some."""
    try:
        os.setxattr(place, "user.site", value)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise


def back(
    node: Node, *stages: str, dry_run: bool = False, log: UndoLog | None = None
) -> list[Reverted | Unreadable]:
    """Roll a node back as the command does."""
    tree = Tree(node.host, dry_run=dry_run)
    return revert(log or UndoLog(node.root), stages or STAGE_NAMES, tree, dry_run=dry_run)


def items(found: list[Reverted | Unreadable]) -> list[Item]:
    """All items of a rollback."""
    return [item for one in found if isinstance(one, Reverted) for item in one.items]


def outcomes(found: list[Reverted | Unreadable]) -> dict[str, str]:
    """Target to outcome."""
    return {item.target: item.outcome for item in items(found)}


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Node, str], None]:
    """Let a folder of a node be on a file system that is read-only; none if it is empty."""
    real = os.access

    def have(node: Node, folder: str) -> None:
        place = node.host.path(folder) if folder else None

        def access(path: Path, mode: int) -> bool:
            return path != place and real(path, mode)

        monkeypatch.setattr(os, "access", access)
        status = SimpleNamespace(f_flag=os.ST_RDONLY)
        monkeypatch.setattr(os, "statvfs", lambda path: status)

    return have
