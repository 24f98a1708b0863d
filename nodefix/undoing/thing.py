"""What is at a path, and what an entry says of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodefix.facts.standing import Standing
from nodefix.text import one_line


class Thing(NamedTuple):
    """What is at a path; of one that an entry tells of, None for what it does not tell.

    Attributes:
        kind: as of facts.standing.Standing: `absent`, `link`, `file`, `directory`, …, `unknown`.
        target: of a link, as it is stored.
        content: of a file, where it was asked for.
        mode: its permission bits; None for a link, which has none.
        owner: user id and group id.
        attributes: of a file, its extended attributes.
        stamp: size and time, by which something that was moved is recognised.
        why: for `unknown`, the error.
    """

    kind: str
    target: str | None = None
    content: bytes | None = None
    mode: int | None = None
    owner: tuple[int, int] | None = None
    attributes: Mapping[str, bytes] | None = None
    stamp: tuple[int, int] | None = None
    why: str = ""


ABSENT = Thing("absent")


def thing_of(found: Standing, content: bytes | None = None) -> Thing:
    """What was read."""
    match found.kind:
        case "absent" | "unknown":
            return Thing(found.kind, why=found.why)
        case "link":
            return Thing("link", found.target, owner=(found.uid, found.gid))
        case kind:
            owner, stamp = (found.uid, found.gid), (found.size, found.mtime_ns)
            return Thing(kind, None, content, found.mode, owner, found.attributes, stamp)


def fits(told: Thing, found: Thing) -> bool:
    """Whether what is there is what was told."""
    pairs = zip(told[:-1], found[:-1], strict=True)
    return all(one is None or one == other for one, other in pairs)


def in_words(thing: Thing) -> str:
    """What it is, on one short line."""
    match thing.kind:
        case "absent":
            return "nothing"
        case "link":
            return f"a link to {one_line(thing.target or '', 200)}"
        case kind:
            mode = "" if thing.mode is None else f", mode {thing.mode:04o}"
            owner = "" if thing.owner is None else f", owner {thing.owner[0]}:{thing.owner[1]}"
            size = "" if thing.content is None else f" of {len(thing.content)} bytes"
            return f"a {kind}{size}{mode}{owner}"
