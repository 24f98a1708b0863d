"""The chains and jumps that kube-proxy and kubelet look for are there, in their exact form.

What they are is in nodefix/facts/kubeproxy.py. What kube-proxy owns is never emptied, reordered
or deleted, and nothing is put into its chains.

Tables that the admin writes with nft itself are shared with kube-proxy where it can be done. Of a
chain with rules that iptables cannot read kube-proxy can only find what stands above them, so its
jumps are made there, as it would make them itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.chains import ChainFacts, Family, Rules, read_chains
from nodefix.facts.kubeproxy import CHAINS, HINT, PARENTS, SMALL, ChainKey, Jump, jumps_of
from nodefix.facts.remedies import ASK_MODULES, remedy
from nodefix.host.node import Host
from nodefix.plan import Change, Plan
from nodefix.stages.obstacles import problems

NAME = "chains"
# Without the modules nothing of it works, and their remedy is the one that counts.
NEEDS: tuple[str, ...] = ("modules",)
DEADLINE = 30.0

_NONE = "no chain and no jump of Kubernetes'"
_WANTED = "those of kube-proxy's form"


class Transaction(NamedTuple):
    """The changes of one table, which the kernel makes all or none of."""

    family: Family
    table: str
    lines: tuple[str, ...]

    def script(self) -> bytes:
        """Input for iptables-restore; no `:CHAIN` line, which would empty that chain."""
        return "\n".join([f"*{self.table}", *self.lines, "COMMIT", ""]).encode()


class Lacking(NamedTuple):
    """What one table lacks, in words, and what puts it right."""

    words: str
    transaction: Transaction


def read(host: Host, config: Config) -> ChainFacts:
    """Read the chains that kube-proxy's mode is about."""
    match config.kube_proxy:
        case "iptables":
            return read_chains(host, PARENTS, CHAINS, SMALL)
        case "nftables":
            return read_chains(host, (), (HINT,), SMALL)
        case _:
            return ChainFacts({})


def plan(facts: ChainFacts, config: Config) -> Plan:
    """One change for each family that lacks something or has the hand fix's bare jumps."""
    if config.kube_proxy == "none":
        return Plan(skipped="the setting `kube_proxy: none`: this cluster has no kube-proxy")
    changes = [change for family in facts.families if (change := _change(facts, family))]
    return Plan(tuple(changes), tuple(problems(facts)), notes=tuple(_notes(facts)))


def _notes(facts: ChainFacts) -> Iterator[str]:
    if len(facts.families) == 1:
        yield "IPv6 is switched off in the kernel: IPv4 only"
    for family, keys in facts.native.items():
        told = {one.key for one in facts.obstacles.get(family, ())}
        names = ", ".join(" ".join(key) for key in PARENTS if key in keys - told)
        if names:
            yield (
                f"{family.name} {names}: rules that iptables cannot read, as nft makes them;"
                " kube-proxy can live with that while its jumps stand above them"
            )
    if facts.wipers:
        names = ", ".join(facts.wipers)
        yield (
            f"active and wiping all chains at a reload: {names};"
            " nodefix-chains.service brings Kubernetes' back"
        )


def _blocked(facts: ChainFacts, family: Family) -> frozenset[ChainKey]:
    """Built-in chains of which iptables can make none of its own."""
    return frozenset(one.key for one in facts.obstacles.get(family, ()) if one.found)


def _change(facts: ChainFacts, family: Family) -> Change | None:
    rules = facts.families[family]
    lacking = [
        found
        for table in ("mangle", "filter", "nat")
        if (found := _lacking(facts, family, table, rules))
    ]
    if not lacking:
        return None
    # Each boot finds the packet filter empty; one that has some of it was damaged.
    untouched = not any(_is_kubernetes(key, found) for key, found in rules.items())
    return Change(
        target=f"{family.name} chains",
        found=_NONE if untouched else "; ".join(one.words for one in lacking),
        wanted=_WANTED,
        # What keeps iptables from making them is told by the stage that tries its rules.
        hint=ASK_MODULES,
        action=tuple(one.transaction for one in lacking),
        each_boot=untouched,
    )


def _is_kubernetes(key: ChainKey, rules: Rules) -> bool:
    if key in PARENTS:
        return any("KUBE-" in rule for rule in rules or ())
    return rules is not None


