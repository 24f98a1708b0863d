"""Chains and rules, read with calls whose cost does not depend on the number of rules."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from nodefix.errors import BusError, CommandError
from nodefix.facts.alternatives_links import read_link
from nodefix.facts.kubeproxy import BASES, ChainKey, jumps_of
from nodefix.facts.module_index import must_not_ask
from nodefix.facts.nft import Obstacle, obstacles, read_hooks
from nodefix.facts.nft_dormant import Sleeping, read_dormant
from nodefix.facts.packages import IPTABLES, bring_back, read_packages
from nodefix.facts.remedies import remedy
from nodefix.facts.system import has_ipv6
from nodefix.host.node import Host
from nodefix.host.programs import Call, Outcome, Result, expected
from nodefix.words import FIREWALLS

_READ_SECONDS = 20.0
# iptables' include/xtables.h, VERSION_PROBLEM: a chain has a rule that it cannot parse.
_CANNOT_PARSE = 3
# iptables/nft-ruleparse.c: a rule uses an extension whose library this node does not have.
_NO_LIBRARY = b"extension not found"


class Family(NamedTuple):
    """IPv4 or IPv6: nft's name for it, and the program that reads and changes its tables."""

    name: str
    nft: str
    restore: str


IPV4 = Family("IPv4", "ip", "/usr/sbin/iptables-nft-restore")
IPV6 = Family("IPv6", "ip6", "/usr/sbin/ip6tables-nft-restore")

# The rules of a chain as `iptables -S` prints them, without `-A` and the chain's name; None for a
# missing chain. For a chain that iptables cannot list, the jumps that kube-proxy finds.
Rules = tuple[str, ...] | None


class ChainFacts(NamedTuple):
    """What the chains stage decides on.

    Attributes:
        families: the chains of each family that the kernel has.
        wipers: active services that can delete all chains when they are reloaded.
        native: built-in chains with rules, written with nft, that iptables cannot read.
        obstacles: the admin's chains that kube-proxy cannot work with.
        sleeping: kube-proxy's tables that are switched off as a whole.
    """

    families: Mapping[Family, Mapping[ChainKey, Rules]]
    wipers: tuple[str, ...] = ()
    native: Mapping[Family, frozenset[ChainKey]] = {}
    obstacles: Mapping[Family, tuple[Obstacle, ...]] = {}
    sleeping: Sleeping = Sleeping()


def read_chains(
    host: Host,
    parents: tuple[ChainKey, ...],
    chains: tuple[ChainKey, ...],
    small: frozenset[ChainKey],
) -> ChainFacts:
    """Read the built-in chains and whether the named ones exist, for each family.

    A chain that is the target of a jump exists and is not listed: KUBE-SERVICES can hold tens of
    thousands of rules.

    Args:
        host: the node.
        parents: built-in chains, which can always be listed.
        chains: chains that may be missing.
        small: those that no jump leads to and that hold a rule or two.

    Raises:
        CommandError: iptables or nft cannot read a table.
    """
    rules, native, found = {}, {}, {}
    families = (IPV4, IPV6) if has_ipv6(host.root) else (IPV4,)
    if must_not_ask(host, "nf_tables"):
        # A kernel without the module has no chains.
        none: dict[ChainKey, Rules] = {**dict.fromkeys(chains), **dict.fromkeys(parents, ())}
        return ChainFacts(dict.fromkeys(families, none), wipers(host))
    listings = _listings(host, families, (*parents, *(key for key in chains if key in small)))
    for family, listing in listings.items():
        listed = _listed(host, family, parents, listing)
        rules[family], bases = _completed(host, family, listed, parents, chains)
        native[family] = frozenset(listed.native)
        judged = frozenset(key for key, theirs in listed.native.items() if theirs)
        found[family] = obstacles(host, family.nft, bases, judged) if parents else ()
    tables = tuple(dict.fromkeys(key.table for key in parents))
    names = tuple(family.nft for family in families)
    sleeping = read_dormant(host, names, tables) if tables else Sleeping()
    return ChainFacts(rules, wipers(host), native, found, sleeping)


def wipers(host: Host) -> tuple[str, ...]:
    """firewalld with FlushAllOnReload=yes, the others by `flush ruleset` or iptables-restore."""
    try:
        return host.systemd.active_units(FIREWALLS)
    except BusError:
        return ()


class _First(NamedTuple):
    """What is to be listed of a family, and what came of the first try."""

    keys: tuple[ChainKey, ...]
    outcome: Outcome | None


class _Listing(NamedTuple):
    """What iptables lists.

    Attributes:
        found: chains with their rules.
        native: built-in chains that it cannot list, each with whether kube-proxy's own iptables
            cannot either; the library of an extension may be missing on the node only.
    """

    found: dict[ChainKey, Rules]
    native: dict[ChainKey, bool]


def _listings(
    host: Host, families: tuple[Family, ...], keys: tuple[ChainKey, ...]
) -> dict[Family, _First]:
    """The first listing of each family, all at the same time."""
    outcomes = host.programs.read_all([_call(family, _script(keys)) for family in families])
    return {
        family: _First(keys, outcome) for family, outcome in zip(families, outcomes, strict=True)
    }


def _listed(host: Host, family: Family, parents: tuple[ChainKey, ...], first: _First) -> _Listing:
    found: dict[ChainKey, Rules] = {}
    native: dict[ChainKey, bool] = {}
    left, outcome = first
    while left:
        result = _answer(host, family, outcome or _run(host, family, _script(left)))
        outcome = None
        some = _parse(result.text, left)
        stopped = _stopped_at(result, left, some)
        found.update((key, rules) for key, rules in some.items() if key != stopped)
        if stopped not in parents:
            # A chain is missing, or all are listed.
            break
        native[stopped] = _NO_LIBRARY not in result.stderr
        left = left[left.index(stopped) + 1 :]
    if any(key not in found and key not in native for key in parents):
        words = result.telling
        raise CommandError(
            f"{family.restore}: cannot read the {family.name} tables: {words}", remedy(words)
        )
    return _Listing(found | {key: _checked(host, family, key) for key in native}, native)


