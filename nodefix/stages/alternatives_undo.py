"""The undo of a group's repair: what exists at each path that its commands change, and afterwards.

`was` has under `places` each path that the commands may change, with what exists there (of the
state file its bytes), and under `moved` what they move out of the way, in this order. `became` has
what they leave at these paths, and the registration in the new state file, whose bytes the program
decides on. A folder that they make is removed again only when it is empty.
Sources: addService(), makeLinks() and removeLinks() of
https://github.com/fedora-sysv/chkconfig/blob/1.33/alternatives.c; update-alternatives(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodefix.facts.alternatives import (
    BIN,
    LINKS,
    NFT_PROGRAM,
    Group,
    Registry,
    candidate,
    saved_name,
    touched,
)
from nodefix.facts.alternatives_state import Candidate, Entry
from nodefix.facts.standing import Standing
from nodefix.plan import Undo
from nodefix.shape import Json
from nodefix.undo import text

_KIND = "alternatives"

Place = dict[str, Json]
_ABSENT: Place = {"kind": "absent"}


class Outcome(NamedTuple):
    """The result of a group's commands.

    Attributes:
        automatic: whether automatic mode is chosen.
        nft: the registration of the nft variant.
        registers: whether the commands register it.
    """

    automatic: bool
    nft: Candidate
    registers: bool


def undo_of(registry: Registry, group: Group, outcome: Outcome) -> Undo:
    """The undo of a group's repair."""
    entry = registry.entries[group.leader]
    links = _links_after(entry, group, outcome)
    was = {path: place(registry.standing[path]) for path in touched(registry, group)}
    if entry.state != "absent":
        was[entry.file]["content"] = text(entry.content)
    moved = _moved(registry, group)
    for source, target in moved:
        was[source] = place(registry.standing[source], exact=True)
        was.setdefault(target, _ABSENT)
    became: dict[str, Place] = {
        **{path: {"kind": "directory"} for path in registry.folders if path in was},
        **_nft_names(registry, group),
        **_links(registry, group, outcome, links),
        **{target: was[source] for source, target in moved},
    }
    registration: Place = {
        "automatic": outcome.automatic,
        "link": f"{BIN}/{group.leader}",
        "links": {**links},
        "candidates": {
            path: {"priority": one.priority, "followers": {**one.followers}}
            for path, one in _candidates(entry, group, outcome).items()
        },
    }
    return Undo(
        _KIND,
        {"state": entry.file, "places": {**was}, "moved": [[*pair] for pair in moved]},
        {"registration": registration, "places": {**became}},
    )


def place(standing: Standing, *, exact: bool = False) -> Place:
    """What exists at a path, as JSON.

    Args:
        standing: what was read.
        exact: whether to add size and time, by which something that was moved is recognised.
    """
    match standing.kind:
        case "absent":
            return dict(_ABSENT)
        case "link":
            owner: Place = {"uid": standing.uid, "gid": standing.gid}
            return {"kind": "link", "target": standing.target, **owner}
        case kind:
            found: Place = {
                "kind": kind,
                "mode": standing.mode,
                "uid": standing.uid,
                "gid": standing.gid,
                "attributes": {name: text(value) for name, value in standing.attributes.items()},
            }
            if exact:
                found |= {"size": standing.size, "mtime_ns": standing.mtime_ns}
            return found


def _moved(registry: Registry, group: Group) -> list[tuple[str, str]]:
    """What is moved out of the way, each after an older one of that name."""
    moved = []
    for name in (group.leader, *group.followers):
        middle = registry.middles[name]
        if middle.kind not in ("link", "absent"):
            saved = saved_name(middle.path)
            if saved in registry.backups:
                moved.append((saved, registry.backups[saved]))
            moved.append((middle.path, saved))
    return moved


def _candidates(entry: Entry, group: Group, outcome: Outcome) -> dict[str, Candidate]:
    return {**entry.candidates, candidate(group.leader): outcome.nft}


def _links_after(entry: Entry, group: Group, outcome: Outcome) -> dict[str, str]:
    """The path of each follower's link, by name."""
    if not outcome.registers:
        return {**entry.links}
    links = {**entry.links, **{name: f"{BIN}/{name}" for name in group.followers}}
    if candidate(group.leader) not in entry.candidates:
        return links
    # At a new registration the program removes the followers that no candidate has.
    brought = {
        name for one in _candidates(entry, group, outcome).values() for name in one.followers
    }
    return {name: link for name, link in links.items() if name in brought}


def _nft_names(registry: Registry, group: Group) -> dict[str, Place]:
    links = (registry.candidates[name] for name in (group.leader, *group.followers))
    return {
        link.path: _kept(registry, link.path) if link.kind != "absent" else _link(NFT_PROGRAM)
        for link in links
    }


def _links(
    registry: Registry, group: Group, outcome: Outcome, links: Mapping[str, str]
) -> dict[str, Place]:
    """The links of each command; the program leaves alone what is not a link in BIN."""
    entry = registry.entries[group.leader]
    known = {**entry.links, group.leader: entry.link or f"{BIN}/{group.leader}"}
    after = {**links, group.leader: f"{BIN}/{group.leader}"}
    targets = {**outcome.nft.followers, group.leader: candidate(group.leader)}
    places: dict[str, Place] = {}
    for name, link in {**known, **after}.items():
        middle = f"{LINKS}/{name}"
        # Its link at the path of the old registration.
        places[known.get(name, link)] = _gone(registry, known.get(name, link))
        if name in targets and name in after:
            places[link] = _link(middle) if _may_be_link(registry, link) else _kept(registry, link)
            places[middle] = _link(targets[name])
        else:
            places[link], places[middle] = _gone(registry, link), _gone(registry, middle)
    return places


def _link(target: str) -> Place:
    return {"kind": "link", "target": target}


def _kept(registry: Registry, path: str) -> Place:
    return place(registry.standing[path])


def _may_be_link(registry: Registry, path: str) -> bool:
    return registry.standing[path].kind in ("link", "absent")


def _gone(registry: Registry, path: str) -> Place:
    return _ABSENT if _may_be_link(registry, path) else _kept(registry, path)
