"""The repair of a group of alternatives is undone: its links and its state file, as they were.

Not by the program: it would write what it thinks right. What a repair moved out of its way comes
back first, the last one first. stages/alternatives_undo.py says what an entry holds.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.facts.alternatives_state import entry_of
from nodefix.plan import Undo
from nodefix.shape import JsonObject, an, items, mapping
from nodefix.undo import content_of
from nodefix.undoing.item import Item
from nodefix.undoing.places import Place, place_of, put_back, refusal, refused
from nodefix.undoing.thing import ABSENT, Thing, fits, in_words
from nodefix.undoing.tree import Refusal, Tree, is_path
from nodefix.words import ALREADY, FAILED, LEFT, RESTORED


class Moved(NamedTuple):
    """One thing that was moved out of the way.

    Attributes:
        thing: what it is, with size and time.
        source: where it stood.
        target: where it was moved to.
        became: what has stood in its place since.
    """

    thing: Thing
    source: str
    target: str
    became: Thing


class Group(NamedTuple):
    """What an entry tells of.

    Attributes:
        moved: in the order in which they were moved.
        places: all other paths.
        state: the one of these that is the program's state file.
    """

    moved: tuple[Moved, ...]
    places: tuple[Place, ...]
    state: str


def group_of(undo: Undo) -> Group:
    """What an entry tells of.

    Raises:
        KeyError, TypeError, ValueError: it does not have the shape of one about alternatives.
    """
    was, became = _things(undo.was), _things(undo.became)
    state, registration = an(str, undo.was["state"]), mapping(undo.became["registration"])
    moved = []
    for pair in items(undo.was["moved"]):
        source, target = (an(str, path) for path in items(pair))
        if not (is_path(source) and is_path(target)):
            raise ValueError(f"found {source!r} and {target!r}, expected absolute paths")
        moved.append(Moved(was[source], source, target, became.get(source, ABSENT)))
    others = was.keys() - {path for one in moved for path in (one.source, one.target)}
    places = [
        _state(path, was[path], registration)
        if path == state
        else place_of(path, was[path], became.get(path, was[path]))
        for path in was
        if path in others
    ]
    return Group(tuple(moved), tuple(places), state)


def _things(found: JsonObject) -> dict[str, Thing]:
    return {path: _thing(mapping(told)) for path, told in mapping(found["places"]).items()}


def _thing(told: JsonObject) -> Thing:
    kind = an(str, told["kind"])
    owner = (an(int, told["uid"]), an(int, told["gid"])) if "uid" in told else None
    if kind == "absent":
        return ABSENT
    if kind == "link":
        return Thing(kind, os.fsdecode(content_of(told, "target")), owner=owner)
    return Thing(
        kind,
        content=content_of(told, "content") if "content" in told else None,
        mode=an(int, told["mode"]) if "mode" in told else None,
        owner=owner,
        attributes=_attributes(mapping(told["attributes"])) if "attributes" in told else None,
        stamp=(an(int, told["size"]), an(int, told["mtime_ns"])) if "size" in told else None,
    )


def _attributes(told: JsonObject) -> Mapping[str, bytes]:
    return {name: content_of(told, name) for name in told}


def _state(path: str, was: Thing, registration: JsonObject) -> Place:
    """The state file: the program decides on its bytes, so what they register is compared."""

    def is_ours(found: Thing) -> bool:
        return found.content is not None and _registered(path, found.content) == registration

    became = "a state file in which the nft variant is registered"
    return place_of(path, was, ABSENT)._replace(became=became, is_ours=is_ours)


def _registered(path: str, content: bytes) -> JsonObject:
    entry = entry_of(path, content)
    return {
        "automatic": entry.automatic,
        "link": entry.link,
        "links": {**entry.links},
        "candidates": {
            name: {"priority": one.priority, "followers": {**one.followers}}
            for name, one in entry.candidates.items()
        },
    }


def undo_group(group: Group, tree: Tree) -> Iterator[Item]:
    """Put a group back; the state file last, and only where its links did not fail.

    As far as it can be seen before, all of it or nothing: a state file that tells of other links
    than there are leads the program astray.
    """
    if no := _refusal(group, tree):
        for one in reversed(group.moved):
            yield _refused(one, tree, no)
        yield from (refused(place, tree, no) for place in group.places)
        return
    late = [place for place in group.places if f"{group.state}/".startswith(f"{place.path}/")]
    done = [_back(one, tree) for one in reversed(group.moved)]
    done += put_back([place for place in group.places if place not in late], tree)
    yield from done
    if lost := next((item for item in done if item.outcome == FAILED), None):
        no = Refusal(f"{lost.target} could not be restored: both belong together", lost.hint)
        yield from (refused(place, tree, no) for place in late)
    else:
        yield from put_back(late, tree)


def _refusal(group: Group, tree: Tree) -> Refusal | None:
    """Why one of its places cannot be changed; None if each can."""
    for one in group.moved:
        if not fits(one.thing, tree.look(one.source)) and fits(one.thing, tree.look(one.target)):
            no = tree.refusal(one.source) or tree.refusal(one.target)
            if no:
                return no
    return refusal(group.places, tree)


def _refused(one: Moved, tree: Tree, no: Refusal) -> Item:
    there = tree.look(one.source)
    if fits(one.thing, there):
        return _item(one, ALREADY, there)
    return _item(one, FAILED, there, no.why)._replace(hint=no.hint)


def _back(one: Moved, tree: Tree) -> Item:
    """Move a thing back, if it and what stands in its place are as nodefix left them."""
    source, target = tree.look(one.source), tree.look(one.target)
    if fits(one.thing, source):
        return _item(one, ALREADY, source)
    if "unknown" in (source.kind, target.kind):
        return _item(one, FAILED, source, f"it cannot be examined: {source.why or target.why}")
    if not fits(one.thing, target):
        return _item(one, LEFT, source, f"it was moved to {one.target} and was changed there since")
    # Nothing: an earlier rollback was killed, or what stood there was moved back before this.
    if source != ABSENT and not fits(one.became, source):
        why = f"nodefix left {in_words(one.became)} there, and it was changed since"
        return _item(one, LEFT, source, why)
    try:
        tree.move(one.target, one.source)
    except OSError as error:
        return _item(one, FAILED, tree.look(one.source), error.strerror or str(error))
    if not fits(one.thing, tree.look(one.source)):
        return _item(one, FAILED, tree.look(one.source), "that is not what was just moved there")
    return _item(one, RESTORED, source)


def _item(one: Moved, outcome: str, found: Thing, why: str = "") -> Item:
    hint = f"ls -ldZ {shlex.quote(one.source)} {shlex.quote(one.target)}" if why else ""
    was = f"{in_words(one.thing)}, which is {one.target} now"
    return Item(one.source, outcome, in_words(found), was, why, hint)
