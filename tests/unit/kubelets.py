"""A node with kubelet as kubeadm sets it up, for the tests of what kubelet is told."""

from __future__ import annotations

from pathlib import Path

from fakehost import Node
from fakesystemd import started_by

CONFIG = "/var/lib/kubelet/config.yaml"
SYSCONFIG = "/etc/sysconfig/kubelet"
HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

# As kubeadm's drop-in has it.
COMMAND = (
    "/usr/bin/kubelet",
    "$KUBELET_KUBECONFIG_ARGS",
    "$KUBELET_CONFIG_ARGS",
    "$KUBELET_KUBEADM_ARGS",
    "$KUBELET_EXTRA_ARGS",
)
ENVIRONMENT = (
    "KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf",
    f"KUBELET_CONFIG_ARGS=--config={CONFIG}",
)
FILES = (("/var/lib/kubelet/kubeadm-flags.env", True), (SYSCONFIG, True))

_DATA = Path(__file__).with_name("data") / "kubelet"


def kubeadms(node: Node) -> Node:
    """Set kubelet up on a node; its configuration says nothing about swap."""
    node.systemd.kubelet = started_by(*COMMAND, environment=ENVIRONMENT, files=FILES)
    node.file(CONFIG, HEAD + "clusterDNS: [10.96.0.10]\n")
    return node


def from_the_field(name: str) -> bytes:
    """One of the inputs that people have met."""
    return (_DATA / name).read_bytes()
