"""Configurations of network plugins, as their projects' manifests write them."""

from __future__ import annotations

import json

from fakehost import Node

FOLDER = "/etc/cni/net.d"

PORTMAP = {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}}
CALICO = {
    "type": "calico",
    "log_level": "info",
    "log_file_path": "/var/log/calico/cni/cni.log",
    "datastore_type": "kubernetes",
    "nodename": "node1",
    "mtu": 0,
    "ipam": {"type": "calico-ipam"},
    "policy": {"type": "k8s"},
    "kubernetes": {"kubeconfig": "/etc/cni/net.d/calico-kubeconfig"},
}
FLANNEL = {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}}
CILIUM = {
    "type": "cilium-cni",
    "enable-debug": False,
    "log-file": "/var/run/cilium/cilium-cni.log",
}
ROUTER = {
    "name": "kubernetes",
    "type": "bridge",
    "bridge": "kube-bridge",
    "isDefaultGateway": True,
    "hairpinMode": True,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.1.0/24"}]]},
}
WEAVE = {"name": "weave", "type": "weave-net", "hairpinMode": True}
ANTREA = {"type": "antrea", "ipam": {"type": "host-local"}}
OVN = {
    "cniVersion": "0.4.0",
    "name": "ovn-kubernetes",
    "type": "ovn-k8s-cni-overlay",
    "ipam": {},
    "dns": {},
    "logLevel": "4",
}
KINDNET = {"type": "cni-kindnet", "capabilities": {"portMappings": True}}
MULTUS = {
    "cniVersion": "0.3.1",
    "name": "multus-cni-network",
    "type": "multus",
    "kubeconfig": "/etc/cni/net.d/multus.d/multus.kubeconfig",
}
# The thick one: what it calls stands in another file, which its pod sees below /host.
SHIM = {
    "cniVersion": "0.3.1",
    "logLevel": "verbose",
    "logToStderr": True,
    "name": "multus-cni-network",
    "clusterNetwork": "/host/etc/cni/net.d/10-flannel.conflist",
    "type": "multus-shim",
}


def conflist(*plugins: dict[str, object]) -> str:
    """A list of plugins."""
    return json.dumps({"name": "k8s-pod-network", "cniVersion": "1.0.0", "plugins": plugins})


def configured(node: Node, name: str, *plugins: dict[str, object]) -> None:
    """Make the file; a name that ends in .conf holds one plugin."""
    content = conflist(*plugins) if name.endswith("list") else json.dumps(plugins[0])
    node.file(name if name[0] == "/" else f"{FOLDER}/{name}", content)
