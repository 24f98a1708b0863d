"""Where the iptables commands in /usr/sbin end, and how `alternatives` has them registered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.errors import LIMITS, DeadlineError, NodefixError
from nodefix.facts.alternatives_links import Folder, Link, read_folder, read_link
from nodefix.facts.alternatives_state import Entry, read_entry
from nodefix.facts.module_index import must_not_ask
from nodefix.facts.packages import read_packages
from nodefix.facts.standing import Standing, backup_name, read_standing
from nodefix.host.image import read_image
from nodefix.host.node import Host
from nodefix.image_mode import Image

BIN = "/usr/sbin"
# Each command is a link to a link here, which leads to the chosen candidate.
LINKS = "/etc/alternatives"
# What the -nft names are links to: iptables' multi-call program.
NFT_PROGRAM = "xtables-nft-multi"
# Before /usr/sbin in the PATH that systemd gives to services (systemd.exec(5)) and su to root.
_EARLIER = ("/usr/local/sbin", "/usr/local/bin")


class Group(NamedTuple):
    """A leader and the followers that go with it."""

    leader: str
    followers: tuple[str, ...]


class Flavour(NamedTuple):
    """One of the two programs that keep alternatives.

    Attributes:
        program: its path.
        admin: the folders where it may keep its state; the first that exists counts.
        follower_option: how --install takes a follower.
        unfinished: the suffix of a state file that is being written; empty where one that is
            left over does no harm.
        fixed_links: whether a command that is registered with another link cannot be
            registered again.
        first_of_equals: whether automatic mode takes the first of several with the highest
            priority; else it may keep the current one.
        groups: how its distribution groups the iptables commands.
    """

    program: str
    admin: tuple[str, ...]
    follower_option: str
    unfinished: str
    fixed_links: bool
    first_of_equals: bool
    groups: tuple[Group, ...]


# Enterprise Linux: one leader for both families, so ip6tables cannot be set by itself.
# ostree systems keep the state below /etc unless the old folder is there (the package and the
# program spell the new one differently): https://github.com/fedora-sysv/chkconfig/pull/135.
EL = Flavour(
    "/usr/sbin/alternatives",
    ("/var/lib/alternatives", "/etc/alternatives-admindir", "/etc/alternatives.admindir"),
    "--follower",
    ".new",
    True,
    True,
    (
        Group(
            "iptables",
            (
                "ip6tables",
                "iptables-save",
                "iptables-restore",
                "ip6tables-save",
                "ip6tables-restore",
            ),
        ),
    ),
)
DEBIAN = Flavour(
    "/usr/bin/update-alternatives",
    ("/var/lib/dpkg/alternatives",),
    "--slave",
    "",
    False,
    False,
    (
        Group("iptables", ("iptables-restore", "iptables-save")),
        Group("ip6tables", ("ip6tables-restore", "ip6tables-save")),
    ),
)
COMMANDS = (EL.groups[0].leader, *EL.groups[0].followers)


class Version(NamedTuple):
    """What came of `-V`.

    Attributes:
        state: `said`, `failed`, or `silent`: it did not end in time, or the kernel had no room for
            it, which says nothing about the program.
        words: the version, or the error.
        hint: the limit to look at where there was no room.
    """

    state: str
    words: str
    hint: str = ""


class Registry(NamedTuple):
    """What a repair depends on; read only where one is needed.

    Attributes:
        program: the multi-call program.
        candidates: the -nft link of each command, by the command's name.
        middles: the link in LINKS of each command, by name.
        folders: BIN, LINKS and the state's folder, by path.
        entries: each leader's registration.
        unfinished: leaders for which a killed run left an unfinished state file.
        packages: the answer of packages.read_packages(); None also where nothing is missing.
        image: how the image that /usr belongs to is deployed; None where it belongs to packages.
        standing: what stands at each path that a repair may change.
        backups: where a repair moves something to a name that exists, the name to which `mv`
            moves the older one.
    """

    program: Link
    candidates: Mapping[str, Link]
    middles: Mapping[str, Link]
    folders: Mapping[str, Folder]
    entries: Mapping[str, Entry]
    unfinished: frozenset[str]
    packages: frozenset[str] | None
    image: Image | None
    standing: Mapping[str, Standing] = {}
    backups: Mapping[str, str] = {}


class AlternativesFacts(NamedTuple):
    """What the alternatives stage decides on.

    Attributes:
        flavour: the program that keeps the links; None where neither exists.
        links: each command, by name.
        versions: what `-V` of iptables and, if that ends elsewhere, of ip6tables says, by name;
            empty where a link is wrong.
        registry: None where all links are right, since then it is not needed.
        shadows: commands of these names that come earlier in root's PATH, and where they end;
            also those that cannot be read.
    """

    flavour: Flavour | None
    links: Mapping[str, Link]
    versions: Mapping[str, Version]
    registry: Registry | None
    shadows: tuple[Link, ...] = ()


def candidate(command: str) -> str:
    """The nft variant of a command: /usr/sbin/iptables-nft-save for iptables-save."""
    family, _, rest = command.partition("-")
    return f"{BIN}/{family}-nft" + (f"-{rest}" if rest else "")


def is_nft(link: Link) -> bool:
    """Whether a command ends at iptables' nft program."""
    return link.end.rsplit("/", 1)[-1] == NFT_PROGRAM


