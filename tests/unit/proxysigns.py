"""Signs of kube-proxy's mode on a made-up node."""

from __future__ import annotations

import json
from typing import Any

from fakehost import Node, result

NFT = ("/usr/sbin/nft", "list")
TABLES = "table ip nat\ntable ip filter\ntable ip6 nat\n"
EMPTY = "table ip nat {\n\tchain KUBE-POSTROUTING {\n\t}\n}\n"
FULL = "table ip nat {\n\tchain KUBE-POSTROUTING {\n\t\tmeta mark & 0x4000 == 0 return\n\t}\n}\n"
NO_CHAIN = "Error: No such file or directory"
NFTABLES = f"{TABLES}table ip kube-proxy\n"

UID = "3f1c7a52-6d55-4b0e-9a52-00000000000a"
RKE2_POD = "/var/lib/rancher/rke2/agent/pod-manifests/kube-proxy.yaml"
LEARNED = "/var/lib/nodefix/kube-proxy-mode.json"


def with_nft(node: Node, tables: str, ipv4: str | None = EMPTY, ipv6: str | None = EMPTY) -> None:
    """Let nft list these tables, and this chain of each family; None where there is none."""
    node.programs.table[*NFT, "tables"] = result(0, tables)
    for family, text in (("ip", ipv4), ("ip6", ipv6)):
        argv = (*NFT, "chain", family, "nat", "KUBE-POSTROUTING")
        node.programs.table[argv] = result(0, text) if text else result(1, "", NO_CHAIN)


def config_map(
    node: Node, content: str | bytes, uid: str = UID, kubelet: str = "/var/lib/kubelet"
) -> str:
    """kubelet's copy of kube-proxy's ConfigMap, of a pod in kube-system; its path."""
    node.file(f"/var/log/pods/kube-system_kube-proxy-x7k2p_{uid}/kube-proxy/0.log")
    path = f"{kubelet}/pods/{uid}/volumes/kubernetes.io~configmap/kube-proxy/config.conf"
    node.file(path, content)
    return path


def static_pod(*words: str) -> str:
    """A manifest as rke2 writes it."""
    lines = ["apiVersion: v1", "kind: Pod", "metadata: {name: kube-proxy, namespace: kube-system}"]
    lines += ["spec:", "  containers:", "  - name: kube-proxy", "    command: [kube-proxy]"]
    return "\n".join([*lines, "    args:", *(f"    - {word}" for word in words), ""])


def learned(**given: Any) -> str:
    """What nodefix keeps."""
    found = {"schema": 1, "mode": "nftables", "from": "nft's table ip kube-proxy"}
    return json.dumps({**found, "learned": "2026-11-26T10:20:30Z", "boot_id": "x", **given})