def _lacking(
    facts: ChainFacts, family: Family, table: str, rules: Mapping[ChainKey, Rules]
) -> Lacking | None:
    absent = [key.chain for key, found in rules.items() if key.table == table and found is None]
    lines = [f"-N {chain}" for chain in absent]
    bare: list[str] = []
    missing: list[str] = []
    native, blocked = facts.native.get(family, ()), _blocked(facts, family)
    for parent in PARENTS:
        if parent.table != table or parent not in rules or parent in blocked:
            continue
        make = _native_lines if parent in native else _parent_lines
        deletions, insertions = make(parent, rules[parent] or ())
        lines += deletions + insertions
        bare += [parent.chain] * len(deletions)
        missing += [parent.chain] * len(insertions)
    if not lines:
        return None
    transaction = Transaction(family, table, tuple(lines))
    own = [(key, found) for key, found in rules.items() if key.table == table]
    if len(absent) > 1 and not any(_is_kubernetes(key, found) for key, found in own):
        return Lacking(f"{table}: {_NONE}", transaction)
    found = [f"no chain {', '.join(absent)}"] if absent else []
    found += [f"no jump in {_counted(missing)}"] if missing else []
    found += [f"a jump without kube-proxy's comment in {_counted(bare)}"] if bare else []
    return Lacking(f"{table}: {', '.join(found)}", transaction)


def _counted(parents: list[str]) -> str:
    """`FORWARD (4), OUTPUT` for a list with repetitions."""
    counts = {parent: parents.count(parent) for parent in parents}
    return ", ".join(f"{name} ({n})" if n > 1 else name for name, n in counts.items())


def _native_lines(parent: ChainKey, found: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """As kube-proxy does: what its own check does not find goes to the top, in its order.

    Bare jumps are left: to delete one iptables has to read the chain.
    """
    jumps = jumps_of(parent, native=True)
    missing = [jump for jump in jumps if not set(jump.forms()) & set(found)]
    return [], [f"-I {parent.chain} 1 {jump.rule()}" for jump in missing]


def _parent_lines(parent: ChainKey, rules: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The lines that take the hand fix's bare jumps out, and those that put jumps in."""
    jumps = jumps_of(parent, native=False)
    bare = {f"-j {jump.chain}" for jump in jumps if jump.bare}
    deletions = [f"-D {parent.chain} {rule}" for rule in rules if rule in bare]
    present = [rule for rule in rules if rule not in bare]
    insertions = []
    later: list[Jump] = []
    for jump in reversed(jumps):
        if _position(jump, present) is None:
            # Behind the jumps that kube-proxy would have above it, before everything else.
            above = [at for other in later if (at := _position(other, present)) is not None]
            at = max(above) + 1 if above else 0
            insertions.append(f"-I {parent.chain} {at + 1} {jump.rule()}")
            present.insert(at, jump.rule())
        later.append(jump)
    return deletions, insertions


def _position(jump: Jump, rules: list[str]) -> int | None:
    """Where a jump stands among rules, in the form of any kube-proxy (with or without NEW)."""
    wanted = [shlex.split(form) for form in jump.forms()]
    for at, rule in enumerate(rules):
        if rule.endswith(f"-j {jump.chain}") and _split(rule) in wanted:
            return at
    return None


def _split(rule: str) -> list[str]:
    try:
        return shlex.split(rule)
    except ValueError:
        # A quote of somebody's comment that is not closed: no rule of kube-proxy's.
        return []


def apply(change: Change, host: Host) -> None:
    """Make one family's changes, each table's all or none; one that fails keeps none from others.

    Raises:
        CommandError: iptables refused; nothing of the tables that are named was changed.
    """
    transactions: tuple[Transaction, ...] = change.action
    refused: dict[str, list[str]] = {}
    for transaction in transactions:
        program = transaction.family.restore
        result = host.programs.run(program, "--noflush", stdin=transaction.script(), timeout=20.0)
        if result.status:
            refused.setdefault(f"{program}: {result.telling}", []).append(transaction.table)
    if refused:
        said = "; ".join(f"{words} (tables {', '.join(of)})" for words, of in refused.items())
        raise CommandError(said, remedy(said))
