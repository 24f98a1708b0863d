"""nodefix/facts/proxy_distributions.py: k0s and MicroShift."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import BusError, UnclearError
from nodefix.facts.proxy_distributions import said_by_k0s, said_by_microshift
from nodefix.facts.proxy_sign import Sign

K0S, MICROSHIFT = "/etc/k0s/k0s.yaml", "/etc/microshift/config.yaml"
UNITS = "/etc/systemd/system"
SHIPPED = "/usr/lib/systemd/system"
# An empty one would be a mask.
UNIT = "[Service]\n"


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
    node.file(f"{UNITS}/k0scontroller.service", UNIT)
    sign = said_by_k0s(node.host)
    assert (sign.mode if sign else "") == mode


def test_k0s_without_a_file_and_with_one_that_cannot_be_read(node: Node) -> None:
    node.file(f"{UNITS}/k0scontroller.service", UNIT)
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
    node.file(f"{SHIPPED}/microshift.service", UNIT)
    node.file("/etc/microshift/config.yaml", main)
    node.file("/etc/microshift/config.d/10.yaml", drop_in)
    sign = said_by_microshift(node.host)
    assert (sign.mode if sign else "") == mode


def test_microshift_with_kindnet_has_kube_proxy(node: Node) -> None:
    node.file(f"{SHIPPED}/microshift.service", UNIT)
    manifests = "/usr/lib/microshift/manifests.d"
    node.file(f"{manifests}/000-microshift-kindnet/kustomization.yaml")
    assert said_by_microshift(node.host)
    node.file(f"{manifests}/000-microshift-kube-proxy/kustomization.yaml")
    assert said_by_microshift(node.host) is None


def test_k0s_that_is_masked_or_not_used(node: Node) -> None:
    node.file(K0S, "spec: {network: {kubeProxy: {mode: ipvs}}}")
    node.link(f"{UNITS}/k0scontroller.service", "/dev/null")
    assert said_by_k0s(node.host) is None
    node.host.path(f"{UNITS}/k0scontroller.service").unlink()
    node.file(f"{UNITS}/k0scontroller.service", UNIT)
    node.file(f"{UNITS}/k0sworker.service", UNIT)
    assert said_by_k0s(node.host)
    node.link(f"{UNITS}/multi-user.target.wants/k0sworker.service", "../k0sworker.service")
    assert said_by_k0s(node.host) is None


def test_k0s_with_its_settings_elsewhere(node: Node) -> None:
    node.file(f"{UNITS}/k0scontroller.service", UNIT)
    node.file(K0S, "spec: {network: {kubeProxy: {mode: ipvs}}}")
    command = started_by("/usr/local/bin/k0s", "controller", "--config=/etc/mine")
    node.systemd.commands["k0scontroller.service"] = command
    with pytest.raises(UnclearError, match="mine: found no such file") as caught:
        said_by_k0s(node.host)
    assert caught.value.hint == "systemctl cat k0scontroller.service"
    node.file("/etc/mine", "spec: {network: {kubeProxy: {mode: nftables}}}")
    assert said_by_k0s(node.host) == Sign("nftables", "/etc/mine")
    node.systemd.failing["service_command"] = BusError("no bus")
    assert said_by_k0s(node.host) == Sign("ipvs", K0S)


@pytest.mark.parametrize(
    ("unit", "path", "content", "words"),
    [
        ("k0scontroller", K0S, "- a list", "found no mapping"),
        ("k0scontroller", K0S, "spec: {network: {kubeProxy: {disabled: 'yes'}}}", "true or false"),
        ("k0scontroller", K0S, "spec: {}\nspec: {}", "the key spec a second time"),
        ("microshift", MICROSHIFT, "network: [a]", "expected a mapping"),
        ("microshift", MICROSHIFT, "network: {cniPlugin: calico}", "expected none or ovnk"),
    ],
)
def test_what_they_would_refuse(node: Node, unit: str, path: str, content: str, words: str) -> None:
    node.file(f"{UNITS}/{unit}.service", UNIT)
    node.file(path, content)
    said = said_by_k0s if path == K0S else said_by_microshift
    with pytest.raises(UnclearError, match=words) as caught:
        said(node.host)
    assert caught.value.hint == f"cat -A {path}"


def test_microshifts_drop_ins_are_patches(node: Node) -> None:
    node.file(f"{SHIPPED}/microshift.service", UNIT)
    node.file(MICROSHIFT, "network: {cniPlugin: none}")
    node.file("/etc/microshift/config.d/10.yml", "network: {cniPlugin: ovnk}")
    assert said_by_microshift(node.host) is None
    node.file("/etc/microshift/config.d/deep/10.yaml", "network: {cniPlugin: null}")
    assert said_by_microshift(node.host)
