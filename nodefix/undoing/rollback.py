"""A rollback as a whole: chains, then what lasts, then systemd's own view of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.host.node import Host
from nodefix.undo import UndoLog
from nodefix.undoing.chains import take_away
from nodefix.undoing.entries import Reverted, Unreadable, revert
from nodefix.undoing.item import Item, worst
from nodefix.undoing.tree import Tree
from nodefix.words import FAILED, RESTORED

# Seconds, for programs and the bus.
_SECONDS = 150.0
# Kinds of changes that systemd has to be told of: it makes units of fstab's lines, too.
_UNITS = ("fstab", "unit-masked", "unit-disabled")


class Rolled(NamedTuple):
    """What came of a rollback.

    Attributes:
        entries: each change that lasts, newest first.
        chains: what was made in this boot only.
        notes: what a reader should know besides.
    """

    entries: tuple[Reverted | Unreadable, ...] = ()
    chains: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """All that was looked at."""
        reverted = [one for one in self.entries if isinstance(one, Reverted)]
        return (*self.chains, *(item for one in reverted for item in one.items))

    @property
    def outcome(self) -> str:
        """The worst of them."""
        if any(isinstance(one, Unreadable) for one in self.entries):
            return FAILED
        return worst(self.items)


def roll_back(host: Host, stages: Sequence[str], *, dry_run: bool) -> Rolled:
    """Put back what these stages changed.

    Args:
        host: the node.
        stages: their names.
        dry_run: change nothing.

    Raises:
        OSError: the entries cannot be listed.
    """
    with host.limit(Deadline("the rollback", _SECONDS)):
        # First: their program may be gone once the links are back as they were.
        chains = tuple(take_away(host, dry_run=dry_run)) if "chains" in stages else ()
        tree = Tree(host, dry_run=dry_run)
        entries = tuple(revert(UndoLog(host.root), stages, tree, dry_run=dry_run))
        notes = (*_reload(host, entries, dry_run=dry_run), *_notes(entries, stages))
        return Rolled(entries, chains, notes)


def _reload(
    host: Host, entries: Sequence[Reverted | Unreadable], *, dry_run: bool
) -> tuple[str, ...]:
    if dry_run or not _restored(entries, _UNITS):
        return ()
    try:
        host.systemd.reload()
    except NodefixError as error:
        why = f"systemd has not reloaded its units: {error.message}"
        return (f"{why}; until the next boot: systemctl daemon-reload",)
    return ()


def _restored(entries: Sequence[Reverted | Unreadable], kinds: Sequence[str]) -> bool:
    return any(
        isinstance(one, Reverted)
        and one.entry.undo.kind in kinds
        and any(item.outcome == RESTORED for item in one.items)
        for one in entries
    )


def _notes(entries: Sequence[Reverted | Unreadable], stages: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if _restored(entries, _UNITS):
        notes.append("swap that was turned off stays off until the next boot, or: swapon --all")
    if "modules" in stages:
        notes.append("kernel modules that were loaded stay until the next boot")
    if "lockfile" in stages:
        notes.append("/run/xtables.lock stays until the next boot")
    return tuple(notes)
