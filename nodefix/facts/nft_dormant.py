"""Tables that are switched off as a whole: nft(8), `flags dormant`.

The kernel evaluates nothing of such a table. iptables lists and changes it like any other, so its
output does not show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nodefix.errors import CommandError, NodefixError
from nodefix.facts.nft import NFT, SECONDS, read_origin
from nodefix.facts.remedies import remedy
from nodefix.host.node import Host
from nodefix.host.programs import quoted


class Dormant(NamedTuple):
    """A table that is switched off.

    Attributes:
        family: nft's name for it, `ip` or `ip6`.
        table: its name.
        origin: the file that defines it; empty if none was found.
        line: the line in that file on which it begins.
    """

    family: str
    table: str
    origin: str = ""
    line: int = 0


class Sleeping(NamedTuple):
    """The tables that are switched off, or why that cannot be told and what to do about it."""

    tables: tuple[Dormant, ...] = ()
    unclear: str = ""
    hint: str = ""


def read_dormant(host: Host, families: tuple[str, ...], names: tuple[str, ...]) -> Sleeping:
    """Look for the flag; the cost does not depend on the rules unless a table has flags.

    Args:
        host: the node.
        families: nft's names for them.
        names: the tables to look at.
    """
    try:
        dormant = [
            Dormant(family, name, *read_origin(host, family, name))
            for family, name in _dormant(host, families, names)
        ]
    except NodefixError as error:
        return Sleeping((), error.message, error.hint or "nft list ruleset")
    return Sleeping(tuple(dormant))


def _dormant(
    host: Host, families: tuple[str, ...], names: tuple[str, ...]
) -> list[tuple[str, str]]:
    if host.netfilter:
        tables = [(family, name) for family in families for name in names]
        try:
            return [one for one in tables if host.netfilter.is_dormant(*one)]
        except OSError:
            # nft says why.
            pass
    flagged = [(family, name) for family, name in _flagged(host) if family in families]
    return [one for one in flagged if one[1] in names and _is_dormant(host, *one)]


def _flagged(host: Host) -> Iterator[tuple[str, str]]:
    """Family and name of each table with flags, whatever they are.

    nftables 1.0.6 prints the flags from memory that it has freed, so that only their presence
    counts. The plain listing has none.
    """
    import json

    argv = (NFT, "--json", "list", "tables")
    result = host.programs.read(*argv, timeout=SECONDS)
    if result.status:
        raise CommandError(f"`{quoted(argv)}`: {result.telling}", remedy(result.telling))
    try:
        found: object = json.loads(result.stdout)
    except (ValueError, RecursionError):
        found = None
    listed: object = found.get("nftables") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise CommandError(f"`{quoted(argv)}`: found output that is not a list of tables")
    for one in listed:
        table: object = one.get("table") if isinstance(one, dict) else None
        if isinstance(table, dict) and "flags" in table:
            yield str(table.get("family")), str(table.get("name"))


def _is_dormant(host: Host, family: str, name: str) -> bool:
    """The flags stand in the table's own lines, indented by one tab, before its first chain."""
    argv = (NFT, "--terse", "list", "table", family, name)
    result = host.programs.read(*argv, timeout=SECONDS)
    if result.status:
        raise CommandError(f"`{quoted(argv)}`: {result.telling}", remedy(result.telling))
    flags = (line for line in result.text.split("\n") if line.startswith("\tflags "))
    return "dormant" in next(flags, "").replace(",", " ").split()
