"""A node whose kubelet is up: its kube-proxy is restarted, by the real kubectl or by crictl."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster import NAME, Cluster, join, kubectl
from nodes import Boot, outcomes, report, rules, sh
from testnode import Nspawn, Root

DAMAGE = "update-alternatives --set iptables /usr/sbin/iptables-legacy"


@pytest.fixture
def cluster(root: Root, boot: Boot, tmp_path: Path) -> Cluster:
    """A node of a cluster, up, with the real kubectl."""
    join(root, tmp_path, kubectl())
    return Cluster(boot())


@pytest.fixture
def runtime(root: Root, boot: Boot, tmp_path: Path) -> Cluster:
    """The same without kubectl."""
    join(root, tmp_path, None)
    return Cluster(boot())


def said(node: Nspawn) -> list[str]:
    """What the journal has of kube-proxy's restart."""
    entries = node.journal("SYSLOG_IDENTIFIER=nodefix", "NODEFIX_STAGE=kube-proxy")
    return [entry["MESSAGE"] for entry in entries]


def test_live_repair_restarts_kube_proxy_once(cluster: Cluster) -> None:
    node = cluster.node
    # At boot kubelet is not up yet, and nobody asks for kube-proxy.
    assert "kube-proxy" not in outcomes(node)
    assert cluster.called("crictl") == cluster.called("GET") == []
    before = rules(node)
    sh(node, DAMAGE)
    # Until all of this has been seen, however slow the machine.
    cluster.set(held=True)
    # What a reload of a firewall does, while the restart goes on.
    node.run(["systemctl", "restart", "--no-block", "nodefix"])
    node.wait_until("it is restarted", lambda: cluster.called("DELETE"))
    node.run(["nft", "flush", "ruleset"])
    node.run(["systemctl", "restart", "--no-block", "nodefix-chains"])
    node.wait_until("the chains are back", lambda: rules(node) == before)
    assert node.unit("nodefix.service")["ActiveState"] == "activating"
    assert report(node)["outcome"] == "ready"
    # Others have the lock meanwhile.
    node.run(["nodefix", "run", "--stage", "lockfile"], timeout=60)
    assert node.unit("nodefix.service")["ActiveState"] == "activating"
    cluster.set(held=False)
    node.run(["systemctl", "start", "nodefix"], timeout=120)
    assert outcomes(node)["kube-proxy"] == "changed", said(node)
    assert report(node)["outcome"] == "ready"
    assert said(node) == [
        "kube-proxy: changed\n  kube-proxy: the iptables alternatives were changed ->"
        " restarted (deleted pod kube-proxy-aaaa0), up for 10 s"
    ]
    (deletion,) = cluster.called("DELETE")
    assert deletion == (
        "DELETE /api/v1/namespaces/kube-system/pods/kube-proxy-aaaa0"
        ' {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions":'
        ' {"uid": "3f1c7a52-6d55-4b0e-9a52-000000000000"}} by system:node:' + NAME
    )
    # Nothing but the one list and the one deletion was asked of the API server.
    assert len(cluster.called("GET")) == 1
    node.run(["systemctl", "restart", "nodefix"], timeout=120)
    assert "kube-proxy" not in outcomes(node)
    assert len(cluster.called("DELETE")) == len(said(node)) == 1


@pytest.mark.parametrize("mode", ["403", "404", "409", "cut", "slow"])
def test_api_server_that_does_not_answer_as_hoped(cluster: Cluster, mode: str) -> None:
    node = cluster.node
    cluster.set(mode=mode)
    ran = node.run(["nodefix", "restart-kube-proxy"], timeout=120, check=False)
    deletions = cluster.called("DELETE")
    assert ran.returncode == 0, ran.output
    assert "has been up for 10 s" in ran.stdout
    # The same pod each time, never one that came after it.
    assert len(deletions) == {"403": 1, "404": 1, "409": 1, "cut": 2, "slow": 3}[mode]
    assert len({line.split()[1] for line in deletions}) == 1
    assert len(cluster.called("crictl stop")) == (1 if mode in ("403", "slow") else 0)


def test_what_kubectl_describe_node_shows(cluster: Cluster) -> None:
    node = cluster.node

    def report() -> tuple[int, str]:
        ran = node.run(["nodefix", "check", "--report-node"], timeout=120, check=False)
        return ran.returncode, ran.stderr

    sh(node, "mkdir -p /opt/cni/bin; sysctl -qw net.ipv4.ip_forward=1")
    sh(node, DAMAGE)
    for _ in range(2):
        assert report() == (1, "")
    # The node once, then the event, by kubelet and by its own name only.
    assert [line.split()[0] for line in cluster.called("default/events")] == ["PUT", "PUT"]
    assert len(cluster.called("GET")) == 1
    assert all(f"by system:node:{NAME}" in line for line in cluster.called("PUT"))
    node.write("/run/nodefix/nodefix.yaml.d/never.yaml", "kube_proxy_restart: never\n")
    node.run(["rm", "/run/nodefix/ready"])
    assert report() == (1, "")
    described = sh(node, f"kubectl --kubeconfig /etc/kubernetes/kubelet.conf describe node {NAME}")
    events = described.partition("\nEvents:")[2]
    lines = [line for line in events.splitlines() if " nodefix " in line]
    assert [line.split()[:2] for line in lines] == [
        ["Warning", "NodefixDegraded"],
        ["Warning", "NodefixHeld"],
    ], described
    assert "(x2 over " in lines[0]
    assert "not as it should be; alternatives: /usr/sbin/iptables" in lines[0]
    assert "kubelet is held; alternatives: " in lines[1]
    # What the API server refuses is said, and check's own status stays.
    cluster.set(mode="403")
    status, said = report()
    assert status == 1
    assert "the cluster was not told: the event NodefixHeld cannot be set: " in said
    assert "Forbidden" in said


def test_without_kubectl_crictl_does_it(runtime: Cluster) -> None:
    node = runtime.node
    sh(node, DAMAGE)
    node.run(["nodefix", "run"], timeout=120)
    assert outcomes(node)["kube-proxy"] == "changed", said(node)
    first = f"{1:064x}"
    assert runtime.called("crictl stop") == [f"crictl stop --timeout 10 {first}"]
    assert runtime.called("crictl rm") == [f"crictl rm --keep-logs {first}"]
    assert runtime.called("GET") == []
    node.run(["nodefix", "run"], timeout=120)
    assert len(runtime.called("crictl stop")) == 1


def test_by_hand_without_any_way(runtime: Cluster) -> None:
    node = runtime.node
    assert node.run(["nodefix", "restart-kube-proxy", "--dry-run"], check=False).returncode == 3
    node.run(["rm", "/usr/bin/crictl"])
    ran = node.run(["nodefix", "restart-kube-proxy"], check=False)
    assert ran.returncode == 1
    assert "fix: dnf install cri-tools && nodefix restart-kube-proxy" in ran.stderr


def test_setting_never_and_kubelets_state(runtime: Cluster) -> None:
    node = runtime.node
    node.write("/etc/nodefix/nodefix.yaml.d/restart.yaml", "kube_proxy_restart: never\n")
    sh(node, DAMAGE)
    node.run(["nodefix", "run"], timeout=120)
    assert outcomes(node)["kube-proxy"] == "skipped"
    assert runtime.called("crictl stop") == []
    # Nobody restarts it where kubelet is down, and it stays due.
    node.run(["systemctl", "stop", "kubelet"])
    node.run(["nodefix", "run"], timeout=120)
    assert outcomes(node)["kube-proxy"] == "skipped"
    assert runtime.called("crictl stop") == []
