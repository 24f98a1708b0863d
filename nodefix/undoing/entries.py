"""The entries of what was changed are reverted, newest first, each as far as it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.plan import Undo
from nodefix.undo import UNDONE, Entry, UndoLog
from nodefix.undoing import alternatives, fstab, places
from nodefix.undoing.item import Item, worst
from nodefix.undoing.tree import Tree
from nodefix.words import ALREADY, LEFT, RESTORED

_Reverted = Callable[[Tree], Iterator[Item]]


class Reverted(NamedTuple):
    """What came of one entry.

    Attributes:
        entry: the entry.
        items: what it is about, each with what came of it.
        note: why it could not be marked as undone; empty if it could, or is not to be.
    """

    entry: Entry
    items: tuple[Item, ...]
    note: str = ""

    @property
    def outcome(self) -> str:
        """The worst of its items'."""
        return worst(self.items)


class Unreadable(NamedTuple):
    """An entry that is left since it cannot be read: its file, and why."""

    file: str
    why: str


def _places(undo: Undo) -> _Reverted:
    told = places.places_of(undo)
    return lambda tree: places.put_back(told, tree)


def _fstab(undo: Undo) -> _Reverted:
    told = fstab.lines_of(undo)
    return lambda tree: fstab.put_back(told, tree)


def _alternatives(undo: Undo) -> _Reverted:
    told = alternatives.group_of(undo)
    return lambda tree: alternatives.undo_group(told, tree)


# The kinds of changes that last, by the stages' own words; each raises KeyError, TypeError or
# ValueError on an entry of another shape.
KINDS: Mapping[str, Callable[[Undo], _Reverted]] = {
    "fstab": _fstab,
    "unit-masked": _places,
    "unit-disabled": _places,
    "tmpfiles-entry": _places,
    "alternatives": _alternatives,
}


def revert(
    log: UndoLog, stages: Sequence[str], tree: Tree, *, dry_run: bool
) -> list[Reverted | Unreadable]:
    """Revert what the stages changed, newest first.

    Args:
        log: the entries.
        stages: whose; those that cannot be read are told whoever's they are.
        tree: the node's files.
        dry_run: whether no entry is to be marked.

    Raises:
        OSError: the entries cannot be listed.
    """
    found: list[Reverted | Unreadable] = []
    for entry in log.entries():
        if isinstance(entry, Path):
            found.append(Unreadable(str(entry), "it is damaged, or of another version's form"))
        elif entry.stage in stages and entry.state != UNDONE:
            found.append(_reverted(entry, tree))
    # A folder that an entry made may be empty only after an older one is reverted.
    found = [_once_more(one, tree) for one in found]
    return found if dry_run else [_marked(one, log) for one in found]


def _reverted(entry: Entry, tree: Tree) -> Reverted | Unreadable:
    file = f"{entry.number:04}.json"
    kind = KINDS.get(entry.undo.kind)
    if kind is None:
        return Unreadable(file, f"found the kind {entry.undo.kind!r}, which is another version's")
    try:
        doing = kind(entry.undo)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return Unreadable(file, f"it has not the form of its kind {entry.undo.kind}: {error!r}")
    return Reverted(entry, tuple(doing(tree)))


def _once_more(one: Reverted | Unreadable, tree: Tree) -> Reverted | Unreadable:
    if isinstance(one, Unreadable) or one.outcome != LEFT:
        return one
    again = _reverted(one.entry, tree)
    assert isinstance(again, Reverted)
    before = {item.target: item for item in one.items}
    merged = tuple(
        before[item.target]
        if item.outcome == ALREADY and before[item.target].outcome == RESTORED
        else item
        for item in again.items
    )
    return one._replace(items=merged)


def _marked(one: Reverted | Unreadable, log: UndoLog) -> Reverted | Unreadable:
    if isinstance(one, Unreadable) or one.outcome not in (RESTORED, ALREADY):
        return one
    try:
        log.revert(one.entry.number)
    except OSError as error:
        return one._replace(note=f"this could not be written down: {error.strerror}")
    return one
