"""The chains and jumps that kube-proxy and kubelet look for are there, in their exact form.

Sources: kubernetes pkg/proxy/iptables/proxier.go (iptablesJumpChains) for jumps, their order and
form; pkg/kubelet/kubelet_network_linux.go and kubernetes-sigs/iptables-wrappers
internal/iptables/detect.go for the hint. What kube-proxy owns is never emptied, reordered or
deleted, and nothing is put into its chains.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.chains import ChainFacts, ChainKey, Family, Rules, read_chains
from nodefix.host import Host
from nodefix.plan import Change, Plan

NAME = "chains"
DEADLINE = 30.0


class Jump(NamedTuple):
    """A rule of a built-in chain that leads to one of Kubernetes'.

    Attributes:
        table: both chains' table.
        parent: the built-in chain.
        chain: where it leads.
        comment: kube-proxy's comment, by which it recognises the rule.
        new: whether it is for new connections only.
        bare: whether the hand fix made it without a comment.
    """

    table: str
    parent: str
    chain: str
    comment: str
    new: bool = False
    bare: bool = False

    def rule(self, new: bool | None = None) -> str:
        """The rule as iptables prints it, without the parent's name."""
        only_new = self.new if new is None else new
        state = "-m conntrack --ctstate NEW " if only_new else ""
        return f'{state}-m comment --comment "{self.comment}" -j {self.chain}'


_EXTERNAL = "kubernetes externally-visible service portals"
_HEALTH = "kubernetes health check service ports"
_PORTALS = "kubernetes service portals"
_FORWARDING = "kubernetes forwarding rules"
_FIREWALL = "kubernetes load balancer firewall"
_POSTROUTING = "kubernetes postrouting rules"

# In kube-proxy's order. It inserts each at the top, so the last of a parent comes first there.
JUMPS = (
    Jump("filter", "INPUT", "KUBE-EXTERNAL-SERVICES", _EXTERNAL, new=True),
    Jump("filter", "FORWARD", "KUBE-EXTERNAL-SERVICES", _EXTERNAL, new=True),
    Jump("filter", "INPUT", "KUBE-NODEPORTS", _HEALTH),
    Jump("filter", "FORWARD", "KUBE-SERVICES", _PORTALS, new=True),
    Jump("filter", "OUTPUT", "KUBE-SERVICES", _PORTALS, new=True),
    Jump("filter", "FORWARD", "KUBE-FORWARD", _FORWARDING, bare=True),
    Jump("filter", "INPUT", "KUBE-PROXY-FIREWALL", _FIREWALL, new=True),
    Jump("filter", "OUTPUT", "KUBE-PROXY-FIREWALL", _FIREWALL, new=True),
    Jump("filter", "FORWARD", "KUBE-PROXY-FIREWALL", _FIREWALL, new=True),
    Jump("nat", "OUTPUT", "KUBE-SERVICES", _PORTALS, bare=True),
    Jump("nat", "PREROUTING", "KUBE-SERVICES", _PORTALS, bare=True),
    Jump("nat", "POSTROUTING", "KUBE-POSTROUTING", _POSTROUTING, bare=True),
)

# kube-proxy's image looks for the hint to tell the node's iptables mode.
HINT = ChainKey("mangle", "KUBE-IPTABLES-HINT")
# Chains without a jump of their own, as the hand fix made them.
EXTRA = (ChainKey("nat", "KUBE-MARK-MASQ"), ChainKey("nat", "KUBE-FIREWALL"))

PARENTS = tuple(dict.fromkeys(ChainKey(jump.table, jump.parent) for jump in JUMPS))
CHAINS = (*dict.fromkeys(ChainKey(jump.table, jump.chain) for jump in JUMPS), *EXTRA, HINT)
_SMALL = frozenset(key.chain for key in (*EXTRA, HINT))

_BY_HAND = "nodefix run --stage chains"


class Transaction(NamedTuple):
    """The changes of one table, which the kernel makes all or none of."""

    family: Family
    table: str
    lines: tuple[str, ...]

    def script(self) -> bytes:
        """Input for iptables-restore; no `:CHAIN` line, which would empty that chain."""
        return "\n".join([f"*{self.table}", *self.lines, "COMMIT", ""]).encode()


