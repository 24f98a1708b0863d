"""What kube-proxy and the hand fix do to tables, and what nodefix is to say to iptables."""

from __future__ import annotations

from netfilter import Tables

EXTERNAL = '-m comment --comment "kubernetes externally-visible service portals"'
PORTALS = '-m comment --comment "kubernetes service portals"'
HEALTH = '-m comment --comment "kubernetes health check service ports"'
FORWARDING = '-m comment --comment "kubernetes forwarding rules"'
FIREWALL = '-m comment --comment "kubernetes load balancer firewall"'
POSTROUTING = '-m comment --comment "kubernetes postrouting rules"'
NEW = "-m conntrack --ctstate NEW"

# What kube-proxy makes sure of, in its order.
KUBE_PROXY = [
    ("filter", "INPUT", f"{NEW} {EXTERNAL} -j KUBE-EXTERNAL-SERVICES"),
    ("filter", "FORWARD", f"{NEW} {EXTERNAL} -j KUBE-EXTERNAL-SERVICES"),
    ("filter", "INPUT", f"{HEALTH} -j KUBE-NODEPORTS"),
    ("filter", "FORWARD", f"{NEW} {PORTALS} -j KUBE-SERVICES"),
    ("filter", "OUTPUT", f"{NEW} {PORTALS} -j KUBE-SERVICES"),
    ("filter", "FORWARD", f"{FORWARDING} -j KUBE-FORWARD"),
    ("filter", "INPUT", f"{NEW} {FIREWALL} -j KUBE-PROXY-FIREWALL"),
    ("filter", "OUTPUT", f"{NEW} {FIREWALL} -j KUBE-PROXY-FIREWALL"),
    ("filter", "FORWARD", f"{NEW} {FIREWALL} -j KUBE-PROXY-FIREWALL"),
    ("nat", "OUTPUT", f"{PORTALS} -j KUBE-SERVICES"),
    ("nat", "PREROUTING", f"{PORTALS} -j KUBE-SERVICES"),
    ("nat", "POSTROUTING", f"{POSTROUTING} -j KUBE-POSTROUTING"),
]
PARENTS = list(dict.fromkeys((table, parent) for table, parent, _ in KUBE_PROXY))
HAND_FIX = [
    ("nat", "PREROUTING", "KUBE-SERVICES"),
    ("nat", "OUTPUT", "KUBE-SERVICES"),
    ("nat", "POSTROUTING", "KUBE-POSTROUTING"),
    ("filter", "FORWARD", "KUBE-FORWARD"),
]

MANGLE = "*mangle\n-N KUBE-IPTABLES-HINT\nCOMMIT\n"
FILTER = f"""\
*filter
-N KUBE-EXTERNAL-SERVICES
-N KUBE-NODEPORTS
-N KUBE-SERVICES
-N KUBE-FORWARD
-N KUBE-PROXY-FIREWALL
-I INPUT 1 {NEW} {FIREWALL} -j KUBE-PROXY-FIREWALL
-I INPUT 2 {HEALTH} -j KUBE-NODEPORTS
-I INPUT 3 {NEW} {EXTERNAL} -j KUBE-EXTERNAL-SERVICES
-I FORWARD 1 {NEW} {FIREWALL} -j KUBE-PROXY-FIREWALL
-I FORWARD 2 {FORWARDING} -j KUBE-FORWARD
-I FORWARD 3 {NEW} {PORTALS} -j KUBE-SERVICES
-I FORWARD 4 {NEW} {EXTERNAL} -j KUBE-EXTERNAL-SERVICES
-I OUTPUT 1 {NEW} {FIREWALL} -j KUBE-PROXY-FIREWALL
-I OUTPUT 2 {NEW} {PORTALS} -j KUBE-SERVICES
COMMIT
"""
NAT = f"""\
*nat
-N KUBE-SERVICES
-N KUBE-POSTROUTING
-N KUBE-MARK-MASQ
-I OUTPUT 1 {PORTALS} -j KUBE-SERVICES
-I PREROUTING 1 {PORTALS} -j KUBE-SERVICES
-I POSTROUTING 1 {POSTROUTING} -j KUBE-POSTROUTING
COMMIT
"""


def kube_proxy(tables: Tables) -> int:
    """Make sure of kube-proxy's jumps as it does, `-C` and else `-I`; how many it inserted."""
    inserted = 0
    for table, parent, rule in KUBE_PROXY:
        tables.add(table, rule.rsplit(" ", 1)[1])
        if rule not in tables.rules(table, parent):
            tables.rules(table, parent).insert(0, rule)
            inserted += 1
    return inserted


def hand_fix(tables: Tables) -> None:
    """Make the bare jumps of the hand fix."""
    for table, parent, chain in HAND_FIX:
        tables.add(table, chain)
        tables.add(table, parent, f"-j {chain}")
