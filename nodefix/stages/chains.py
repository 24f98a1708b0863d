"""The chains and jumps that kube-proxy and kubelet look for exist, in their exact form.

nodefix/facts/kubeproxy.py lists them. kube-proxy's own chains are never emptied, reordered or
deleted, and no rule is added to them.

Tables that the admin wrote with nft are shared with kube-proxy where possible. In a chain with
rules that iptables cannot read kube-proxy finds only what stands above those rules, so its jumps
are made there, as it would make them itself.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.chains import ChainFacts, Family, Rules, read_chains
from nodefix.facts.hint import read_hints
from nodefix.facts.kubeproxy import CHAINS, HINT, PARENTS, SMALL, ChainKey, Jump, jumps_of
from nodefix.facts.modes import MODES
from nodefix.facts.nft import NFT
from nodefix.facts.remedies import ASK_MODULES, remedy
from nodefix.host.node import Host
from nodefix.host.programs import Result
from nodefix.plan import Change, Plan
from nodefix.stages.obstacles import problems

NAME = "chains"
# Nothing here works without the modules, and their remedy is the one that counts.
NEEDS: tuple[str, ...] = ("modules",)
DEADLINE = 30.0

_NONE = "no chain and no jump of Kubernetes'"
_WANTED = "those of kube-proxy's form"


# iptables/xshared.c and iptables/xtables-restore.c: "Error occurred at line: 5", "line 5 failed".
_FAILED_LINE = re.compile(rb"\bline:? (\d{1,9})\b")


class Transaction(NamedTuple):
    """The changes of one table; the kernel makes all of them or none."""

    family: Family
    table: str
    lines: tuple[str, ...]

    def script(self) -> bytes:
        """Input for iptables-restore; no `:CHAIN` line, which would empty that chain."""
        return "\n".join([f"*{self.table}", *self.lines, "COMMIT", ""]).encode()

    def for_nft(self) -> bytes:
        """The same for nft, of new chains alone; one that is there is no error."""
        kind = self.family.nft
        chains = [line.removeprefix("-N ") for line in self.lines]
        lines = [f"add chain {kind} {self.table} {chain}" for chain in chains]
        return "\n".join([f"add table {kind} {self.table}", *lines, ""]).encode()


class Additions(NamedTuple):
    """What one family lacks, table by table.

    Attributes:
        transactions: one for each table.
        with_nft: whether iptables is left out, as kube-proxy does not need it.
    """

    transactions: tuple[Transaction, ...]
    with_nft: bool = False


class Lacking(NamedTuple):
    """What one table lacks, in words, and the transaction that adds it."""

    words: str
    transaction: Transaction


def read(host: Host, config: Config) -> ChainFacts:
    """Read the chains that kube-proxy needs in its mode.

    In ipvs mode it makes all its own chains and jumps, which are others than those of iptables
    mode, and looks for none: it needs the hint only. In nftables mode it does without that, too;
    images of others look for it.

    Raises:
        CommandError: iptables or nft cannot read a table.
        UnclearError: the same, where kube-proxy does without what iptables makes.
    """
    match config.kube_proxy:
        case "iptables":
            return read_chains(host, PARENTS, CHAINS, SMALL)
        case "ipvs":
            return read_chains(host, (), (HINT,), SMALL)
        case "nftables":
            return read_hints(host)
        case _:
            return ChainFacts({})


def plan(facts: ChainFacts, config: Config) -> Plan:
    """Plan one change for each family that lacks something or has the hand fix's bare jumps."""
    if config.kube_proxy == "none":
        return Plan(skipped="kube-proxy's mode is none: this node has no kube-proxy")
    required = MODES[config.kube_proxy].on_node
    changes = [
        change._replace(required=required)
        for family in facts.families
        if (change := _change(facts, family, with_nft=config.kube_proxy == "nftables"))
    ]
    return Plan(tuple(changes), tuple(problems(facts)), notes=tuple(_notes(facts)))


def _notes(facts: ChainFacts) -> Iterator[str]:
    if len(facts.families) == 1:
        yield "IPv6 is switched off in the kernel: IPv4 only"
    for family, keys in facts.native.items():
        told = {one.key for one in facts.obstacles.get(family, ())}
        names = ", ".join(" ".join(key) for key in PARENTS if key in keys - told)
        if names:
            yield (
                f"{family.name} {names}: rules that iptables cannot read, made with nft;"
                " kube-proxy works as long as its jumps stand above them"
            )
    if facts.wipers:
        names = ", ".join(facts.wipers)
        yield (
            f"active, and a reload can delete all chains: {names};"
            " nodefix-chains.service restores Kubernetes' chains"
        )


