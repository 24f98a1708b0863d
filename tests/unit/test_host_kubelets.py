"""nodefix/host/kubelets.py: the unit that is held, and those of this node."""

from __future__ import annotations

import os

import pytest
from fakehost import Node

from nodefix.host.kubelets import gate_command, holder, kubelets, spoken
from nodefix.words import KUBELET_UNITS


@pytest.mark.parametrize(
    ("cgroup", "is_its_command", "unit"),
    [
        ("0::/system.slice/k3s.service\n", True, "k3s.service"),
        ("0::/system.slice/k0sworker.service/.control\n", True, "k0sworker.service"),
        ("0::/kube.slice/kubelet.service\n", True, "kubelet.service"),
        ("3:cpu:/\n1:name=systemd:/system.slice/rke2-agent.service\n", True, "rke2-agent.service"),
        ("0::/../../system.slice/microshift.service\n", True, "microshift.service"),
        # In a script of an admin's, which the unit runs.
        ("0::/system.slice/k3s.service\n", False, "k3s.service"),
        # INSTALL_K3S_NAME=site
        ("0::/system.slice/k3s-site.service\n", True, "k3s-site.service"),
        # Typed on a console, over ssh, in a shell of kubelet's node shell.
        ("0::/system.slice/system-getty.slice/getty@tty1.service\n", False, ""),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.scope\n", False, ""),
        ("0::/user.slice/user-0.slice/session-1.scope\n", False, ""),
        ("", False, ""),
    ],
)
def test_who_is_held(
    node: Node, monkeypatch: pytest.MonkeyPatch, cgroup: str, is_its_command: bool, unit: str
) -> None:
    # A shell's children have their ancestor's.
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid() if is_its_command else os.getppid()))
    node.file("/proc/self/cgroup", cgroup)
    assert holder(f"{node.root}/") == unit


def test_without_control_groups(node: Node) -> None:
    assert holder(f"{node.root}/") == ""


@pytest.mark.parametrize("folder", ["/etc", "/usr/lib", "/usr/local/lib"])
@pytest.mark.parametrize("unit", KUBELET_UNITS)
def test_a_node_with_one_of_them(node: Node, unit: str, folder: str) -> None:
    node.file(f"{folder}/systemd/system/{unit}", "[Service]\n")
    # What the package brings is no unit.
    for other in KUBELET_UNITS:
        node.file(f"/usr/lib/systemd/system/{other}.d/20-nodefix.conf", "[Unit]\n")
    assert kubelets(f"{node.root}/") == (unit,)


def test_the_one_that_a_boot_starts_counts(node: Node) -> None:
    for unit in ("rke2-agent.service", "rke2-server.service"):
        node.file(f"/usr/local/lib/systemd/system/{unit}", "[Service]\n")
    assert kubelets(f"{node.root}/") == ("rke2-server.service", "rke2-agent.service")
    node.link("/etc/systemd/system/multi-user.target.wants/rke2-agent.service", "/nowhere")
    assert kubelets(f"{node.root}/") == ("rke2-agent.service",)


@pytest.mark.parametrize("mask", ["link", "empty file"])
def test_a_masked_one_does_not_count(node: Node, mask: str) -> None:
    node.file("/etc/systemd/system/k3s.service", "[Service]\n")
    node.file("/usr/lib/systemd/system/kubelet.service", "[Service]\n")
    if mask == "link":
        node.link("/etc/systemd/system/kubelet.service", "/dev/null")
    else:
        node.file("/etc/systemd/system/kubelet.service")
    assert kubelets(f"{node.root}/") == ("k3s.service",)


def test_a_link_to_a_unit_elsewhere_counts(node: Node) -> None:
    node.link("/etc/systemd/system/k3s.service", "/opt/k3s/k3s.service")
    assert kubelets(f"{node.root}/") == ("k3s.service",)


def test_what_people_call_them() -> None:
    assert spoken(()) == "kubelet"
    assert spoken(("rke2-server.service",)) == "rke2-server"


def test_what_each_runs_before_its_start() -> None:
    assert gate_command("k3s.service") == "/usr/bin/nodefix wait"
    assert gate_command("microshift.service") == "/usr/bin/nodefix wait --hold 200"
