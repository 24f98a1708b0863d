"""nodefix/facts/proxy_distributions.py: k0s and MicroShift."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts.proxy_distributions import said_by_k0s, said_by_microshift

K0S = "/etc/k0s/k0s.yaml"
UNITS = "/etc/systemd/system"
SHIPPED = "/usr/lib/systemd/system"


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ("spec: {network: {kubeProxy: {mode: nftables}}}", "nftables"),
        ("spec: {network: {kubeProxy: {mode: ''}}}", "iptables"),
        ("spec: {network: {kubeProxy: {disabled: true, mode: ipvs}}}", "none"),
        ("spec: {network: {kubeProxy: {disabled: false, mode: ipvs}}}", "ipvs"),
        ("spec: {network: {kubeProxy: {}}}", ""),
        ("spec: [network]", ""),
        ("", ""),
    ],
)
def test_k0s(node: Node, content: str, mode: str) -> None:
    node.file(K0S, content)
    # Not on a worker, which may have a file that is left over.
    assert said_by_k0s(node.host) is None
    node.file(f"{UNITS}/k0scontroller.service")
    sign = said_by_k0s(node.host)
    assert (sign.mode if sign else "") == mode


def test_k0s_without_a_file_and_with_one_that_cannot_be_read(node: Node) -> None:
    node.file(f"{UNITS}/k0scontroller.service")
    assert said_by_k0s(node.host) is None
    node.file(K0S, "spec: {network: {kubeProxy: {mode: userspace}}}")
    with pytest.raises(UnclearError, match=K0S):
        said_by_k0s(node.host)


@pytest.mark.parametrize(
    ("main", "drop_in", "mode"),
    [
        ("", "", "none"),
        ("network: {cniPlugin: ''}", "", "none"),
        ("network: {cniPlugin: ovnk}", "", "none"),
        ("network: {cniPlugin: none}", "", ""),
        ("", "network: {cniPlugin: none}", ""),
        ("network: {cniPlugin: none}", "network: {cniPlugin: ovnk}", "none"),
    ],
)
def test_microshift(node: Node, main: str, drop_in: str, mode: str) -> None:
    assert said_by_microshift(node.host) is None
    node.file(f"{SHIPPED}/microshift.service")
    node.file("/etc/microshift/config.yaml", main)
    node.file("/etc/microshift/config.d/10.yaml", drop_in)
    sign = said_by_microshift(node.host)
    assert (sign.mode if sign else "") == mode


def test_microshift_with_kindnet_has_kube_proxy(node: Node) -> None:
    node.file(f"{SHIPPED}/microshift.service")
    manifests = "/usr/lib/microshift/manifests.d"
    node.file(f"{manifests}/000-microshift-kindnet/kustomization.yaml")
    assert said_by_microshift(node.host)
    node.file(f"{manifests}/000-microshift-kube-proxy/kustomization.yaml")
    assert said_by_microshift(node.host) is None
