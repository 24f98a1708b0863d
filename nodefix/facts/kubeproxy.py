"""What kube-proxy and kubelet look for in the packet filter, as data.

Sources: kubernetes pkg/proxy/iptables/proxier.go (iptablesJumpChains, iptablesKubeletJumpChains)
for jumps, their order and form; pkg/util/iptables/iptables.go (Present) for the chain that tells
whether a family exists; pkg/kubelet/kubelet_network_linux.go and kubernetes-sigs/iptables-wrappers
internal/iptables/detect.go for the hint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ChainKey(NamedTuple):
    """A chain's table and name."""

    table: str
    chain: str


class Jump(NamedTuple):
    """A rule of a built-in chain that leads to one of Kubernetes'.

    Attributes:
        table: both chains' table.
        parent: the built-in chain.
        chain: its target.
        comment: kube-proxy's comment, by which it recognises the rule; empty if it has none.
        new: whether it is for new connections only.
        bare: whether the hand fix makes it without a comment.
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
        comment = f'-m comment --comment "{self.comment}" ' if self.comment else ""
        return f"{state}{comment}-j {self.chain}"

    def forms(self) -> tuple[str, ...]:
        """The rule as kube-proxy makes it: this release's form first, then that of others."""
        return (self.rule(), self.rule(not self.new)) if self.comment else (self.rule(),)


_EXTERNAL = "kubernetes externally-visible service portals"
_HEALTH = "kubernetes health check service ports"
_PORTALS = "kubernetes service portals"
_FORWARDING = "kubernetes forwarding rules"
_FIREWALL = "kubernetes load balancer firewall"
_POSTROUTING = "kubernetes postrouting rules"

# In kube-proxy's order. It inserts each on top, so the last one of a parent stands first.
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

# kube-proxy and kubelet make these themselves, except in a chain that iptables cannot read to its
# end: there nodefix makes them.
KUBELET_JUMPS = (
    Jump("filter", "INPUT", "KUBE-FIREWALL", ""),
    Jump("filter", "OUTPUT", "KUBE-FIREWALL", ""),
)

# kube-proxy's image tells the node's iptables mode by the hint.
HINT = ChainKey("mangle", "KUBE-IPTABLES-HINT")
# Chains without a jump of their own, as the hand fix made them. Its KUBE-FIREWALL of nat is not one
# of them: no kube-proxy refers to that any more, and none cleans it up.
EXTRA = (ChainKey("nat", "KUBE-MARK-MASQ"),)
# kube-proxy lists it; where that fails it takes the whole family for missing.
PRESENCE = ChainKey("nat", "POSTROUTING")

PARENTS = tuple(dict.fromkeys(ChainKey(jump.table, jump.parent) for jump in JUMPS))
CHAINS = (*dict.fromkeys(ChainKey(jump.table, jump.chain) for jump in JUMPS), *EXTRA, HINT)
# No jump leads to these, and they hold one or two rules.
SMALL = frozenset((*EXTRA, HINT))

# How iptables makes each built-in chain: iptables iptables/nft.c, xtables_ipv4. A chain of that
# name with another hook is none to iptables, and its own cannot be made beside it.
BASES: Mapping[ChainKey, str] = {
    ChainKey("filter", "INPUT"): "type filter hook input priority 0",
    ChainKey("filter", "FORWARD"): "type filter hook forward priority 0",
    ChainKey("filter", "OUTPUT"): "type filter hook output priority 0",
    ChainKey("nat", "PREROUTING"): "type nat hook prerouting priority -100",
    ChainKey("nat", "OUTPUT"): "type nat hook output priority -100",
    ChainKey("nat", "POSTROUTING"): "type nat hook postrouting priority 100",
}


def jumps_of(parent: ChainKey, native: bool) -> tuple[Jump, ...]:
    """The jumps of a built-in chain in kube-proxy's order; `native` if iptables cannot read it."""
    jumps = (*JUMPS, *KUBELET_JUMPS) if native else JUMPS
    return tuple(jump for jump in jumps if (jump.table, jump.parent) == parent)
