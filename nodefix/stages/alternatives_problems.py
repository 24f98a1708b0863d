"""What the alternatives stage does not mend by itself, and what to type instead.

`alternatives` says little of what it cannot do: a file in a link's place it leaves alone and exits
with 0, and on a state file without a candidate it crashes. So each case is told beforehand.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from nodefix.facts.alternatives import (
    BIN,
    LINKS,
    AlternativesFacts,
    Flavour,
    Group,
    Registry,
    Version,
    is_nft,
)
from nodefix.facts.alternatives_links import Folder, Link
from nodefix.facts.alternatives_state import Entry
from nodefix.facts.packages import ALTERNATIVES, IPTABLES, LIBRARIES, bring_back
from nodefix.facts.remedies import AGAIN, library
from nodefix.plan import Problem

_AGAIN = f" && {AGAIN}"


def aside(path: str, to: str = "") -> tuple[str, ...]:
    """Move something out of the way; what is there already is kept under a number."""
    return (
        "/usr/bin/mv",
        "--backup=numbered",
        "--no-target-directory",
        path,
        to or f"{path}.saved",
    )


def typed_aside(path: str) -> str:
    """The same for a state file, as a person would type it.

    Not beside it, since the program takes every file there for a state.
    """
    name = path.rsplit("/", 1)[-1]
    return _typed(path, f"/root/alternatives-{name}.saved")


def _typed(path: str, to: str = "") -> str:
    _, *words = aside(path, to)
    return shlex.join(("mv", *words))


def wrong_version(facts: AlternativesFacts) -> tuple[Problem, ...]:
    """The links are right, but what they end at does not do its work."""
    return tuple(
        _wrong_version(facts.links[name], version)
        for name, version in facts.versions.items()
        if "(nf_tables)" not in version.words or version.state != "said"
    )


def _wrong_version(link: Link, version: Version) -> Problem:
    message = (
        f"{link.path} -V: found {version.words[:300] or 'nothing'!r}, expected a version with"
        f" (nf_tables), since the link ends at {link.end}"
    )
    match version.state:
        case "silent":
            # A slow disk is no wrong program: told, but not held against the node.
            return Problem(message, "journalctl -k -b -p warning", required=False)
        case "failed":
            both = f"dnf reinstall {IPTABLES} {LIBRARIES}{_AGAIN}"
            return Problem(message, library(version.words) or both)
        case _:
            return Problem(message, f"dnf reinstall {IPTABLES}{_AGAIN}")


def shadowed(facts: AlternativesFacts) -> tuple[Problem, ...]:
    """Not required: kube-proxy brings its own iptables, and this one may be meant."""
    return unreadable(facts.shadows, required=False) + tuple(
        Problem(
            f"{link.path}: found it before {BIN} in PATH, ending at {link.end}, expected nothing"
            " there, since kubelet's and the network plugins' calls go to it",
            _typed(link.path),
            required=False,
        )
        for link in facts.shadows
        if link.kind != "unknown"
    )


def unreadable(places: Iterable[Link | Folder], *, required: bool = True) -> tuple[Problem, ...]:
    """What it is nobody can tell, so it is not changed; required where it is in a repair's way."""
    return tuple(
        Problem(
            f"{place.path}: could not be read ({place.why}), expected to tell what it is;"
            " nothing was changed",
            _look(place.path),
            required,
        )
        for place in places
        if place.kind == "unknown"
    )


def not_installed(registry: Registry) -> tuple[Problem, ...]:
    """The -nft names do not lead to the program, or it is missing.

    A name that is missing beside the program is no problem: the stage makes the link.
    """
    wrong = [link for link in registry.candidates.values() if not is_nft(link)]
    if wrong and not registry.program.end:
        wrong = [registry.program]
    return tuple(
        Problem(
            f"{link.path}: found {_found(link)}, expected iptables' nft program",
            _look(link.path) if link.kind == "unknown" else bring_back(IPTABLES, registry.packages),
        )
        for link in wrong
        if link.kind != "absent" or link is registry.program
    )


def no_program(registry: Registry) -> Problem:
    """Neither distribution's program is there."""
    message = "found neither alternatives nor update-alternatives, expected one of them"
    return Problem(message, bring_back(ALTERNATIVES, registry.packages))


def _look(path: str) -> str:
    return f"ls -ld {path}; journalctl -k -b -p warning"


