"""What kube-proxy's rules use in each of its modes, each with a rule to try it.

A rule that fails takes all of kube-proxy's with it, since iptables-restore and nft make all rules
of one input or none. So what any cluster's rules use is required; what only some services use is
not, since a node must not be held for what nobody may ask of it.
"""

from __future__ import annotations

from typing import NamedTuple

IPV6 = "IPv6"

# Rules are written for IPv4; these make one for IPv6 of it.
_SIX = (
    ("192.0.2.1:80", "[2001:db8::1]:80"),
    ("192.0.2.", "2001:db8::"),
    ("127.0.0.0/8", "::1"),
    ("ipv4_addr", "ipv6_addr"),
    ("ip saddr", "ip6 saddr"),
    ("ip daddr", "ip6 daddr"),
    ("dnat ip addr", "dnat ip6 addr"),
)


class Feature(NamedTuple):
    """One thing that kube-proxy's rules use.

    Attributes:
        name: the match or target.
        module: the kernel module that provides it.
        lost: what does not work without it.
        table: the table in which it is tried; empty for a rule of nft.
        rule: a chain and a rule in it that uses it, for IPv4.
        required: whether it is in use in every cluster.
        module6: the module for IPv6 where that is another.
        objects: the sets and maps that the rule needs, as nft(8) adds them, without the table.
        loads: the modules that the kernel loads for the rule, if not just that one; the base
            modules come on top.
    """

    name: str
    module: str
    lost: str
    table: str
    rule: str
    required: bool = True
    module6: str = ""
    objects: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Its modules for both families."""
        return (self.module, self.module6) if self.module6 else (self.module,)

    @property
    def chain(self) -> str:
        """The chain in which it is tried."""
        return self.rule.partition(" ")[0]

    def module_of(self, family: str) -> str:
        """The module that provides it for a family."""
        return self.module6 if family == IPV6 and self.module6 else self.module

    def rule_of(self, family: str) -> str:
        """The rule for a family."""
        return written_for(family, self.rule)

    def loads_of(self, family: str) -> tuple[str, ...]:
        """The modules that the kernel loads by itself when the rule is tried.

        Their own dependencies are left out. Seen with iptables 1.8.11 on Linux 6.12;
        tests/vm/test_vm_modules_dry_run.py checks it on the test node.
        """
        base = ("nf_tables", "nft_compat") if self.table else ("nf_tables",)
        is_nat = self.table == "nat" or self.chain.startswith("nat-")
        return (
            *base,
            *(("nft_chain_nat",) if is_nat else ()),
            *(name for name in self.loads or (self.module_of(family),) if name not in base),
        )


def written_for(family: str, text: str) -> str:
    """A rule or an object that is written for IPv4, for a family."""
    for four, six in _SIX if family == IPV6 else ():
        text = text.replace(four, six)
    return text


_ALL = "all kube-proxy rules"
_SERVICES = "all services"

_TABLE = Feature("the table nat", "nft_chain_nat", _SERVICES, "nat", "PREROUTING -j RETURN")
_COMMENT = Feature(
    "comment", "xt_comment", _ALL, "nat", 'PREROUTING -m comment --comment "nodefix probe"'
)
_ADDRTYPE = Feature(
    "addrtype", "xt_addrtype", "NodePort services", "nat", "PREROUTING -m addrtype --dst-type LOCAL"
)
_MARK_TARGET = Feature(
    "MARK", "xt_mark", "masquerading for services", "nat", "PREROUTING -j MARK --or-mark 0x4000"
)
_MARK = Feature(
    "mark",
    "xt_mark",
    "masquerading for services",
    "nat",
    "POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
)
_MASQUERADE = Feature(
    "MASQUERADE",
    "xt_MASQUERADE",
    "replies to traffic that leaves the node",
    "nat",
    "POSTROUTING -j MASQUERADE --random-fully",
)
_CONNTRACK = Feature(
    "conntrack",
    "xt_conntrack",
    "forwarding to pods",
    "filter",
    "FORWARD -m conntrack --ctstate NEW",
)
# Of a service without endpoints, which a cluster has whenever pods are replaced or start.
_REJECT = Feature(
    "REJECT",
    "ipt_REJECT",
    "all services as soon as one has no endpoints",
    "filter",
    "FORWARD -j REJECT",
    module6="ip6t_REJECT",
)

# All that kube-proxy writes in iptables mode: kubernetes 1.36 pkg/proxy/iptables/proxier.go, and
# kubelet's pkg/kubelet/kubelet_network_linux.go, which uses less. Not tried are `-m sctp`, for SCTP
# services, and `-m nfacct`, which kube-proxy tries itself and leaves out where it does not work.
# `-m physdev` and `-m set` are in no rule of this mode.
IPTABLES = (
    _TABLE,
    _COMMENT,
    _ADDRTYPE,
    Feature(
        "statistic",
        "xt_statistic",
        "services with more than one endpoint",
        "nat",
        "PREROUTING -m statistic --mode random --probability .5",
    ),
    _MARK_TARGET,
    _MARK,
    _MASQUERADE,
    Feature(
        "DNAT",
        "xt_nat",
        _SERVICES,
        "nat",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80",
        loads=("xt_nat", "xt_tcpudp"),
    ),
    Feature(
        "udp",
        "xt_tcpudp",
        "services with ports, the cluster's DNS among them",
        "nat",
        "PREROUTING -p udp -m udp --dport 53 -j RETURN",
    ),
    _CONNTRACK,
    _REJECT,
    Feature(
        "recent",
        "xt_recent",
        "all services as soon as one has `sessionAffinity: ClientIP`",
        "nat",
        "PREROUTING -m recent --name nodefix-probe --rcheck --seconds 10800 --reap -j RETURN",
        required=False,
    ),
)

# What it writes with iptables in ipvs mode: pkg/proxy/ipvs/proxier.go. `-m set` needs a set, and
# nothing that Enterprise Linux always has makes one: its modules are in modes.py.
IPVS = (
    _TABLE,
    _COMMENT,
    _ADDRTYPE,
    _MARK_TARGET,
    _MARK,
    _MASQUERADE,
    _CONNTRACK,
    _REJECT,
    Feature(
        "ipvs",
        "xt_ipvs",
        "all services as soon as one has `loadBalancerSourceRanges`",
        "filter",
        "OUTPUT -m ipvs --vaddr 192.0.2.1 --vproto tcp --vport 80 -j DROP",
        required=False,
    ),
)
