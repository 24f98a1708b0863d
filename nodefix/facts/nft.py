"""Chains that the admin wrote with nft and that kube-proxy cannot work with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from nodefix.errors import CommandError
from nodefix.facts.kubeproxy import BASES, PRESENCE, ChainKey
from nodefix.facts.remedies import remedy
from nodefix.host.node import Host
from nodefix.host.programs import quoted

NFT = "/usr/sbin/nft"
SECONDS = 20.0

# The files that nftables.service loads: its ExecStart= on Enterprise Linux and on Debian.
_FILES = ("/etc/sysconfig/nftables.conf", "/etc/nftables.conf")
_FOLDER = "/etc/nftables"
_MOST_FILES = 100
_SHOWN_RULES = 3
_SHOWN_LENGTH = 120


class Obstacle(NamedTuple):
    """A built-in chain of iptables' that the admin wrote with nft and kube-proxy cannot work with.

    Attributes:
        family: nft's name for it, `ip` or `ip6`.
        key: the chain.
        found: its hook, where that differs from iptables' own; empty where it is the same and the
            chain holds rules that iptables cannot read.
        rules: the admin's rules in it, the first few.
        origin: the file that defines it; empty if none was found.
        line: the line in that file on which its table begins.
    """

    family: str
    key: ChainKey
    found: str = ""
    rules: tuple[str, ...] = ()
    origin: str = ""
    line: int = 0


def read_hooks(host: Host, family: str, keys: Iterable[ChainKey]) -> dict[ChainKey, str]:
    """Those of the chains that are there, each with its hook, as in read_bases().

    Raises:
        CommandError: neither the kernel nor nft tells.
    """
    if host.netfilter:
        try:
            hooks = {key: host.netfilter.hook(family, *key) for key in keys}
        except OSError:
            return read_bases(host, family)
        return {key: hook for key, hook in hooks.items() if hook is not None}
    return read_bases(host, family)


def read_bases(host: Host, family: str) -> dict[ChainKey, str]:
    """All chains of a family, each with its hook as nft prints it; empty for one without.

    The cost grows with the number of chains.

    Raises:
        CommandError: nft failed, or its output is incomplete.
    """
    argv = (NFT, "--numeric-priority", "list", "chains", family)
    result = host.programs.read(*argv, timeout=SECONDS)
    if result.status:
        words = result.telling
        raise CommandError(f"`{quoted(argv)}`: {words}", remedy(words))
    text = result.text
    if text and not text.endswith("\n}\n"):
        # A chain that is not in half a listing may exist all the same.
        raise CommandError(f"`{quoted(argv)}`: found output that is cut off", "nft list tables")
    # Only a newline ends a line: a comment may contain other line ends.
    return dict(_chains(text.split("\n")))


def _chains(lines: list[str]) -> Iterator[tuple[ChainKey, str]]:
    """Chains of nft's listing: a table's line is not indented, a chain's by one tab."""
    table = ""
    key: ChainKey | None = None
    for line in lines:
        words = line.split()
        if line.startswith("table ") and len(words) == 4:
            table = words[2]
        elif line.startswith("\tchain ") and line.endswith(" {") and len(words) == 3:
            key = ChainKey(table, words[1])
            yield key, ""
        elif line.startswith("\t\ttype ") and key:
            yield key, line.strip().partition(";")[0]
            key = None


def obstacles(
    host: Host,
    family: str,
    bases: Mapping[ChainKey, str],
    native: frozenset[ChainKey],
) -> tuple[Obstacle, ...]:
    """The chains that kube-proxy cannot work with.

    Args:
        host: the node.
        family: nft's name for it.
        bases: chains with their hooks; empty where no chain is missing.
        native: built-in chains that iptables cannot list.
    """
    found = [
        Obstacle(family, key, bases[key] or "a chain without a hook")
        for key, base in BASES.items()
        if bases.get(key, base) != base
    ]
    if PRESENCE in native and PRESENCE not in [one.key for one in found]:
        found.append(Obstacle(family, PRESENCE))
    return tuple(_described(host, obstacle) for obstacle in found)


def _described(host: Host, obstacle: Obstacle) -> Obstacle:
    """With the admin's rules and the file that defines them, as far as known."""
    table, chain = obstacle.key
    result = host.programs.read(
        NFT, "list", "chain", obstacle.family, table, chain, timeout=SECONDS
    )
    lines = [line.strip() for line in result.text.split("\n") if line.startswith("\t\t")]
    rules = [_shown(line) for line in lines if "KUBE-" not in line and line[:5] != "type "]
    if len(rules) > _SHOWN_RULES:
        rules[_SHOWN_RULES:] = [f"{len(rules) - _SHOWN_RULES} more"]
    origin, line = read_origin(host, obstacle.family, table)
    return obstacle._replace(rules=tuple(rules), origin=origin, line=line)


def _shown(rule: str) -> str:
    plain = "".join(char if char.isprintable() else "?" for char in rule)
    return plain if len(plain) <= _SHOWN_LENGTH else f"{plain[:_SHOWN_LENGTH]}…"


def read_origin(host: Host, family: str, table: str) -> tuple[str, int]:
    """The file and line where a table begins; to nft one without a family is IPv4's."""
    named = "ip6 +" if family == "ip6" else "(ip +)?"
    begins = re.compile(rf"^\s*table +{named}{table}\s*\{{")
    for path in _files(host):
        try:
            text = host.read(path).decode("utf-8", "replace")
        except OSError:
            # Knowing the file only makes the remedy shorter.
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if begins.match(line):
                return path, number
    return "", 0


def _files(host: Host) -> Iterator[str]:
    yield from _FILES
    try:
        with os.scandir(host.path(_FOLDER)) as entries:
            names = [entry.name for entry, _ in zip(entries, range(_MOST_FILES), strict=False)]
    except OSError:
        return
    yield from (f"{_FOLDER}/{name}" for name in sorted(names) if name.endswith(".nft"))