def _blocked(facts: ChainFacts, family: Family) -> frozenset[ChainKey]:
    """Built-in chains whose place is taken, so that iptables cannot make its own."""
    return frozenset(one.key for one in facts.obstacles.get(family, ()) if one.found)


def _change(facts: ChainFacts, family: Family, with_nft: bool) -> Change | None:
    rules = facts.families[family]
    lacking = [
        found
        for table in ("mangle", "filter", "nat")
        if (found := _lacking(facts, family, table, rules))
    ]
    if not lacking:
        return None
    # Each boot begins with an empty packet filter; one with only some of it was damaged.
    untouched = not any(_is_kubernetes(key, found) for key, found in rules.items())
    return Change(
        target=f"{family.name} chains",
        found=_NONE if untouched else "; ".join(one.words for one in lacking),
        wanted=_WANTED,
        # That stage tries such rules, and says what prevents them.
        hint=ASK_MODULES,
        action=Additions(tuple(one.transaction for one in lacking), with_nft),
        each_boot=untouched,
        code="chains-missing",
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
    """As kube-proxy does: what its own check does not find is inserted on top, in its order.

    Bare jumps stay: iptables would have to read the chain to delete one.
    """
    jumps = jumps_of(parent, native=True)
    missing = [jump for jump in jumps if not set(jump.forms()) & set(found)]
    return [], [f"-I {parent.chain} 1 {jump.rule()}" for jump in missing]


def _parent_lines(parent: ChainKey, rules: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The lines that delete the hand fix's bare jumps, and those that insert jumps."""
    jumps = jumps_of(parent, native=False)
    bare = {f"-j {jump.chain}" for jump in jumps if jump.bare}
    deletions = [f"-D {parent.chain} {rule}" for rule in rules if rule in bare]
    present = [rule for rule in rules if rule not in bare]
    insertions = []
    later: list[Jump] = []
    for jump in reversed(jumps):
        if _position(jump, present) is None:
            # Below the jumps that kube-proxy would have above it, above everything else.
            above = [at for other in later if (at := _position(other, present)) is not None]
            at = max(above) + 1 if above else 0
            insertions.append(f"-I {parent.chain} {at + 1} {jump.rule()}")
            present.insert(at, jump.rule())
        later.append(jump)
    return deletions, insertions


def _position(jump: Jump, rules: list[str]) -> int | None:
    """Where a jump stands among rules, in the form of any kube-proxy (with or without NEW)."""
    forms, end = jump.forms(), f"-j {jump.chain}"
    for at, rule in enumerate(rules):
        # Splitting is dear, and most rules are written as kube-proxy has them.
        if rule in forms or (rule.endswith(end) and _split(rule) in map(_split, forms)):
            return at
    return None


def _split(rule: str) -> list[str]:
    try:
        return shlex.split(rule)
    except ValueError:
        # An unclosed quote in a comment: not a rule of kube-proxy's.
        return []


def apply(change: Change, host: Host) -> None:
    """Make one family's changes, all in one call; if that fails each table alone.

    Each table is changed as a whole or not at all, and each whether others fail or not.

    Raises:
        CommandError: iptables or nft refused; the tables that are named are unchanged.
    """
    assert isinstance(change.action, Additions)
    transactions, with_nft = change.action
    result = _made(host, transactions, with_nft)
    if not result.status:
        return
    refused: dict[str, list[str]] = {}
    left = transactions[_done(result, transactions) :]
    for transaction in left:
        if len(left) > 1 or left != transactions:
            result = _made(host, (transaction,), with_nft)
        if result.status:
            said = f"{result.argv[0]}: {result.telling}"
            refused.setdefault(said, []).append(transaction.table)
    if refused:
        said = "; ".join(f"{words} (tables {', '.join(of)})" for words, of in refused.items())
        raise CommandError(said, remedy(said))


def _made(host: Host, transactions: tuple[Transaction, ...], with_nft: bool) -> Result:
    if with_nft:
        script = b"".join(transaction.for_nft() for transaction in transactions)
        return host.programs.run(NFT, "--file", "-", stdin=script, timeout=20.0)
    script = b"".join(transaction.script() for transaction in transactions)
    restore = transactions[0].family.restore
    return host.programs.run(restore, "--noflush", stdin=script, timeout=20.0)


def _done(result: Result, transactions: tuple[Transaction, ...]) -> int:
    """How many tables iptables-restore has changed before it failed.

    It makes each at its COMMIT and stops at the first that fails, with the number of the line.
    """
    found = _FAILED_LINE.search(result.stderr)
    if not found:
        return 0
    last = 0
    for count, transaction in enumerate(transactions):
        last += transaction.script().count(b"\n")
        if int(found[1]) <= last:
            return count
    return 0
