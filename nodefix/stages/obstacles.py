"""Problems and remedies: the admin's chains and tables that kube-proxy cannot work with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from nodefix.facts.chains import ChainFacts, Family
from nodefix.facts.kubeproxy import BASES
from nodefix.facts.nft import Obstacle
from nodefix.facts.remedies import AGAIN
from nodefix.plan import Problem

_NFTABLES = "nftables.service"


def problems(facts: ChainFacts) -> Iterator[Problem]:
    """One problem for each chain and for each table.

    kube-proxy goes on where IPv6 is missing, so that only degrades.
    """
    lasting = _NFTABLES in facts.wipers
    for family, obstacles in facts.obstacles.items():
        for one in obstacles:
            yield Problem(
                _message(family, one),
                _hint(one, lasting),
                family.name == "IPv4",
                code="chains-hook-wrong" if one.found else "chains-unreadable-rules",
            )
    yield from _sleeping(facts)


def _sleeping(facts: ChainFacts) -> Iterator[Problem]:
    """Tables that are switched off: nft(8) gives the line that switches one on again."""
    names = {family.nft: family.name for family in facts.families}
    for family, table, origin, line in facts.sleeping.tables:
        written = f"; remove the flag from {origin} (table in line {line}) too" if origin else ""
        yield Problem(
            f"{names[family]} table {table}: found the flag `dormant`, expected a table without"
            f" it: the kernel ignores all its chains, kube-proxy's too{written}",
            f"nft add table {family} {table} && {AGAIN}",
            family == "ip",
            code="chains-table-dormant",
        )
    if facts.sleeping.unclear:
        yield Problem(
            "tables filter and nat: cannot tell whether one has the flag `dormant`:"
            f" {facts.sleeping.unclear}",
            facts.sleeping.hint,
            required=False,
            code="chains-unclear",
        )


def _message(family: Family, one: Obstacle) -> str:
    table, chain = one.key
    where = f"{family.name} table {table}, chain {chain}"
    rules = f" ({'; '.join(one.rules)})" if one.rules else ""
    if one.found:
        said = (
            f"{where}: found one written with nft, {one.found}{rules}, expected none or iptables'"
            f" own, {BASES[one.key]}: kube-proxy cannot make its jumps here"
        )
    else:
        said = (
            f"{where}: found rules written with nft that iptables cannot read{rules}, expected"
            f" rules that it can read: kube-proxy lists this chain, and where that fails it takes"
            f" {family.name} for missing"
        )
    written = f" ({one.origin} line {one.line})" if one.origin else ""
    return f"{said}; its rules work as well in a table of another name{written}"


def _hint(one: Obstacle, lasting: bool) -> str:
    """Rename the table in its file; where that is not known, move the chain.

    Both are one transaction, of nftables.service's reload or of `nft --file`: the admin's rules
    are in force all the time.
    """
    table, chain = one.key
    if one.origin and lasting:
        file = shlex.quote(one.origin)
        return (
            f"cp -p --backup=numbered {file} {file}.saved"
            f" && sed -i '{one.line}s/\\b{table}\\b/{table}_local/' {file}"
            f" && systemctl reload nftables && {AGAIN}"
        )
    place, moved = f"{one.family} {table}", f"/root/{one.family}-{table}-{chain}.nft"
    return (
        f"{{ nft list chain {place} {chain} | grep -v KUBE-"
        f" | sed 's/^table {place} /table {place}_local /';"
        f" echo 'flush chain {place} {chain}; delete chain {place} {chain}'; }} > {moved}"
        f" && nft --file {moved} && {AGAIN}"
    )
