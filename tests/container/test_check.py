"""`nodefix check` on a booted node: what it lists, that its remedies help, that it only reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testnode
from nodes import EXTRA, sh

# What a node of a cluster has besides, so that there is nothing to advise on.
CNI = '{"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]}'
KUBE_PROXY = {
    "id": "8c6f1d2f1d0e",
    "metadata": {"name": "kube-proxy", "attempt": 0},
    "state": "CONTAINER_RUNNING",
    "createdAt": "1764214800123456789",
    "labels": {
        "io.kubernetes.container.name": "kube-proxy",
        "io.kubernetes.pod.name": "kube-proxy-x7k2p",
        "io.kubernetes.pod.namespace": "kube-system",
        "io.kubernetes.pod.uid": "3f1c7a52",
    },
}
CRICTL = f"#!/bin/sh\ncat <<'END'\n{json.dumps({'containers': [KUBE_PROXY]})}\nEND\n"
ONESHOT = "[Service]\nType=oneshot\nExecStart=/usr/bin/true\n"

# Each damage by what `nodefix check` calls it.
DAMAGES = {
    "chains": "nft flush ruleset",
    "alternatives": "update-alternatives --set iptables /usr/sbin/iptables-legacy",
    "lockfile": "rm /run/xtables.lock; mkdir /run/xtables.lock",
    "ip-forward-off": "sysctl -qw net.ipv4.ip_forward=0",
    "kubelet-does-not-wait": "mkdir -p /etc/systemd/system/kubelet.service.d;"
    " ln -s /dev/null /etc/systemd/system/kubelet.service.d/20-nodefix.conf;"
    " systemctl daemon-reload",
    "nodefix-disabled": "systemctl disable nodefix.service",
    "dnf-excludes-kernel": "echo 'exclude=docker* kernel*' >>/etc/dnf/dnf.conf",
    "nm-cloud-setup-active": "systemctl enable --now nm-cloud-setup.timer",
    "forward-drop": "nft add table inet site; nft add chain inet site forward"
    " '{ type filter hook forward priority 0; policy drop; }'",
    "input-drop": "nft add chain inet site input"
    " '{ type filter hook input priority 0; policy drop; }'",
}


@pytest.fixture(scope="module")
def cluster_root(rpm: Path) -> testnode.Root:
    """A root on which a network plugin and a container runtime are installed."""
    root = testnode.Root.make(testnode.image(EXTRA))
    root.run(["systemctl", "disable", "firewalld.service"])
    testnode.install(root, rpm)
    root.write("/etc/cni/net.d/10-x.conflist", CNI)
    root.write("/opt/cni/bin/bridge", "", 0o755)
    root.write("/usr/local/bin/crictl", CRICTL, 0o755)
    root.write("/etc/tmpfiles.d/crio.conf", "f /run/crio/crio.sock\n")
    root.write("/etc/sysctl.d/50-forward.conf", "net.ipv4.ip_forward = 1\n")
    # The stand-in of crictl restarts nothing, and that is another test's matter.
    root.write("/etc/nodefix/nodefix.yaml.d/50-never.yaml", "kube_proxy_restart: never\n")
    root.write("/etc/systemd/system/nm-cloud-setup.service", ONESHOT)
    timer = "[Timer]\nOnBootSec=1d\n[Install]\nWantedBy=timers.target\n"
    root.write("/etc/systemd/system/nm-cloud-setup.timer", timer)
    return root


@pytest.fixture
def node(cluster_root: testnode.Root) -> Iterator[testnode.Nspawn]:
    """A booted node of a cluster."""
    with testnode.Nspawn(cluster_root.clone()) as machine:
        machine.boot(timeout=120)
        # Whoever starts a container sets it; a sysctl.d file may come too late or not count here.
        sh(machine, "sysctl -qw net.ipv4.ip_forward=1")
        yield machine


def check(node: testnode.Nspawn, *prefix: str) -> dict[str, Any]:
    """What `nodefix check` finds."""
    ran = node.run([*prefix, "nodefix", "check", "--format", "json"], check=False)
    assert "Traceback" not in ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    assert found["exit_status"] == ran.returncode
    return found


def remedies(found: dict[str, Any]) -> dict[str, str]:
    """Each thing that is not as it should be, with what to type."""
    told = {
        stage["stage"]: (stage["problems"] or stage["changes"])[0]["hint"]
        for stage in found["stages"]
        if stage["status"] in ("differs", "wrong")
    }
    return told | {one["code"]: one["hint"] for one in found["advice"]}


def test_a_node_that_is_as_it_should_be(node: testnode.Nspawn) -> None:
    found = check(node)
    assert (found["status"], found["unknown"], found["advice"]) == ("fine", [], [])
    assert found["kube_proxy"]["running"] is True
    said = sh(node, "nodefix check")
    assert "swap: skipped" in said
    assert said.splitlines()[-1] == "this node is as it should be"


def test_all_damages_are_listed_and_each_remedy_helps(node: testnode.Nspawn) -> None:
    for damage in DAMAGES.values():
        sh(node, damage)
    told = remedies(check(node))
    assert set(told) == set(DAMAGES)
    said = sh(node, "nodefix check", check=False)
    for name, remedy in told.items():
        assert f"fix: {remedy}\n" in said
        sh(node, remedy)
        assert name not in remedies(check(node)), remedy
    assert check(node)["status"] == "fine"
    assert "exclude=docker*\n" in node.read("/etc/dnf/dnf.conf")


def test_firewalld_and_its_remedy(node: testnode.Nspawn) -> None:
    sh(node, "systemctl enable --now firewalld")

    def told() -> dict[str, str]:
        """Once nodefix-chains.service has brought back, in its own time, what a start wipes."""
        found = remedies(check(node))
        return found if set(found) == {"firewalld-active"} else {}

    remedy = node.wait_until("firewalld alone is told", told)["firewalld-active"]
    sh(node, remedy)
    assert check(node)["status"] == "fine"


def test_it_only_reads(node: testnode.Nspawn) -> None:
    for damage in DAMAGES.values():
        sh(node, damage)
    # Python keeps the byte code of what root imports first.
    check(node)
    before = sh(node, "touch /root/stamp; sleep 0.1; nft -s list ruleset")
    check(node)
    folders = "/etc /usr /opt /root /boot /run/nodefix /run/xtables.lock /var/lib/nodefix"
    assert sh(node, f"find {folders} -newer /root/stamp") == ""
    assert sh(node, "nft -s list ruleset") == before


def test_an_ordinary_user(node: testnode.Nspawn) -> None:
    found = check(node, "runuser", "-u", "nobody", "--")
    assert found["status"] == "unknown"
    statuses = {stage["stage"]: stage["status"] for stage in found["stages"]}
    assert statuses["lockfile"] == statuses["alternatives"] == "fine"
    assert statuses["chains"] == "unknown"
    assert {gap["hint"] for gap in found["unknown"]} == {"sudo nodefix check"}
    sh(node, "rm /run/xtables.lock; mkdir /run/xtables.lock")
    assert check(node, "runuser", "-u", "nobody", "--")["exit_status"] == 1


def test_switched_off(node: testnode.Nspawn) -> None:
    sh(node, "touch /etc/nodefix/disabled; rm /run/xtables.lock; mkdir /run/xtables.lock")
    found = check(node)
    assert found["status"] == "differs"
    assert "switched off" in found["notes"][0]
