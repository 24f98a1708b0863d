"""Links, files and folders are put back, each where it still is what nodefix left there."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from nodefix.plan import Undo
from nodefix.shape import JsonObject, an, items, mapping
from nodefix.undo import content_of
from nodefix.undoing.item import Item
from nodefix.undoing.thing import ABSENT, Thing, fits, in_words
from nodefix.undoing.tree import Refusal, Tree, is_path
from nodefix.words import ALREADY, FAILED, LEFT, RESTORED


class Place(NamedTuple):
    """One path that was changed.

    Attributes:
        path: the path.
        was: what stood there.
        became: what nodefix left there, in words.
        is_ours: whether a thing is what nodefix left there.
    """

    path: str
    was: Thing
    became: str
    is_ours: Callable[[Thing], bool]


def place_of(path: str, was: Thing, became: Thing) -> Place:
    """A place of which it is told what it became.

    Raises:
        ValueError: that is no path.
    """
    if not is_path(path):
        raise ValueError(f"found {path!r}, expected an absolute path")
    return Place(path, was, in_words(became), lambda found: fits(became, found))


def places_of(undo: Undo) -> tuple[Place, ...]:
    """The places that an entry about a unit or about tmpfiles.d tells of.

    Raises:
        KeyError, TypeError, ValueError: it does not have the shape of one.
    """
    if undo.was.keys() != undo.became.keys():
        raise ValueError("`was` and `became` are about different paths")
    return tuple(
        place_of(path, _thing(undo.was[path]), _thing(undo.became[path])) for path in undo.was
    )


def _thing(told: object) -> Thing:
    if told is None:
        return ABSENT
    found = mapping(told)
    if "link" in found:
        return Thing("link", os.fsdecode(content_of(found, "link")), owner=_owner(found))
    if "folder" in found:
        return Thing("directory", mode=_mode(found, "folder"), owner=_owner(found))
    content, mode = content_of(found, "file"), _mode(found, "mode")
    return Thing("file", None, content, mode, _owner(found))


def _mode(found: JsonObject, key: str) -> int:
    return int(an(str, found[key]), 8)


def _owner(found: JsonObject) -> tuple[int, int] | None:
    if "owner" not in found:
        return None
    uid, gid = items(found["owner"])
    return an(int, uid), an(int, gid)


def put_back(places: Sequence[Place], tree: Tree) -> Iterator[Item]:
    """Put folders back first, the upper one before the lower; take them away last, the lower first.

    A folder that is taken away is empty by then, or it is left. Where one place cannot be changed,
    on a file system that is read-only for example, all stay: half of it would be worse.
    """
    no = refusal(places, tree)
    for place in sorted(places, key=_order):
        yield refused(place, tree, no) if no else put_one(place, tree)


def refusal(places: Iterable[Place], tree: Tree) -> Refusal | None:
    """Why one of those that are to be put back cannot be changed; None if each can."""
    for place in places:
        found = tree.look(place.path)
        if not fits(place.was, found) and place.is_ours(found):
            no = tree.refusal(place.path)
            if no:
                return no
    return None


def refused(place: Place, tree: Tree, no: Refusal) -> Item:
    """One that stays, since another of its entry cannot be put back."""
    found = tree.look(place.path)
    if fits(place.was, found):
        return _item(place, ALREADY, found)
    return _item(place, FAILED, found, no.why)._replace(hint=no.hint)


def _order(place: Place) -> tuple[int, int]:
    depth = place.path.count("/")
    if place.was.kind == "absent":
        return (2, -depth)
    return (0 if place.was.kind == "directory" else 1, depth)


def put_one(place: Place, tree: Tree) -> Item:
    """Put one back, if it still is what nodefix left."""
    path, was = place.path, place.was
    try:
        tree.sweep(path)
        found = tree.look(path)
        if fits(was, found):
            return _item(place, ALREADY, found)
        if found.kind == "unknown":
            return _item(place, FAILED, found, f"it cannot be examined: {found.why}")
        if why := _in_the_way(place, found, tree):
            return _item(place, LEFT, found, why)
        tree.put(path, was, found)
        again = tree.look(path)
        if not fits(was, again):
            return _item(place, FAILED, again, "that is not what was just put there")
    except OSError as error:
        return _item(place, FAILED, tree.look(path), error.strerror or str(error))
    return _item(place, RESTORED, found)


def _in_the_way(place: Place, found: Thing, tree: Tree) -> str:
    """Why it is not put back; empty if it is."""
    if not place.is_ours(found):
        return f"nodefix left {place.became} there, and it was changed since"
    if not tree.has_parent(place.path):
        return "the folder in which it was is gone"
    if found.kind == "directory" and (names := tree.names(place.path)):
        return f"there is something in it: {', '.join(names[:3])}"
    if place.was.kind == "file" and place.was.content is None:
        return "its content is not known"
    if place.was.kind not in ("absent", "link", "file", "directory"):
        return "that cannot be made again"
    return ""


def _item(place: Place, outcome: str, found: Thing, why: str = "") -> Item:
    hint = _hint(place, outcome) if why else ""
    return Item(place.path, outcome, in_words(found), in_words(place.was), why, hint)


def _hint(place: Place, outcome: str) -> str:
    path = shlex.quote(place.path)
    folder = shlex.quote(place.path.rpartition("/")[0] or "/")
    if outcome == FAILED:
        return f"ls -ldZ {path} {folder}; lsattr -d {folder}; findmnt -T {folder}; df -h {folder}"
    target = place.was.target or ""
    if place.was.kind == "link" and target.isprintable() and target.isascii():
        link = f"ln -s --backup=numbered --no-target-directory {shlex.quote(target)} {path}"
        return f"mkdir -p {folder} && {link}"
    return f"ls -ldZ {path} {folder}"
