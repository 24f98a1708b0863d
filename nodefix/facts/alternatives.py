"""Where /usr/sbin/iptables and its companions end, and what `alternatives` knows of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import DeadlineError, NodefixError
from nodefix.host import Host

BIN = "/usr/sbin"
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
        admin: the folders where it may keep its state; the first that is there counts.
        follower_option: how --install takes a follower.
        groups: how its distribution ties the iptables commands together.
    """

    program: str
    admin: tuple[str, ...]
    follower_option: str
    groups: tuple[Group, ...]


# Enterprise Linux: one leader for both families, so ip6tables cannot be set by itself.
# ostree systems keep the state below /etc unless the old folder is there (the package and the
# program spell the new one differently): https://github.com/fedora-sysv/chkconfig/pull/135.
EL = Flavour(
    "/usr/sbin/alternatives",
    ("/var/lib/alternatives", "/etc/alternatives-admindir", "/etc/alternatives.admindir"),
    "--follower",
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
    (
        Group("iptables", ("iptables-restore", "iptables-save")),
        Group("ip6tables", ("ip6tables-restore", "ip6tables-save")),
    ),
)
COMMANDS = (EL.groups[0].leader, *EL.groups[0].followers)


class Link(NamedTuple):
    """One command as root would run it.

    Attributes:
        path: its path.
        kind: `link`, `absent`, or `file` where something else stands.
        end: where it ends, all links followed; empty if it ends nowhere.
    """

    path: str
    kind: str
    end: str


class Entry(NamedTuple):
    """A leader's registration.

    Attributes:
        state: `registered`, `absent`, or `corrupt`.
        file: the state file.
        followers: what each registered candidate brings along: path to follower names.
    """

    state: str
    file: str
    followers: Mapping[str, frozenset[str]]


class AlternativesFacts(NamedTuple):
    """What the alternatives stage decides on.

    Attributes:
        flavour: whose alternatives; None where neither program is there.
        links: each command, by name.
        versions: what `-V` of iptables and, if that ends elsewhere, of ip6tables says, by name.
        candidates: the -nft commands that are installed.
        entries: each leader's registration; empty where the links are as they should be,
            since then nobody asks.
        shadows: commands of these names that come earlier in root's PATH, and where they end.
    """

    flavour: Flavour | None
    links: Mapping[str, Link]
    versions: Mapping[str, str]
    candidates: frozenset[str]
    entries: Mapping[str, Entry]
    shadows: tuple[Link, ...] = ()


def candidate(command: str) -> str:
    """The nft variant of a command: /usr/sbin/iptables-nft-save for iptables-save."""
    family, _, rest = command.partition("-")
    return f"{BIN}/{family}-nft" + (f"-{rest}" if rest else "")


def is_nft(link: Link) -> bool:
    """Whether a command ends at iptables' nft program."""
    return link.end.rsplit("/", 1)[-1] == NFT_PROGRAM


def read(host: Host, config: Config) -> AlternativesFacts:
    """Follow the links, ask each family for its version, read the registrations if needed.

    Judged by where the links end and by `-V`, not by the state file: it can be right while the
    links are wrong, and the other way round.
    """
    links = {name: _link(host, name) for name in COMMANDS}
    flavour = next((f for f in (EL, DEBIAN) if host.path(f.program).exists()), None)
    entries = {}
    if flavour and not all(is_nft(link) for link in links.values()):
        entries = {group.leader: _entry(host, flavour, group) for group in flavour.groups}
    return AlternativesFacts(
        flavour=flavour,
        links=links,
        versions=_versions(host, links),
        candidates=frozenset(name for name in COMMANDS if host.path(candidate(name)).exists()),
        entries=entries,
        shadows=tuple(
            link
            for folder in _EARLIER
            for name in COMMANDS
            if (link := _link(host, name, folder)).end and not is_nft(link)
        ),
    )


def _link(host: Host, name: str, folder: str = BIN) -> Link:
    path = f"{folder}/{name}"
    place = host.path(path)
    kind = "link" if place.is_symlink() else "file" if os.path.lexists(place) else "absent"
    end = _end(host.root, path)
    return Link(path, kind, end if host.path(end).exists() else "")


def _end(root: Path, path: str) -> str:
    """Follow links as if `root` were the root, so that a made-up tree can be read too."""
    for _ in range(40):  # as many as the kernel follows
        place = root / path.lstrip("/")
        if not place.is_symlink():
            break
        # Not resolve(): that would follow links to the real root.
        path = os.path.normpath(Path(path).parent / place.readlink())
    return path


def _versions(host: Host, links: Mapping[str, Link]) -> dict[str, str]:
    """Each program is asked once, by the first name that ends at it; at best both do."""
    first = {links[name].end: name for name in ("ip6tables", "iptables")}
    return {name: _version(host, links[name]) for name in first.values()}


def _version(host: Host, link: Link) -> str:
    if not link.end:
        return ""
    try:
        result = host.commands.run(link.path, "-V", timeout=5.0)
    except DeadlineError:
        raise
    except NodefixError as error:
        return error.message
    return result.text.strip() if result.status == 0 else result.words


def _entry(host: Host, flavour: Flavour, group: Group) -> Entry:
    folder = next((f for f in flavour.admin if host.path(f).is_dir()), flavour.admin[0])
    file = f"{folder}/{group.leader}"
    try:
        lines = host.path(file).read_text("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return Entry("absent", file, {})
    except OSError as error:
        return Entry("corrupt", f"{file} ({error.strerror})", {})
    followers = _registered(lines)
    return Entry("corrupt", file, {}) if followers is None else Entry("registered", file, followers)


def _registered(lines: list[str]) -> dict[str, frozenset[str]] | None:
    """Parse a state file; both programs share the format, but for what EL has beside the priority.

    Mode; the leader's link; name and link of each follower; an empty line; then for each
    candidate its path, its priority, and its path for each follower (empty if it has none).
    """
    if len(lines) < 3 or lines[0] not in ("auto", "manual") or not lines[1].startswith("/"):
        return None
    try:
        blank = lines.index("", 2)
    except ValueError:
        return None
    names = lines[2:blank:2]
    if (blank - 2) % 2:
        return None
    found = {}
    at = blank + 1
    while at < len(lines) and lines[at]:
        block = lines[at : at + 2 + len(names)]
        if len(block) < 2 + len(names):
            return None
        present = (name for name, path in zip(names, block[2:], strict=True) if path)
        found[block[0]] = frozenset(present)
        at += len(block)
    return found
