"""Kubernetes' chains and jumps that are still as nodefix made them are taken away.

That is, no chain of Kubernetes' holds a rule or has another name than nodefix gives, and no other
rule leads to one: then neither kube-proxy nor kubelet has been at work with them. The kernel has
the last word: it refuses to delete a chain that is not empty or that anything refers to, and then
nothing in its table is changed (iptables-restore is one transaction a table).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.facts.chains import IPV4, IPV6, Family, target
from nodefix.facts.kubeproxy import CHAINS, PARENTS, ChainKey, jumps_of
from nodefix.facts.module_index import must_not_ask
from nodefix.facts.nft import read_bases
from nodefix.facts.system import has_ipv6
from nodefix.host.node import Host
from nodefix.undoing.item import Item
from nodefix.words import FAILED, KEPT, RESTORED

_SECONDS = 20.0
_KUBERNETES = "KUBE-"
_NEXT_BOOT = "they are gone at the next boot"


class Table(NamedTuple):
    """One table with chains of nodefix' set.

    Attributes:
        family: IPv4 or IPv6.
        name: the table's.
        chains: those that are there.
        rules: the rules of these and of the built-in ones, by chain, without `-A` and its name.
    """

    family: Family
    name: str
    chains: tuple[ChainKey, ...]
    rules: Mapping[str, tuple[str, ...]]

    @property
    def jumps(self) -> tuple[tuple[str, str], ...]:
        """Chain and rule of each rule that leads to a chain of Kubernetes'."""
        pairs = ((chain, rule) for chain, rules in self.rules.items() for rule in rules)
        return tuple(pair for pair in pairs if target(pair[1]).startswith(_KUBERNETES))

    @property
    def used(self) -> str:
        """By what it is used; empty if it is as nodefix made it."""
        for key in self.chains:
            if self.rules[key.chain]:
                return f"{key.chain} holds rules"
        for chain, rule in self.jumps:
            jumps = jumps_of(ChainKey(self.name, chain), native=False)
            if rule not in {jump.rule() for jump in jumps}:
                return f"{chain} has a rule that nodefix did not make: {rule}"
        return ""

    def script(self) -> bytes:
        """What takes jumps and chains away, for iptables-restore."""
        lines = [f"-D {chain} {rule}" for chain, rule in self.jumps]
        lines += [f"-X {key.chain}" for key in self.chains]
        return "\n".join([f"*{self.name}", *lines, "COMMIT", ""]).encode()

    def item(self, outcome: str, why: str = "", hint: str = "") -> Item:
        """What came of it."""
        names = ", ".join(key.chain for key in self.chains)
        jumps = f" and {len(self.jumps)} jumps" if self.jumps else ""
        found = f"{names}{jumps}"
        return Item(f"{self.family.name} table {self.name}", outcome, found, "nothing", why, hint)


def take_away(host: Host, *, dry_run: bool) -> Iterator[Item]:
    """Take the chains of both families away; nothing is raised."""
    host = host._replace(may_load=not dry_run)
    if must_not_ask(host, "nf_tables"):
        # A kernel without the module has no chains.
        return
    for family in (IPV4, IPV6) if has_ipv6(host.root) else (IPV4,):
        try:
            yield from _family(host, family, dry_run=dry_run)
        except NodefixError as error:
            found = "what could not be read"
            yield Item(f"{family.name} chains", FAILED, found, "nothing", error.message, error.hint)


def _family(host: Host, family: Family, *, dry_run: bool) -> Iterator[Item]:
    there = read_bases(host, family.nft)
    ours = tuple(key for key in CHAINS if key in there)
    others = [key.chain for key in there if key.chain.startswith(_KUBERNETES) and key not in ours]
    if not ours:
        return
    if others:
        # Chains that kubelet and kube-proxy make besides, so they are at work.
        found = f"{len(ours) + len(others)} chains of Kubernetes'"
        why = f"kubelet or kube-proxy uses them ({', '.join(others[:3])}); {_NEXT_BOOT}"
        yield Item(f"{family.name} chains", KEPT, found, "nothing", why)
        return
    for name in dict.fromkeys(key.table for key in ours):
        yield _table(host, family, name, there, dry_run=dry_run)


def _table(
    host: Host, family: Family, name: str, there: Mapping[ChainKey, str], *, dry_run: bool
) -> Item:
    chains = tuple(key for key in CHAINS if key in there and key.table == name)
    parents = tuple(key for key in PARENTS if key in there and key.table == name)
    lines = [f"*{name}", *(f"-S {key.chain}" for key in (*parents, *chains)), "COMMIT", ""]
    script = "\n".join(lines).encode()
    listed = host.programs.read(family.restore, "--noflush", stdin=script, timeout=_SECONDS)
    rules = {key.chain: _rules(listed.text, key.chain) for key in (*parents, *chains)}
    table = Table(family, name, chains, rules)
    if listed.status:
        why = f"iptables cannot list all of it ({listed.telling}); {_NEXT_BOOT}"
        return table.item(KEPT, why)
    if table.used:
        return table.item(KEPT, f"{table.used}; {_NEXT_BOOT}")
    if dry_run:
        return table.item(RESTORED)
    done = host.programs.run(family.restore, "--noflush", stdin=table.script(), timeout=_SECONDS)
    if done.status:
        return table.item(KEPT, f"the kernel refuses ({done.telling}); {_NEXT_BOOT}")
    if left := [key.chain for key in read_bases(host, family.nft) if key in chains]:
        hint = f"nft list table {family.nft} {name}"
        return table.item(FAILED, f"still there: {', '.join(left)}", hint)
    return table.item(RESTORED)


def _rules(text: str, chain: str) -> tuple[str, ...]:
    begin = f"-A {chain} "
    return tuple(line.removeprefix(begin) for line in text.split("\n") if line.startswith(begin))
