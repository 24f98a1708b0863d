"""Chains and rules, read by calls whose cost does not grow with the rules on the node."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from nodefix.commands import quoted
from nodefix.errors import BusError, CommandError
from nodefix.facts.system import has_ipv6
from nodefix.host import Host

_NFT = "/usr/sbin/nft"
_READ_SECONDS = 20.0
# firewalld with FlushAllOnReload=yes, the others by `flush ruleset` or iptables-restore.
_WIPERS = ("firewalld.service", "nftables.service", "iptables.service", "ip6tables.service")


class ChainKey(NamedTuple):
    """A chain's table and name."""

    table: str
    chain: str


class Family(NamedTuple):
    """IPv4 or IPv6: nft's name for it, and the program that reads and changes its tables."""

    name: str
    nft: str
    restore: str


IPV4 = Family("IPv4", "ip", "/usr/sbin/iptables-nft-restore")
IPV6 = Family("IPv6", "ip6", "/usr/sbin/ip6tables-nft-restore")

# The rules of a chain as `iptables -S` prints them, without `-A` and the chain's name; None for a
# chain that is not there.
Rules = tuple[str, ...] | None


class ChainFacts(NamedTuple):
    """What the chains stage decides on.

    Attributes:
        families: the chains of each family that the kernel has.
        wipers: active services that wipe all chains when they are reloaded.
    """

    families: Mapping[Family, Mapping[ChainKey, Rules]]
    wipers: tuple[str, ...] = ()


def read_chains(
    host: Host, parents: tuple[ChainKey, ...], chains: tuple[ChainKey, ...], small: frozenset[str]
) -> ChainFacts:
    """Read the built-in chains and whether the named ones are there, for each family.

    A chain that a jump leads to is there, so it need not be listed: KUBE-SERVICES can hold tens
    of thousands of rules.

    Args:
        host: the node.
        parents: built-in chains, which always answer.
        chains: chains that may be missing.
        small: names of chains that no jump leads to and that hold a rule or two.

    Raises:
        CommandError: iptables or nft cannot read a table.
    """
    families = (IPV4, IPV6) if has_ipv6(host.root) else (IPV4,)
    return ChainFacts(
        {family: _read_family(host, family, parents, chains, small) for family in families},
        _wipers(host),
    )


def _wipers(host: Host) -> tuple[str, ...]:
    try:
        return host.systemd.active_units(_WIPERS)
    except BusError:
        return ()


def _read_family(
    host: Host,
    family: Family,
    parents: tuple[ChainKey, ...],
    chains: tuple[ChainKey, ...],
    small: frozenset[str],
) -> dict[ChainKey, Rules]:
    listed = [key for key in chains if key.chain in small]
    found, words = _list(host, family, (*parents, *listed))
    if any(key not in found for key in parents):
        raise CommandError(
            f"{family.restore}: cannot read the {family.name} tables: {words}",
            "nft list ruleset",
        )
    there = {
        ChainKey(parent.table, target(rule)) for parent in parents for rule in found[parent] or ()
    }
    there |= found.keys()
    if not there.issuperset(chains):
        there |= _existing(host, family)
    return found | {key: () if key in there else None for key in chains if key not in found}


def target(rule: str) -> str:
    """Where a rule jumps or goes to; empty if it does neither."""
    try:
        words = shlex.split(rule)
    except ValueError:
        words = rule.split()
    for at in range(len(words) - 2, -1, -1):
        if words[at] in ("-j", "-g"):
            return words[at + 1]
    return ""


def _existing(host: Host, family: Family) -> frozenset[ChainKey]:
    """All chains of a family. Takes longer with many of them, so only asked if one is missing."""
    result = host.commands.run(_NFT, "list", "chains", family.nft, timeout=_READ_SECONDS)
    if result.status:
        raise CommandError(f"`{quoted(result.argv)}`: {result.words}", quoted(result.argv))
    found = set()
    table = ""
    for line in result.text.splitlines():
        match line.split():
            case ["table", _, table, "{"]:
                pass
            case ["chain", chain, "{", *_]:
                found.add(ChainKey(table, chain))
    return frozenset(found)


def _list(
    host: Host, family: Family, keys: tuple[ChainKey, ...]
) -> tuple[dict[ChainKey, Rules], str]:
    """List chains up to the first that is missing, in one call, and what the tool said to that.

    `-S` inside a restore reads as it does alone, for a quarter of the price of single calls, and
    changes nothing: without a `:CHAIN` line no table is made and no chain emptied.
    """
    lines: list[str] = []
    table = ""
    for key in keys:
        if key.table != table:
            lines += ["COMMIT"] * bool(table) + [f"*{key.table}"]
            table = key.table
        lines.append(f"-S {key.chain}")
    script = "\n".join([*lines, "COMMIT", ""]).encode()
    result = host.commands.run(family.restore, "--noflush", stdin=script, timeout=_READ_SECONDS)
    return _parse(result.text, keys), result.words


def _parse(text: str, keys: tuple[ChainKey, ...]) -> dict[ChainKey, Rules]:
    """Split a listing at its heads: `-P CHAIN policy` or `-N CHAIN`, in the order asked for."""
    found: dict[ChainKey, Rules] = {}
    waiting = iter(keys)
    rules: list[str] = []
    for line in text.split("\n"):
        words = line.split(" ", 2)
        if words[0] in ("-P", "-N"):
            key = next(waiting, None)
            if key is None or key.chain != words[1]:
                break
            rules = []
            found[key] = ()
        elif words[0] == "-A" and len(words) == 3 and found:
            rules.append(words[2])
            found[list(found)[-1]] = tuple(rules)
    return found
