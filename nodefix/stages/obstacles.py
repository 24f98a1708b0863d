"""What to say, and to type, about the admin's chains that kube-proxy cannot work with."""

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
    """One problem for each chain.

    kube-proxy takes a missing IPv6 for no reason to stop, so it only degrades.
    """
    lasting = _NFTABLES in facts.wipers
    for family, obstacles in facts.obstacles.items():
        for one in obstacles:
            yield Problem(_message(family, one), _hint(one, lasting), family.name == "IPv4")


def _message(family: Family, one: Obstacle) -> str:
    table, chain = one.key
    where = f"{family.name} table {table}, chain {chain}"
    rules = f" ({'; '.join(one.rules)})" if one.rules else ""
    if one.found:
        said = (
            f"{where}: found one written with nft, {one.found}{rules}, expected none or iptables'"
            f" own, {BASES[one.key]}: beside it kube-proxy's jumps cannot be made"
        )
    else:
        said = (
            f"{where}: found rules written with nft that iptables cannot read{rules}, expected it"
            f" readable: kube-proxy lists this chain, and without it takes {family.name} for"
            " missing"
        )
    written = f" ({one.origin} line {one.line})" if one.origin else ""
    return f"{said}; a table of another name can have them{written}"


def _hint(one: Obstacle, lasting: bool) -> str:
    """Rename the table where it is written; where that is not known, move the chain.

    Both are done at once or not at all: nftables.service reloads in one transaction, and so does
    `nft --file`. No packet meets a node without the admin's rules.
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