def read_alternatives(host: Host) -> AlternativesFacts:
    """Follow the links, ask each family for its version, read the registrations if needed.

    The links' ends and `-V` decide, not the state file: either can be right while the other is
    wrong.
    """
    links = {name: read_link(host, f"{BIN}/{name}") for name in COMMANDS}
    flavour = next((f for f in (EL, DEBIAN) if _is_there(read_link(host, f.program))), None)
    good = all(is_nft(link) for link in links.values())
    return AlternativesFacts(
        flavour=flavour,
        links=links,
        versions=_versions(host, links) if good else {},
        registry=None if good else _registry(host, flavour),
        shadows=tuple(
            link
            for folder in _EARLIER
            for name in COMMANDS
            if _is_there(link := read_link(host, f"{folder}/{name}")) and not is_nft(link)
        ),
    )


def _is_there(link: Link) -> bool:
    """Whether it is a program, as far as known."""
    return bool(link.end) or link.kind == "unknown"


def saved_name(path: str) -> str:
    """The name to which a repair moves something out of its way."""
    return f"{path}.saved"


def touched(registry: Registry, group: Group) -> Iterator[str]:
    """Each path that the repair of a group may change, except those it moves something to."""
    entry = registry.entries[group.leader]
    names = (group.leader, *group.followers)
    yield entry.file
    # An existing folder is not changed.
    yield from (folder.path for folder in registry.folders.values() if folder.kind == "absent")
    yield from (candidate(name) for name in names)
    yield from (f"{BIN}/{name}" for name in names)
    yield from (f"{LINKS}/{name}" for name in dict.fromkeys((*names, *entry.links)))
    # The admin's own followers, and where a command was registered with another link.
    yield from (entry.link, *entry.links.values()) if entry.link else ()


def _registry(host: Host, flavour: Flavour | None) -> Registry:
    admin = _admin(host, flavour) if flavour else ""
    groups = flavour.groups if flavour else ()
    leaders = [group.leader for group in groups]
    ending = flavour.unfinished if flavour else ""
    candidates = {name: read_link(host, candidate(name)) for name in COMMANDS}
    lacking = flavour is None or not all(is_nft(link) for link in candidates.values())
    found = Registry(
        program=read_link(host, f"{BIN}/{NFT_PROGRAM}"),
        candidates=candidates,
        middles={name: read_link(host, f"{LINKS}/{name}") for name in COMMANDS},
        folders={path: read_folder(host, path) for path in (BIN, LINKS, admin) if path},
        entries={leader: read_entry(host, f"{admin}/{leader}") for leader in leaders},
        unfinished=frozenset(
            leader
            for leader in leaders
            if ending and os.path.lexists(host.path(f"{admin}/{leader}{ending}"))
        ),
        packages=read_packages(host) if lacking else None,
        image=read_image(host.root),
    )
    paths = dict.fromkeys(path for group in groups for path in touched(found, group))
    standing = {path: read_standing(host, path) for path in paths}
    saved, backups = _saved(host, found)
    return found._replace(standing={**standing, **saved}, backups=backups)


def _saved(host: Host, found: Registry) -> tuple[dict[str, Standing], dict[str, str]]:
    """What exists under the names that a repair moves something to, and where `mv` moves that."""
    standing: dict[str, Standing] = {}
    backups: dict[str, str] = {}
    for middle in found.middles.values():
        if middle.kind in ("link", "absent", "unknown"):
            continue
        saved = saved_name(middle.path)
        standing[saved] = read_standing(host, saved)
        if standing[saved].kind not in ("absent", "unknown"):
            try:
                backups[saved] = backup_name(host, saved)
            except OSError as error:
                standing[saved] = Standing("unknown", why=error.strerror or str(error))
    return standing, backups


def _admin(host: Host, flavour: Flavour) -> str:
    kinds = {folder: read_folder(host, folder).kind for folder in flavour.admin}
    there = (folder for folder, kind in kinds.items() if kind in ("directory", "unknown"))
    return next(there, flavour.admin[0])


def _versions(host: Host, links: Mapping[str, Link]) -> dict[str, Version]:
    """Run each program once, by the first name that ends at it; normally both names do."""
    if must_not_ask(host, "nfnetlink"):
        return {}
    first = {links[name].end: name for name in ("ip6tables", "iptables")}
    return {name: _version(host, links[name]) for name in first.values()}


def _version(host: Host, link: Link) -> Version:
    try:
        result = host.programs.read(link.path, "-V", timeout=5.0)
    except DeadlineError as error:
        return Version("silent", error.message)
    except NodefixError as error:
        if error.hint in LIMITS.values():
            return Version("silent", error.message, error.hint)
        return Version("failed", error.message)
    if result.status:
        return Version("failed", result.words)
    return Version("said", result.text.strip())
