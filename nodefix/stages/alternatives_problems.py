"""What the alternatives stage does not repair by itself, and what to type instead.

`alternatives` says little about what it cannot do: it leaves a file in a link's place alone and
exits with 0, and it crashes on a state file without a candidate. So each case is detected first.
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
    saved_name,
    touched,
)
from nodefix.facts.alternatives_links import Folder, Link
from nodefix.facts.alternatives_state import Entry
from nodefix.facts.packages import ALTERNATIVES, IPTABLES, LIBRARIES, bring_back
from nodefix.facts.remedies import AGAIN, library, remount
from nodefix.image_mode import OVERLAYS, Image, carried_by
from nodefix.plan import Problem

_AGAIN = f" && {AGAIN}"


def aside(path: str, to: str = "") -> tuple[str, ...]:
    """Move something out of the way; a file of the new name is kept under a number."""
    return (
        "/usr/bin/mv",
        "--backup=numbered",
        "--no-target-directory",
        path,
        to or saved_name(path),
    )


def typed_aside(path: str) -> str:
    """The same for a state file, as a person would type it.

    Not to the same folder: the program takes every file there for a state.
    """
    name = path.rsplit("/", 1)[-1]
    return _typed(path, f"/root/alternatives-{name}.saved")


def _typed(path: str, to: str = "") -> str:
    _, *words = aside(path, to)
    return shlex.join(("mv", *words))


def wrong_version(facts: AlternativesFacts) -> tuple[Problem, ...]:
    """The links are right, but the program at their end does not work."""
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
            # A slow disk is not a wrong program: reported, but kubelet is not held.
            hint = version.hint or "journalctl -k -b -p warning"
            return Problem(message, hint, required=False, code="alternatives-unclear")
        case "failed":
            both = f"dnf reinstall {IPTABLES} {LIBRARIES}{_AGAIN}"
            return Problem(message, library(version.words) or both, code="iptables-does-not-run")
        case _:
            hint = f"dnf reinstall {IPTABLES}{_AGAIN}"
            return Problem(message, hint, code="iptables-wrong-variant")


def shadowed(facts: AlternativesFacts) -> tuple[Problem, ...]:
    """Not required: kube-proxy has its own iptables, and this one may be intended."""
    return unreadable(facts.shadows, required=False) + tuple(
        Problem(
            f"{link.path}: found a command that comes before {BIN} in PATH and ends at {link.end},"
            " expected none: kubelet and the network plugins run it instead",
            _typed(link.path),
            required=False,
            code="iptables-shadowed",
        )
        for link in facts.shadows
        if link.kind != "unknown"
    )


def unreadable(places: Iterable[Link | Folder], *, required: bool = True) -> tuple[Problem, ...]:
    """What could not be read is left alone; required where a repair depends on it."""
    return tuple(
        Problem(
            f"{place.path}: could not be read ({place.why}), expected to see what it is;"
            " nothing was changed",
            _look(place.path),
            required,
            code="alternatives-unclear",
        )
        for place in places
        if place.kind == "unknown"
    )


def is_not_installed(facts: AlternativesFacts) -> bool:
    """Whether the node has no iptables, and not one that lost its files."""
    registry = facts.registry
    if registry is None or registry.program.kind != "absent":
        return False
    return IPTABLES not in (registry.packages or ())


def not_installed(registry: Registry) -> tuple[Problem, ...]:
    """The -nft names do not end at the program, or it is missing.

    A missing name is not a problem where the program exists: the stage makes the link.
    """
    wrong = [link for link in registry.candidates.values() if not is_nft(link)]
    if wrong and not registry.program.end:
        wrong = [registry.program]
    return tuple(
        Problem(
            f"{link.path}: found {_found(link)}, expected iptables' nft program",
            _look(link.path) if link.kind == "unknown" else bring_back(IPTABLES, registry.packages),
            code="alternatives-unclear" if link.kind == "unknown" else "iptables-not-installed",
        )
        for link in wrong
        if link.kind != "absent" or link is registry.program
    )


def no_program(registry: Registry) -> Problem:
    """Neither distribution's program exists."""
    message = "found neither alternatives nor update-alternatives, expected one of them"
    hint = bring_back(ALTERNATIVES, registry.packages)
    return Problem(message, hint, code="alternatives-not-installed")


def _look(path: str) -> str:
    return f"ls -ld {path}; journalctl -k -b -p warning"


def _found(link: Link) -> str:
    match link.kind:
        case "absent":
            return "nothing"
        case "unknown":
            return f"something that could not be read ({link.why})"
        case "link":
            return f"a link to {link.end or 'nothing'}"
        case kind:
            return f"a {kind}"