def _found(link: Link) -> str:
    match link.kind:
        case "absent":
            return "nothing"
        case "unknown":
            return f"what could not be read ({link.why})"
        case "link":
            return f"a link to {link.end or 'nothing'}"
        case kind:
            return f"a {kind}"


def blocked(
    links: list[Link], flavour: Flavour, registry: Registry, group: Group
) -> tuple[Problem, ...]:
    """What stands in the way of mending a group whose links are not all right."""
    names = (group.leader, *group.followers)
    middles = [registry.middles[name] for name in names]
    problems = [*unreadable(links), *unreadable(middles), *unreadable(registry.folders.values())]
    problems += _displaced(links, registry)
    for folder in registry.folders.values():
        if folder.path != BIN or _writes_to_bin(links, registry, names):
            problems += _no_room(folder, ostree=registry.ostree)
    problems += _state(registry.entries[group.leader], flavour, group)
    if group.leader in registry.unfinished:
        file = registry.entries[group.leader].file + flavour.unfinished
        message = (
            f"{file}: found what a run of alternatives left that was killed, expected nothing,"
            " since alternatives refuses every change while it is there"
        )
        problems.append(Problem(message, typed_aside(file) + _AGAIN))
    return tuple(problems)


def _displaced(links: list[Link], registry: Registry) -> list[Problem]:
    """What stands where the program makes its links and keeps its files."""
    commands = [
        Problem(
            f"{link.path}: found a {link.kind} where alternatives' link belongs, expected a link;"
            " alternatives leaves it alone and still exits with 0",
            _typed(link.path) + _AGAIN,
        )
        for link in links
        if link.kind not in ("link", "absent", "unknown") and not is_nft(link)
    ]
    folders = [
        Problem(
            f"{folder.path}: found a {folder.kind}, expected alternatives' folder",
            _typed(folder.path) + _AGAIN,
        )
        for folder in registry.folders.values()
        if folder.kind not in ("directory", "absent", "unknown")
    ]
    return commands + folders


def _writes_to_bin(links: list[Link], registry: Registry, names: tuple[str, ...]) -> bool:
    """Whether a link in BIN has to be made: most repairs only change LINKS."""
    return any(registry.candidates[name].kind == "absent" for name in names) or any(
        link.target != f"{LINKS}/{name}" for link, name in zip(links, names, strict=True)
    )


def _no_room(folder: Folder, *, ostree: bool) -> list[Problem]:
    """alternatives does not look whether its new state was written: on a full disk it is lost."""
    if folder.read_only and folder.path == BIN and ostree:
        message = (
            f"{BIN}: found it read-only, since it belongs to the image, expected to make"
            f" alternatives' links there; the hint lasts until the next boot, so put them into the"
            f" image as well"
        )
        return [Problem(message, f"bootc usr-overlay{_AGAIN}")]
    if folder.read_only:
        message = f"{folder.path}: found its file system read-only, expected to make links there"
        mount = f'mount -o remount,rw "$(findmnt -n -o TARGET -T {folder.path})"'
        return [Problem(message, mount + _AGAIN)]
    if folder.full:
        message = f"{folder.path}: found no room on its file system, expected some for a few links"
        return [Problem(message, f"df -h {folder.path}; df -i {folder.path}")]
    return []


def _state(entry: Entry, flavour: Flavour, group: Group) -> list[Problem]:
    """A state file that a new registration does not mend; without it, one does."""
    remedy = typed_aside(entry.file) + _AGAIN
    match entry.state:
        case "unknown":
            message = f"{entry.file}: could not be read ({entry.why})"
            return [Problem(f"{message}, expected the registration of {group.leader}", remedy)]
        case "refused":
            message = f"{entry.file}: found a state file that alternatives does not take"
            return [Problem(f"{message}: {entry.why}", remedy)]
        case "registered" if flavour.fixed_links:
            return [
                Problem(
                    f"{entry.file}: found {found}, expected {name} with the link {BIN}/{name};"
                    " alternatives registers none of it again",
                    remedy,
                )
                for name in (group.leader, *group.followers)
                if (found := _misregistered(entry, group, name))
            ]
        case _:
            return []


def _misregistered(entry: Entry, group: Group, name: str) -> str:
    """How a command is registered with another link, or its link with another command."""
    link = f"{BIN}/{name}"
    registered = {group.leader: entry.link, **entry.links}
    if registered.get(name, link) != link:
        return f"{name} with the link {registered[name]!r}"
    other = next((one for one in registered if registered[one] == link and one != name), "")
    return f"{other!r} with the link {link}" if other else ""