def read(host: Host, config: Config) -> ChainFacts:
    """Read the chains that kube-proxy's mode is about."""
    match config.chains:
        case "iptables":
            return read_chains(host, PARENTS, CHAINS, _SMALL)
        case "nftables":
            return read_chains(host, (), (HINT,), _SMALL)
        case _:
            return ChainFacts({})


def plan(facts: ChainFacts, config: Config) -> Plan:
    """One transaction for each table that lacks something or has the hand fix's bare jumps."""
    if config.chains == "off":
        return Plan(skipped="the setting `chains: off`: this cluster has no kube-proxy")
    changes = [
        change
        for family, rules in facts.families.items()
        for table in ("mangle", "filter", "nat")
        if (change := _table_change(family, table, rules))
    ]
    return Plan(tuple(changes), notes=tuple(_notes(facts)))


def _notes(facts: ChainFacts) -> Iterator[str]:
    if len(facts.families) == 1:
        yield "IPv6 is switched off in the kernel: IPv4 only"
    if facts.wipers:
        names = ", ".join(facts.wipers)
        yield (
            f"active and wiping all chains at a reload: {names};"
            " nodefix-chains@.service brings Kubernetes' back"
        )


def _table_change(family: Family, table: str, rules: Mapping[ChainKey, Rules]) -> Change | None:
    absent = [key.chain for key in CHAINS if key.table == table and rules.get(key, ()) is None]
    lines = [f"-N {chain}" for chain in absent]
    bare: list[str] = []
    missing: list[str] = []
    for parent in PARENTS:
        if parent.table == table and parent in rules:
            deletions, insertions = _parent_lines(parent.chain, table, rules[parent] or ())
            lines += deletions + insertions
            bare += [parent.chain] * len(deletions)
            missing += [parent.chain] * len(insertions)
    if not lines:
        return None
    found = [f"no chain {', '.join(absent)}"] if absent else []
    found += [f"no jump in {_counted(missing)}"] if missing else []
    found += [f"a jump without kube-proxy's comment in {_counted(bare)}"] if bare else []
    return Change(
        target=f"{family.name} table {table}",
        found="; ".join(found),
        wanted="the chains and jumps in kube-proxy's form",
        hint=_BY_HAND,
        action=Transaction(family, table, tuple(lines)),
    )


def _counted(parents: list[str]) -> str:
    """`FORWARD (4), OUTPUT` for a list with repetitions."""
    counts = {parent: parents.count(parent) for parent in parents}
    return ", ".join(f"{name} ({n})" if n > 1 else name for name, n in counts.items())


def _parent_lines(parent: str, table: str, rules: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The lines that take the hand fix's bare jumps out, and those that put jumps in."""
    jumps = [jump for jump in JUMPS if (jump.table, jump.parent) == (table, parent)]
    bare = {f"-j {jump.chain}" for jump in jumps if jump.bare}
    deletions = [f"-D {parent} {rule}" for rule in rules if rule in bare]
    present = [rule for rule in rules if rule not in bare]
    insertions = []
    later: list[Jump] = []
    for jump in reversed(jumps):
        if _position(jump, present) is None:
            # Behind the jumps that kube-proxy would have above it, before everything else.
            above = [at for other in later if (at := _position(other, present)) is not None]
            at = max(above) + 1 if above else 0
            insertions.append(f"-I {parent} {at + 1} {jump.rule()}")
            present.insert(at, jump.rule())
        later.append(jump)
    return deletions, insertions


def _position(jump: Jump, rules: list[str]) -> int | None:
    """Where a jump stands among rules, in the form of any kube-proxy (with or without NEW)."""
    wanted = [shlex.split(jump.rule(new)) for new in (True, False)]
    for at, rule in enumerate(rules):
        if rule.endswith(f"-j {jump.chain}") and shlex.split(rule) in wanted:
            return at
    return None


def apply(change: Change, host: Host) -> None:
    """Make one table's changes, all or none.

    Raises:
        CommandError: iptables refused; nothing of this table was changed.
    """
    transaction: Transaction = change.action
    program = transaction.family.restore
    result = host.commands.run(program, "--noflush", stdin=transaction.script(), timeout=20.0)
    if result.status:
        raise CommandError(f"{program}: {result.words}", _BY_HAND)