def blocked(
    links: list[Link], flavour: Flavour, registry: Registry, group: Group
) -> tuple[Problem, ...]:
    """What prevents the repair of a group whose links are not all right."""
    names = (group.leader, *group.followers)
    middles = [registry.middles[name] for name in names]
    problems = [*unreadable(links), *unreadable(middles), *unreadable(registry.folders.values())]
    problems += unreadable(_others(registry, group, (*links, *middles)))
    problems += _displaced(links, registry)
    for folder in registry.folders.values():
        if folder.path != BIN or _writes_to_bin(links, registry, names):
            problems += _no_room(folder, registry.image)
    problems += _state(registry.entries[group.leader], flavour, group)
    if group.leader in registry.unfinished:
        file = registry.entries[group.leader].file + flavour.unfinished
        message = (
            f"{file}: found the unfinished file of an alternatives run that was killed, expected"
            " none: alternatives refuses every change while it exists"
        )
        hint = typed_aside(file) + _AGAIN
        problems.append(Problem(message, hint, code="alternatives-unfinished"))
    return tuple(problems)


def _others(registry: Registry, group: Group, known: tuple[Link, ...]) -> list[Link]:
    """What else a repair may change: what could not be read could not be put back."""
    paths = [*touched(registry, group), *(saved_name(link.path) for link in known)]
    standing = {path: registry.standing[path] for path in paths if path in registry.standing}
    told = {link.path for link in known} | {registry.entries[group.leader].file}
    return [
        Link(path, "unknown", why=found.why)
        for path, found in standing.items()
        if found.kind == "unknown" and path not in told
    ]


def _displaced(links: list[Link], registry: Registry) -> list[Problem]:
    """Something else where the program makes its links and keeps its files."""
    commands = [
        Problem(
            f"{link.path}: found a {link.kind}, expected alternatives' link; alternatives leaves"
            " it alone and still exits with 0",
            _typed(link.path) + _AGAIN,
            code="alternatives-displaced",
        )
        for link in links
        if link.kind not in ("link", "absent", "unknown") and not is_nft(link)
    ]
    folders = [
        Problem(
            f"{folder.path}: found a {folder.kind}, expected alternatives' folder",
            _typed(folder.path) + _AGAIN,
            code="alternatives-displaced",
        )
        for folder in registry.folders.values()
        if folder.kind not in ("directory", "absent", "unknown")
    ]
    return commands + folders


def _writes_to_bin(links: list[Link], registry: Registry, names: tuple[str, ...]) -> bool:
    """Whether a link in BIN has to be made; most repairs change only LINKS."""
    return any(registry.candidates[name].kind == "absent" for name in names) or any(
        link.target != f"{LINKS}/{name}" for link, name in zip(links, names, strict=True)
    )


def _no_room(folder: Folder, image: Image | None) -> list[Problem]:
    """alternatives does not check that its new state was written: a full disk loses it."""
    if folder.read_only and folder.path == BIN and image:
        lasting = carried_by(f"dnf reinstall -y {IPTABLES}")
        message = (
            f"{BIN}: found it read-only, as part of the image, expected to make alternatives' links"
            f" there; the fix lasts until the next boot; what lasts is, {lasting}"
        )
        hint = f"{OVERLAYS[image.by]}{_AGAIN}"
        return [Problem(message, hint, code="alternatives-read-only")]
    if folder.read_only:
        message = f"{folder.path}: found its file system read-only, expected to make links there"
        hint = remount(folder.path) + _AGAIN
        return [Problem(message, hint, code="alternatives-read-only")]
    if folder.full:
        message = f"{folder.path}: found its file system full, expected room for a few links"
        hint = f"df -h {folder.path}; df -i {folder.path}"
        return [Problem(message, hint, code="alternatives-disk-full")]
    return []


def _state(entry: Entry, flavour: Flavour, group: Group) -> list[Problem]:
    """A state file that prevents a new registration; once it is moved away, that works."""
    remedy = typed_aside(entry.file) + _AGAIN
    match entry.state:
        case "unknown":
            message = (
                f"{entry.file}: could not be read ({entry.why}), expected the registration of"
                f" {group.leader}"
            )
            return [Problem(message, remedy, code="alternatives-state-refused")]
        case "refused":
            message = f"{entry.file}: found a state file that alternatives refuses: {entry.why}"
            return [Problem(message, remedy, code="alternatives-state-refused")]
        case "registered" if flavour.fixed_links:
            return [
                Problem(
                    f"{entry.file}: found {found}, expected {name} with the link {BIN}/{name};"
                    " alternatives does not change that",
                    remedy,
                    code="alternatives-state-refused",
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
