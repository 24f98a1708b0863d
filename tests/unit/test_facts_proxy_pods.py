"""nodefix/facts/proxy_pods.py: kube-proxy's pod as it is on the disk."""

from __future__ import annotations

import os

import pytest
from fakehost import Node
from proxysigns import RKE2_POD, UID, config_map, static_pod

from nodefix.errors import UnclearError
from nodefix.facts.proxy_pods import MANIFESTS, said_by_config_map, said_by_static_pod
from nodefix.facts.proxy_sign import Sign

OTHER = "3f1c7a52-6d55-4b0e-9a52-00000000000b"
# As kubeadm makes it.
CONFIG = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
iptables:
  masqueradeAll: false
kind: KubeProxyConfiguration
mode: {}
nodePortAddresses: null
"""


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        (("--proxy-mode=nftables", "--v=2"), "nftables"),
        (("--proxy-mode", "ipvs"), "ipvs"),
        (("--proxy-mode=ipvs", "--proxy-mode=iptables"), "iptables"),
        (("--v=2",), "iptables"),
        (("--config=/etc/x", "--proxy-mode=ipvs"), ""),
    ],
)
@pytest.mark.parametrize("path", MANIFESTS)
def test_static_pod(node: Node, path: str, words: tuple[str, ...], mode: str) -> None:
    node.file(path, static_pod(*words))
    assert said_by_static_pod(node.host) == (Sign(mode, path) if mode else None)


@pytest.mark.parametrize(
    "command",
    [
        '["/bin/sh", "-c", "exec kube-proxy --proxy-mode=ipvs 1>>/var/log/kube-proxy.log 2>&1"]',
        '["/go-runner", "--also-stdout", "--", "kube-proxy", "--proxy-mode=ipvs"]',
    ],
)
def test_static_pod_that_starts_it_by_another_program(node: Node, command: str) -> None:
    node.file(RKE2_POD, f"spec: {{containers: [{{name: kube-proxy, command: {command}}}]}}\n")
    assert said_by_static_pod(node.host) == Sign("ipvs", RKE2_POD)


@pytest.mark.parametrize(
    "content", ["", "- 1\n", "spec: {containers: {}}\n", "spec: {containers: [{name: pause}]}\n"]
)
def test_another_manifest_says_nothing(node: Node, content: str) -> None:
    assert said_by_static_pod(node.host) is None
    node.file(RKE2_POD, content)
    assert said_by_static_pod(node.host) is None


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ('""', "iptables"),
        ("", "iptables"),
        ("nftables", "nftables"),
        ('"ipvs"  # by hand', "ipvs"),
        ("'nftables'", "nftables"),
        ("!!str nftables", "nftables"),
        ("null", "iptables"),
    ],
)
@pytest.mark.parametrize("kubelet", ["/var/lib/kubelet", "/var/lib/k0s/kubelet"])
def test_config_map(node: Node, kubelet: str, word: str, mode: str) -> None:
    path = config_map(node, CONFIG.format(word), kubelet=kubelet)
    assert said_by_config_map(node.host) == Sign(mode, path)


@pytest.mark.parametrize("content", ["", "kind: x\n", '{"mode": "iptables"}', "mode: &m iptables"])
def test_config_map_in_other_forms(node: Node, content: str) -> None:
    config_map(node, content)
    sign = said_by_config_map(node.host)
    assert sign and sign.mode == "iptables"


def test_only_pods_of_kube_system_count(node: Node) -> None:
    assert said_by_config_map(node.host) is None
    path = config_map(node, CONFIG.format("ipvs"))
    for name in (f"default_kube-proxy-x7k2p_{OTHER}", f"kube-system_mine_{OTHER}", "x"):
        node.file(f"/var/log/pods/{name}/0.log")
    node.file(path.replace(UID, OTHER), CONFIG.format("nftables"))
    assert said_by_config_map(node.host) == Sign("ipvs", path)


def test_a_pod_that_ended_beside_the_one_that_is_there(node: Node) -> None:
    config_map(node, CONFIG.format("ipvs"))
    node.file(f"/var/log/pods/kube-system_kube-proxy-aaaaa_{OTHER}/0.log")
    assert said_by_config_map(node.host)
    config_map(node, CONFIG.format("ipvs"), OTHER)
    assert said_by_config_map(node.host)
    config_map(node, CONFIG.format("nftables"), OTHER)
    with pytest.raises(UnclearError, match=f"ipvs in .*{UID}.*, nftables in .*{OTHER}"):
        said_by_config_map(node.host)


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("mode: kernelspace\n", "found 'kernelspace', expected one of"),
        ("mode: [nftables]\n", "expected one of"),
        ("mode: nftables\nmode: ipvs\n", "the key mode a second time"),
        (BOMB, "found an alias"),
        ("\tmode: x", "is not valid YAML"),
        ("#" * (65 << 10), "more than 65536 bytes"),
        (None, "a named pipe"),
    ],
)
def test_config_map_that_cannot_be_understood(node: Node, content: str | None, words: str) -> None:
    path = config_map(node, content or "")
    if content is None:
        node.host.path(path).unlink()
        os.mkfifo(node.host.path(path))
    with pytest.raises(UnclearError, match=words) as caught:
        said_by_config_map(node.host)
    assert path in caught.value.message
