"""The matches and targets that kube-proxy's rules use, each with a rule to try it."""

from __future__ import annotations

from typing import NamedTuple


class Feature(NamedTuple):
    """One thing that kube-proxy's rules use.

    Attributes:
        name: the match or target.
        module: the kernel module that provides it.
        lost: what does not work without it.
        table: the table in which it is tried; empty for a rule of nft.
        rule: a chain and a rule in it that uses the match or target.
        rule6: the same for IPv6 where it differs.
        loads: the modules that the kernel loads for the rule, if not just `module`; the base
            modules come on top.
        loads6: the same for IPv6 where it differs.
    """

    name: str
    module: str
    lost: str
    table: str
    rule: str
    rule6: str = ""
    loads: tuple[str, ...] = ()
    loads6: tuple[str, ...] = ()

    def rule_of(self, family: str) -> str:
        """The rule for a family."""
        return self.rule6 if family == "IPv6" and self.rule6 else self.rule

    def loads_of(self, family: str) -> tuple[str, ...]:
        """The modules that the kernel loads by itself when the rule is tried.

        Their own dependencies are left out. Seen with iptables 1.8.9 on Linux 6.1;
        tests/vm/test_vm_modules_dry_run.py checks it on the test node.
        """
        base = ("nf_tables", "nft_compat") if self.table else ("nf_tables",)
        chain = () if self.table == "filter" else ("nft_chain_nat",)
        own = self.loads6 if family == "IPv6" and self.loads6 else self.loads
        return (*base, *chain, *(own or (self.module,)))


# What kube-proxy writes in iptables mode: kubernetes pkg/proxy/iptables/proxier.go.
IPTABLES = (
    Feature(
        "comment",
        "xt_comment",
        "all kube-proxy rules",
        "nat",
        'PREROUTING -m comment --comment "nodefix probe"',
    ),
    Feature(
        "addrtype",
        "xt_addrtype",
        "NodePort services",
        "nat",
        "PREROUTING -m addrtype --dst-type LOCAL",
    ),
    Feature(
        "statistic",
        "xt_statistic",
        "services with more than one endpoint",
        "nat",
        "PREROUTING -m statistic --mode random --probability .5",
    ),
    Feature(
        "MARK",
        "xt_mark",
        "masquerading for services",
        "nat",
        "PREROUTING -j MARK --or-mark 0x4000",
    ),
    Feature(
        "MASQUERADE",
        "xt_MASQUERADE",
        "replies to traffic that leaves the node",
        "nat",
        "POSTROUTING -j MASQUERADE --random-fully",
    ),
    Feature(
        "DNAT",
        "xt_nat",
        "all services",
        "nat",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8::1]:80",
        loads=("xt_nat", "xt_tcpudp"),
    ),
    Feature(
        "conntrack",
        "xt_conntrack",
        "forwarding to pods",
        "filter",
        "FORWARD -m conntrack --ctstate NEW",
    ),
)

# What kube-proxy writes in nftables mode: kubernetes pkg/proxy/nftables/proxier.go.
NFTABLES = (
    Feature("ct", "nft_ct", "forwarding to pods", "", "prerouting ct state new"),
    Feature(
        "fib",
        "nft_fib_inet",
        "NodePort services",
        "",
        "prerouting fib daddr type local",
        loads=("nft_fib_ipv4",),
        loads6=("nft_fib_ipv6",),
    ),
    Feature(
        "numgen",
        "nft_numgen",
        "services with more than one endpoint",
        "",
        "prerouting numgen random mod 2 == 1",
    ),
    Feature(
        "masquerade",
        "nft_masq",
        "replies to traffic that leaves the node",
        "",
        "postrouting masquerade fully-random",
    ),
    Feature(
        "dnat",
        "nft_nat",
        "all services",
        "",
        "prerouting tcp dport 80 dnat to 192.0.2.1:80",
        "prerouting tcp dport 80 dnat to [2001:db8::1]:80",
    ),
)
