"""What kube-proxy needs of a kernel, by its mode: modules, and rules that stand for all of its own.

Written down here once more, and not taken from nodefix: what the tests compare it with.
"""

from __future__ import annotations

# By mode, all that nodefix looks after and that holds kubelet.
REQUIRED = {
    "iptables": (
        "nf_tables",
        "nft_compat",
        "nf_conntrack",
        "nft_chain_nat",
        "xt_comment",
        "xt_addrtype",
        "xt_statistic",
        "xt_mark",
        "xt_MASQUERADE",
        "xt_nat",
        "xt_tcpudp",
        "xt_conntrack",
        "ipt_REJECT",
        "ip6t_REJECT",
    ),
    "ipvs": ("ip_vs", "ip_vs_rr", "ip_set", "ip_set_bitmap_port", "xt_set", "dummy"),
    "nftables": (
        "nft_chain_nat",
        "nft_ct",
        "nft_fib_ipv4",
        "nft_fib_ipv6",
        "nft_reject_ipv4",
        "nft_reject_ipv6",
        "nft_masq",
        "nft_numgen",
        "nft_nat",
    ),
}
# What degrades, and one that is none of its business in the first mode.
OPTIONAL = {"iptables": ("xt_recent", "br_netfilter"), "ipvs": ("ip_vs_sh", "xt_physdev")}
NOT_ASKED_FOR = "ip_set"
EVERY = sorted({NOT_ASKED_FOR, "overlay"}.union(*REQUIRED.values(), *OPTIONAL.values()))

# What stands for all rules of kube-proxy: one for each match and target that any cluster uses.
IPTABLES = """\
*nat
-A PREROUTING -m comment --comment oracle -m addrtype --dst-type LOCAL -j MARK --or-mark 0x4000
-A PREROUTING -m statistic --mode random --probability 0.5 -j ACCEPT
-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination :8080
-A PREROUTING -m comment --comment oracle -m udp -p udp --dport 53 -j RETURN
-A POSTROUTING -j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -j REJECT
COMMIT
"""
IPVS = "".join(line for line in IPTABLES.splitlines(keepends=True) if "statistic" not in line)
NFTABLES = """\
add table ip oracle
add table ip6 oracle
add map ip oracle services { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip6 oracle services { type ipv6_addr . inet_proto . inet_service : verdict ; }
""" + "".join(
    f"""\
add chain {ip} oracle filter {{ type filter hook forward priority 0 ; }}
add rule {ip} oracle filter ct state new {ip} daddr . meta l4proto . th dport vmap @services
add rule {ip} oracle filter reject
add chain {ip} oracle dstnat {{ type nat hook prerouting priority -100 ; }}
add rule {ip} oracle dstnat fib daddr type local mark set mark or 0x4000
add rule {ip} oracle dstnat meta l4proto tcp dnat {ip} addr . port to numgen random mod 2\
 map {{ 0 : {one} . 80 , 1 : {two} . 80 }}
add chain {ip} oracle srcnat {{ type nat hook postrouting priority 100 ; }}
add rule {ip} oracle srcnat ct status dnat masquerade fully-random
"""
    for ip, one, two in (("ip", "192.0.2.1", "192.0.2.2"), ("ip6", "2001:db8::1", "2001:db8::2"))
)
ORACLES = {"iptables": IPTABLES, "ipvs": IPVS, "nftables": NFTABLES}
