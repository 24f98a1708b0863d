"""Chains of the admin's, written with nft itself, that stand in kube-proxy's way."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.errors import CommandError
from nodefix.facts.kubeproxy import BASES, PRESENCE, ChainKey
from nodefix.facts.remedies import remedy
from nodefix.host.node import Host
from nodefix.host.programs import quoted

NFT = "/usr/sbin/nft"
SECONDS = 20.0

# Where nftables.service has its tables from: its ExecStart= on Enterprise Linux and on Debian.
_FILES = ("/etc/sysconfig/nftables.conf", "/etc/nftables.conf")
_FOLDER = "/etc/nftables"
_MOST_FILES = 100
_SHOWN_RULES = 3
_SHOWN_LENGTH = 120


class Obstacle(NamedTuple):
    """A built-in chain of iptables' that the admin wrote with nft, and kube-proxy cannot work with.

    Attributes:
        family: nft's name for it, `ip` or `ip6`.
        key: the chain.
        found: what it is where that is not what iptables makes of it; empty if it is, and holds
            rules that iptables cannot read.
        rules: the admin's rules in it, the first few.
        origin: the file that it comes from; empty if it was found in none.
        line: the line there on which its table begins.
    """

    family: str
    key: ChainKey
    found: str = ""
    rules: tuple[str, ...] = ()
    origin: str = ""
    line: int = 0


def read_bases(host: Host, family: str) -> dict[ChainKey, str]:
    """All chains of a family, each with its hook as nft prints it; empty for one without.

    Takes longer with many of them, so only asked if one is missing.

    Raises:
        CommandError: nft failed, or its answer is not whole.
    """
    argv = (NFT, "--numeric-priority", "list", "chains", family)
    result = host.programs.run(*argv, timeout=SECONDS)
    if result.status:
        words = result.telling
        raise CommandError(f"`{quoted(argv)}`: {words}", remedy(words))
    text = result.text
    if text and not text.endswith("\n}\n"):
        # What is not in half an answer may be there all the same.
        raise CommandError(f"`{quoted(argv)}`: found an answer that is cut off", "nft list tables")
    # Only a real line end ends a line: the text of a comment may hold any other.
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
    """What kube-proxy cannot work with.

    Args:
        host: the node.
        family: nft's name for it.
        bases: chains with their hooks; empty where nothing is missing.
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
    """With the rules that are the admin's, and where they come from, as far as can be told."""
    table, chain = obstacle.key
    result = host.programs.run(NFT, "list", "chain", obstacle.family, table, chain, timeout=SECONDS)
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
    """The file and line where a table begins; nft takes one without a family for IPv4's."""
    named = "ip6 +" if family == "ip6" else "(ip +)?"
    begins = re.compile(rf"^\s*table +{named}{table}\s*\{{")
    for path in _files(host):
        try:
            text = host.read(path).decode("utf-8", "replace")
        except OSError:
            # Where it comes from only makes the remedy shorter.
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
