"""`nft flush ruleset` by hand on a ready node: kubelet's next start brings the chains back."""

from __future__ import annotations

from nodes import kubelet_runs, rules, sh
from test_kube_proxy import kube_proxy_sync
from testnode import Nspawn


def kubelet_starts(node: Nspawn) -> None:
    """Restart kubelet as a person does, and wait until it is up by its own retries."""
    node.run(["systemctl", "restart", "kubelet"], check=False)
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))


def test_chains_come_back_before_kubelet_starts(node: Nspawn) -> None:
    sh(node, "nft flush ruleset; nodefix run")
    before = rules(node)
    assert ":KUBE-IPTABLES-HINT" in before
    node.run(["nft", "flush", "ruleset"])
    kubelet_starts(node)
    assert rules(node) == before
    assert sh(node, kube_proxy_sync()) == ""


def test_without_kube_proxy_a_flush_is_nobodys_business(node: Nspawn) -> None:
    node.write("/etc/nodefix/nodefix.yaml.d/50-mode.yaml", "kube_proxy: none\n")
    sh(node, "nodefix run; nft flush ruleset")
    kubelet_starts(node)
    assert "KUBE-" not in rules(node)


def test_a_node_in_order_is_left_alone(node: Nspawn) -> None:
    before = node.unit("nodefix.service")["InvocationID"]
    kubelet_starts(node)
    assert node.unit("nodefix.service")["InvocationID"] == before
