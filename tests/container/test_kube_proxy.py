"""nodefix, kube-proxy and kubelet write into the same tables, in either order."""

from __future__ import annotations

import pytest
from nodes import outcomes, rules, sh
from testnode import Nspawn

# kube-proxy's jumps, as it makes sure of them: kubernetes pkg/proxy/iptables/proxier.go,
# iptablesJumpChains, in its order. Table, chain, from, comment, new connections only.
JUMPS = (
    ("filter", "KUBE-EXTERNAL-SERVICES", "INPUT", "externally-visible service portals", True),
    ("filter", "KUBE-EXTERNAL-SERVICES", "FORWARD", "externally-visible service portals", True),
    ("filter", "KUBE-NODEPORTS", "INPUT", "health check service ports", False),
    ("filter", "KUBE-SERVICES", "FORWARD", "service portals", True),
    ("filter", "KUBE-SERVICES", "OUTPUT", "service portals", True),
    ("filter", "KUBE-FORWARD", "FORWARD", "forwarding rules", False),
    ("filter", "KUBE-PROXY-FIREWALL", "INPUT", "load balancer firewall", True),
    ("filter", "KUBE-PROXY-FIREWALL", "OUTPUT", "load balancer firewall", True),
    ("filter", "KUBE-PROXY-FIREWALL", "FORWARD", "load balancer firewall", True),
    ("nat", "KUBE-SERVICES", "OUTPUT", "service portals", False),
    ("nat", "KUBE-SERVICES", "PREROUTING", "service portals", False),
    ("nat", "KUBE-POSTROUTING", "POSTROUTING", "postrouting rules", False),
)

FLUSH = """
for tool in iptables ip6tables; do for table in nat filter mangle; do
    $tool -t $table -F; $tool -t $table -X
done; done
"""


def kube_proxy_sync(jumps: tuple[tuple[str, str, str, str, bool], ...] = JUMPS) -> str:
    """kube-proxy's EnsureChain and EnsureRule as a script; prints each jump that it inserts."""
    lines = []
    for tool in ("iptables", "ip6tables"):
        for table, chain, parent, comment, new in jumps:
            state = "-m conntrack --ctstate NEW " if new else ""
            rule = f'{parent} {state}-m comment --comment "kubernetes {comment}" -j {chain}'
            lines.append(f"{tool} -t {table} -N {chain} 2>/dev/null")
            lines.append(f"{tool} -t {table} -C {rule} 2>/dev/null ||")
            lines.append(
                f"  {{ {tool} -t {table} -I {rule}; echo {tool} {table} {parent} {chain}; }}"
            )
    return "\n".join([*lines, "true"])


@pytest.fixture
def empty(node: Nspawn) -> Nspawn:
    """A node without any rule."""
    sh(node, FLUSH)
    return node


def test_kube_proxy_after_nodefix_inserts_nothing(node: Nspawn) -> None:
    before = rules(node)
    assert sh(node, kube_proxy_sync()) == ""
    assert rules(node) == before


def test_nodefix_after_kube_proxy_changes_no_jump(empty: Nspawn) -> None:
    assert sh(empty, kube_proxy_sync()).count("\n") == 2 * len(JUMPS)
    before = rules(empty)
    empty.run(["nodefix", "run"])
    added = set(rules(empty).splitlines()) - set(before.splitlines())
    assert not [line for line in added if line.startswith("-A")]
    assert sh(empty, kube_proxy_sync()) == ""


def test_both_orders_end_in_the_same_rules(empty: Nspawn) -> None:
    empty.run(["nodefix", "run"])
    alone = rules(empty)
    sh(empty, FLUSH)
    sh(empty, kube_proxy_sync())
    empty.run(["nodefix", "run"])
    assert rules(empty) == alone


def test_a_chain_with_a_thousand_rules_is_byte_identical_afterwards(empty: Nspawn) -> None:
    sh(
        empty,
        """
        { echo '*nat'; echo ':KUBE-SERVICES - [0:0]'
          for n in $(seq 1000); do
            echo "-A KUBE-SERVICES -p tcp -m comment --comment svc$n -m tcp --dport $n -j RETURN"
          done; echo COMMIT; } | tee /tmp/busy | iptables-restore
        ip6tables-restore < /tmp/busy
        """,
    )
    listing = "iptables -t nat -S KUBE-SERVICES; ip6tables -t nat -S KUBE-SERVICES"
    before = sh(empty, listing)
    assert before.count("\n") == 2002
    empty.run(["nodefix", "run"])
    assert outcomes(empty)["chains"] == "changed"
    assert sh(empty, listing) == before
    assert sh(empty, kube_proxy_sync()) == ""


def test_bare_jumps_of_the_hand_fix_are_replaced(empty: Nspawn) -> None:
    sh(
        empty,
        """
        for c in KUBE-SERVICES KUBE-POSTROUTING KUBE-FIREWALL KUBE-MARK-MASQ; do
            iptables -t nat -N $c; done
        iptables -N KUBE-FORWARD; iptables -N KUBE-SERVICES
        iptables -t nat -A PREROUTING -j KUBE-SERVICES
        iptables -t nat -A OUTPUT -j KUBE-SERVICES
        iptables -t nat -A OUTPUT -j KUBE-SERVICES
        iptables -t nat -A POSTROUTING -j KUBE-POSTROUTING
        iptables -A FORWARD -j KUBE-FORWARD
        """,
    )
    empty.run(["nodefix", "run"])
    saved = rules(empty).splitlines()
    assert not [line for line in saved if line.startswith("-A") and "--comment" not in line]
    assert len([line for line in saved if line.startswith("-A")]) == 2 * len(JUMPS)
    # A bare jump would keep kube-proxy from cleaning up.
    sh(empty, "iptables -t nat -F OUTPUT; iptables -t nat -F PREROUTING")
    sh(empty, "iptables -t nat -X KUBE-SERVICES")


def test_kubelets_own_rules_are_left_alone(empty: Nspawn) -> None:
    sh(
        empty,
        """
        iptables -N KUBE-FIREWALL; iptables -N KUBE-KUBELET-CANARY
        iptables -I INPUT -j KUBE-FIREWALL; iptables -I OUTPUT -j KUBE-FIREWALL
        iptables -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -j DROP
        """,
    )
    before = [line for line in rules(empty).splitlines() if "KUBE-FIREWALL" in line]
    empty.run(["nodefix", "run"])
    saved = rules(empty).splitlines()
    assert all(line in saved for line in before if line.startswith("-A"))
    assert (
        saved.count("-A INPUT -j KUBE-FIREWALL") == saved.count("-A OUTPUT -j KUBE-FIREWALL") == 1
    )


@pytest.mark.parametrize("old", [True, False])
def test_a_jump_of_another_kube_proxy_is_not_doubled(empty: Nspawn, old: bool) -> None:
    """Some releases limit a jump to new connections, others do not."""
    turned = tuple((*jump[:4], not jump[4] if jump[0] == "filter" else jump[4]) for jump in JUMPS)
    sh(empty, kube_proxy_sync(turned if old else JUMPS))
    before = [line for line in rules(empty).splitlines() if line.startswith("-A")]
    empty.run(["nodefix", "run"])
    assert [line for line in rules(empty).splitlines() if line.startswith("-A")] == before