def _stopped_at(
    result: Result, keys: tuple[ChainKey, ...], found: Mapping[ChainKey, Rules]
) -> ChainKey | None:
    """The chain that iptables could not list; None after success or another error.

    Source: iptables iptables/nft.c (nft_assert_table_compatible), nft-ruleparse.c (Parsing
    nftables rule failed). The first comes before any output for the chain, the second after its
    head.
    """
    if result.status == _CANNOT_PARSE and found:
        return list(found)[-1]
    if result.status and b"is incompatible" in result.stderr:
        return next((key for key in keys if key not in found), None)
    return None


def _checked(host: Host, family: Family, parent: ChainKey) -> tuple[str, ...]:
    """The jumps that kube-proxy's own check finds in a chain that iptables cannot list.

    kube-proxy checks with `-C`, which reads from the top down to the wanted rule: it fails only
    if a rule above that one cannot be parsed.
    """
    wanted = [jump.forms() for jump in jumps_of(parent, native=True)]
    if _has(host, family, parent, *(forms[0] for forms in wanted)):
        return tuple(forms[0] for forms in wanted)
    found = (next((f for f in forms if _has(host, family, parent, f)), "") for forms in wanted)
    return tuple(rule for rule in found if rule)


def _has(host: Host, family: Family, parent: ChainKey, *rules: str) -> bool:
    lines = [f"*{parent.table}", *(f"-C {parent.chain} {rule}" for rule in rules), "COMMIT", ""]
    script = "\n".join(lines).encode()
    result = _answer(host, family, _run(host, family, script))
    if b"Couldn't load" in result.stderr:
        # Without the library no check is possible, and "not found" would be a guess.
        words = result.telling
        raise CommandError(
            f"{family.restore}: cannot read the {family.name} tables: {words}", remedy(words)
        )
    return not result.status


def _completed(
    host: Host,
    family: Family,
    listed: _Listing,
    parents: tuple[ChainKey, ...],
    chains: tuple[ChainKey, ...],
) -> tuple[dict[ChainKey, Rules], dict[ChainKey, str]]:
    """The chains, with whether each other one exists; all chains' hooks, if one is missing."""
    found = listed.found
    there = {
        ChainKey(parent.table, target(rule)) for parent in parents for rule in found[parent] or ()
    }
    there |= found.keys()
    led_to = [
        ChainKey(j.table, j.chain) for key in listed.native for j in jumps_of(key, native=True)
    ]
    wanted = dict.fromkeys((*chains, *led_to))
    bases: dict[ChainKey, str] = {}
    # A chain of the admin's under the name of iptables' own is listed as empty.
    if not there.issuperset(wanted) or not all(found[key] for key in parents):
        bases = read_hooks(host, family.nft, dict.fromkeys((*wanted, *parents, *BASES)))
        there |= bases.keys()
    others = {key: () if key in there else None for key in wanted if key not in found}
    return found | others, bases


def target(rule: str) -> str:
    """The chain that a rule jumps or goes to; empty if it does neither."""
    try:
        words = shlex.split(rule)
    except ValueError:
        words = rule.split()
    for at in range(len(words) - 2, -1, -1):
        if words[at] in ("-j", "-g"):
            return words[at + 1]
    return ""


def _script(keys: tuple[ChainKey, ...]) -> bytes:
    """What lists chains up to the first that is missing, in one call.

    `-S` in a restore prints what it prints alone, at a quarter of the cost of single calls, and
    changes nothing: without a `:CHAIN` line no table is made and no chain is emptied.
    """
    lines: list[str] = []
    table = ""
    for key in keys:
        if key.table != table:
            lines += ["COMMIT"] * bool(table) + [f"*{key.table}"]
            table = key.table
        lines.append(f"-S {key.chain}")
    return "\n".join([*lines, "COMMIT", ""]).encode()


def _call(family: Family, script: bytes) -> Call:
    """Run iptables-restore without its own flush."""
    return Call((family.restore, "--noflush"), script, _READ_SECONDS)


def _run(host: Host, family: Family, script: bytes) -> Outcome:
    (outcome,) = host.programs.read_all([_call(family, script)])
    return outcome


def _answer(host: Host, family: Family, outcome: Outcome) -> Result:
    """What iptables-restore left.

    Raises:
        CommandError: it cannot be started. Where its file is missing, with the same remedy as the
            alternatives stage: one cause, one remedy.
    """
    if isinstance(outcome, CommandError):
        link = read_link(host, family.restore)
        if not link.end and link.kind in ("absent", "link"):
            raise CommandError(outcome.message, bring_back(IPTABLES, read_packages(host)))
    return expected(outcome)


def _parse(text: str, keys: tuple[ChainKey, ...]) -> dict[ChainKey, Rules]:
    """Split a listing at its heads, `-P CHAIN policy` or `-N CHAIN`, in the order of the keys."""
    found: dict[ChainKey, Rules] = {}
    waiting = list(keys)
    rules: list[str] = []
    chain = ""
    for line in text.split("\n"):
        words = line.split(" ", 2)
        # Other lines are warnings, or the rest of a comment that contains a line end.
        if words[0] in ("-P", "-N") and waiting and waiting[0].chain == words[1]:
            chain, rules = words[1], []
            found[waiting.pop(0)] = ()
        elif words[0] == "-A" and len(words) == 3 and chain == words[1]:
            rules.append(words[2])
            found[list(found)[-1]] = tuple(rules)
    return found
