"""nodefix/facts/cni_needs.py: what the network plugin needs, by its files alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cnifiles import (
    ANTREA,
    CALICO,
    CILIUM,
    FLANNEL,
    FOLDER,
    KINDNET,
    MULTUS,
    OVN,
    PORTMAP,
    ROUTER,
    SHIM,
    WEAVE,
    configured,
)
from fakehost import Node

from nodefix.facts.cni_needs import PluginNeeds, read_needs

IP_SETS = {"ip_set", "ip_set_hash_ip", "ip_set_hash_net"}
K3S = "/var/lib/rancher/k3s/agent/etc"
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
DELEGATES = MULTUS | {"delegates": [{"cniVersion": "0.3.1", "name": "a", "plugins": [CALICO]}]}


@pytest.mark.parametrize(
    ("name", "plugins", "rows", "modules"),
    [
        (
            "10-calico.conflist",
            (CALICO, PORTMAP),
            ["Calico", "the plugin portmap"],
            {*IP_SETS, "ip_set_hash_ipport", "xt_set", "xt_multiport"},
        ),
        (
            "10-canal.conflist",
            (CALICO | {"ipam": {"type": "host-local", "subnet": "usePodCidr"}}, PORTMAP),
            ["Calico", "Canal", "the plugin portmap"],
            {*IP_SETS, "ip_set_hash_ipport", "xt_set", "xt_multiport", "br_netfilter"},
        ),
        ("10-flannel.conflist", (FLANNEL,), ["Flannel"], {"br_netfilter"}),
        ("05-cilium.conflist", (CILIUM,), ["Cilium"], {"xt_CT", "xt_TPROXY", "xt_socket"}),
        (
            "10-kuberouter.conflist",
            (ROUTER,),
            ["kube-router", "the plugin bridge"],
            {
                *IP_SETS,
                *("br_netfilter", "xt_set", "xt_physdev", "xt_multiport", "xt_limit", "xt_NFLOG"),
                *("bridge", "veth"),
            },
        ),
        (
            "10-weave.conflist",
            (WEAVE,),
            ["Weave Net"],
            {*IP_SETS, "ip_set_list_set", "xt_set", "xt_physdev", "xt_NFLOG", "br_netfilter"},
        ),
        ("10-antrea.conflist", (ANTREA,), ["Antrea"], {*IP_SETS, "openvswitch", "xt_set"}),
        (
            "10-ovn-kubernetes.conf",
            (OVN,),
            ["OVN-Kubernetes"],
            {"openvswitch", "geneve", "nft_compat"},
        ),
        (
            "87-podman-bridge.conflist",
            ({"type": "bridge", "bridge": "cni0"}, BANDWIDTH),
            ["the plugin bridge", "the plugin bandwidth"],
            {"bridge", "veth", "br_netfilter"}
            | {"ifb", "sch_tbf", "sch_ingress", "cls_u32", "act_mirred"},
        ),
        ("10-x.conflist", ({"type": "ptp"}, PORTMAP | {"backend": "nftables"}), None, {"veth"}),
        ("10-kindnet.conflist", (KINDNET,), [], set()),
        ("10-mine.conf", ({"type": "own", "bridge": ["x"]},), [], set()),
    ],
)
def test_a_plugin_is_told_by_its_file(
    node: Node,
    name: str,
    plugins: tuple[dict[str, object], ...],
    rows: list[str] | None,
    modules: set[str],
) -> None:
    configured(node, name, *plugins)
    found = read_needs(node.host)
    assert found.file == f"{FOLDER}/{name}"
    assert rows is None or [row.plugin for row in found.rows] == rows
    assert set(found.modules) == modules
    assert not found.unclear


def test_nothing_is_guessed_without_a_file(node: Node) -> None:
    node.file(f"{FOLDER}/calico-kubeconfig")
    assert read_needs(node.host) == PluginNeeds()


def test_calico_needs_no_module_of_iptables_where_kube_proxy_uses_nftables(node: Node) -> None:
    configured(node, "10-calico.conflist", CALICO)
    found = read_needs(node.host, has_rules=False)
    assert found.modules == ("ip_set",)


@pytest.mark.parametrize(
    ("multus", "called"),
    [
        (DELEGATES, ["Calico"]),
        (MULTUS | {"delegates": [FLANNEL]}, ["Flannel"]),
        (SHIM, ["Flannel"]),
        # What it calls by default is the next file.
        (MULTUS, ["Cilium"]),
        (MULTUS | {"clusterNetwork": "flannel-by-name"}, ["Cilium"]),
    ],
)
def test_what_multus_stands_before(node: Node, multus: dict[str, Any], called: list[str]) -> None:
    configured(node, "00-multus.conf", multus)
    configured(node, "05-cilium.conflist", CILIUM)
    configured(node, "10-flannel.conflist", FLANNEL)
    assert [row.plugin for row in read_needs(node.host).rows] == called


def test_multus_alone(node: Node) -> None:
    configured(node, "00-multus.conf", SHIM)
    assert read_needs(node.host).rows == ()


@pytest.mark.parametrize(
    ("settings", "modules"),
    [
        ({"Network": "10.42.0.0/16", "Backend": {"Type": "vxlan"}}, {"vxlan"}),
        ({"Backend": {"Type": "wireguard", "PersistentKeepaliveInterval": 25}}, {"wireguard"}),
        ({"Backend": {"Type": "ipip"}}, {"ipip"}),
        ({"Backend": {"Type": "host-gw"}}, set()),
        ({"Network": "10.42.0.0/16"}, {"tun"}),
    ],
)
@pytest.mark.parametrize(
    "file", [f"{K3S}/flannel/net-conf.json", "/etc/kube-flannel/net-conf.json"]
)
def test_flannels_backend_only_where_its_settings_are(
    node: Node, file: str, settings: dict[str, object], modules: set[str]
) -> None:
    configured(node, f"{K3S}/cni/net.d/10-flannel.conflist", FLANNEL)
    assert set(read_needs(node.host).modules) == {"br_netfilter"}
    node.file(file, json.dumps(settings))
    assert set(read_needs(node.host).modules) == {"br_netfilter", *modules}


def test_flannels_settings_say_nothing_of_another_plugin(node: Node) -> None:
    node.file(f"{K3S}/flannel/net-conf.json", '{"Backend": {"Type": "vxlan"}}')
    configured(node, "05-cilium.conflist", CILIUM)
    assert "vxlan" not in read_needs(node.host).modules


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (ROUTER, False),
        (CALICO, False),
        (CALICO | {"ipam": {"type": "calico-ipam", "assign_ipv6": "true"}}, True),
        (CALICO | {"ipam": {"type": "calico-ipam", "assign_ipv6": "false"}}, False),
        (
            ROUTER | {"ipam": {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}]]}},
            True,
        ),
        (ROUTER | {"ipam": {"subnet": "fd00::/64"}}, True),
        (ROUTER | {"ipam": {"ranges": "x", "subnet": 1}}, False),
        (ROUTER | {"ipam": {"ranges": [1, [2]]}}, False),
    ],
)
def test_whether_pods_have_ipv6(node: Node, entry: dict[str, object], expected: bool) -> None:
    configured(node, "10-x.conflist", entry)
    assert read_needs(node.host).ipv6 is expected


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"plugins": [{"type": 1}]}', "[" * 9999])
@pytest.mark.parametrize("name", ["10-x.conflist", "00-multus.conf"])
def test_what_cannot_be_understood_is_said(node: Node, name: str, content: str) -> None:
    configured(node, "00-multus.conf", SHIM)
    node.file(f"{FOLDER}/{name}", content)
    found = read_needs(node.host)
    assert f"{FOLDER}/{name}: found no CNI configuration" in found.unclear
    assert found.hint == f"python3 -m json.tool {FOLDER}/{name}"
    assert found.modules == ()


@pytest.mark.parametrize("delegates", [1, [1], [{}], [{"plugins": [{}]}]])
def test_delegates_that_cannot_be_understood(node: Node, delegates: object) -> None:
    configured(node, "00-multus.conf", MULTUS | {"delegates": delegates})
    assert "found no CNI configuration" in read_needs(node.host).unclear


@pytest.mark.parametrize("content", ["", "[]", '{"Backend": 1}'])
def test_flannels_settings_that_cannot_be_understood(node: Node, content: str) -> None:
    configured(node, "10-flannel.conflist", FLANNEL)
    node.file(f"{K3S}/flannel/net-conf.json", content)
    found = read_needs(node.host)
    assert "net-conf.json: found no settings of Flannel" in found.unclear
    # What is known counts all the same.
    assert found.modules == ("br_netfilter",)


def test_a_file_that_cannot_be_read(node: Node) -> None:
    (node.host.path(FOLDER) / "10-x.conflist").mkdir(parents=True)
    found = read_needs(node.host)
    assert "10-x.conflist: cannot be read: found a directory" in found.unclear
