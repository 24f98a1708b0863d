"""What kube-proxy's rules use in nftables mode, each with a rule to try it.

Source: kubernetes 1.36 pkg/proxy/nftables/proxier.go. Sets, maps, verdicts and `mark set` are of
nf_tables itself: where one of these fails, nft or the kernel is too old, and no module is missing.
"""

from __future__ import annotations

from nodefix.facts.features import Feature

# kube-proxy's base chains, of which a rule's own is made with it.
BASES = {
    "filter-prerouting-pre-dnat": "type filter hook prerouting priority -110",
    "filter-input": "type filter hook input priority 0",
    "filter-forward": "type filter hook forward priority 0",
    "filter-output": "type filter hook output priority 0",
    "nat-prerouting": "type nat hook prerouting priority -100",
    "nat-postrouting": "type nat hook postrouting priority 100",
}

_CORE = "nf_tables"
_ALL = "all kube-proxy rules"
_SERVICES = "all services"

NFTABLES = (
    Feature("chains of type nat", "nft_chain_nat", _SERVICES, "", "nat-prerouting return"),
    Feature(
        "sets",
        _CORE,
        _ALL,
        "",
        "filter-output ip daddr @cluster-ips drop",
        objects=(
            "set cluster-ips { type ipv4_addr ; }",
            "element cluster-ips { 192.0.2.1 }",
        ),
    ),
    Feature(
        "sets with concatenated keys",
        _CORE,
        _ALL,
        "",
        "filter-forward ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections return",
        objects=(
            "set hairpin-connections { type ipv4_addr . ipv4_addr . inet_proto . inet_service ; }",
        ),
    ),
    Feature(
        "verdict maps",
        _CORE,
        _SERVICES,
        "",
        "filter-prerouting-pre-dnat ip daddr . meta l4proto . th dport vmap @firewall-ips",
        objects=(
            "map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }",
            "element firewall-ips { 192.0.2.1 . tcp . 80 : drop }",
        ),
    ),
    Feature(
        "dynamic sets",
        _CORE,
        "services with `sessionAffinity: ClientIP`",
        "",
        "filter-input update @affinity { ip saddr }",
        required=False,
        objects=("set affinity { type ipv4_addr ; flags dynamic,timeout ; timeout 10800s ; }",),
    ),
    Feature(
        "marks",
        _CORE,
        "masquerading for services",
        "",
        "filter-input mark and 0x4000 != 0 mark set mark xor 0x4000",
    ),
    Feature("ct", "nft_ct", _ALL, "", "filter-input ct state new ct status dnat return"),
    Feature(
        "fib",
        "nft_fib_ipv4",
        "NodePort services",
        "",
        "nat-prerouting fib daddr type local ip daddr != 127.0.0.0/8"
        " meta l4proto . th dport vmap @service-nodeports",
        module6="nft_fib_ipv6",
        objects=("map service-nodeports { type inet_proto . inet_service : verdict ; }",),
    ),
    Feature(
        "reject",
        "nft_reject_ipv4",
        _ALL,
        "",
        "filter-forward reject",
        module6="nft_reject_ipv6",
    ),
    Feature(
        "masquerade",
        "nft_masq",
        "replies to traffic that leaves the node",
        "",
        "nat-postrouting mark set mark or 0x4000 masquerade fully-random",
    ),
    Feature(
        "numgen",
        "nft_numgen",
        _SERVICES,
        "",
        "filter-forward numgen random mod 2 vmap { 0 : drop , 1 : return }",
    ),
    Feature(
        "dnat", "nft_nat", _SERVICES, "", "nat-prerouting meta l4proto tcp dnat to 192.0.2.1:80"
    ),
    Feature(
        "dnat by a map",
        "nft_nat",
        _SERVICES,
        "",
        "nat-prerouting meta l4proto tcp dnat ip addr . port to numgen random mod 2"
        " map { 0 : 192.0.2.1 . 80 , 1 : 192.0.2.2 . 80 }",
        loads=("nft_nat", "nft_numgen"),
    ),
)
