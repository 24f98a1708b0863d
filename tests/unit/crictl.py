"""A stand-in for crictl: its place, its socket, and its JSON as cri-tools prints it."""

from __future__ import annotations

import json
from typing import Any

from fakehost import Node, result

PROGRAM = "/usr/bin/crictl"
SOCKET = "/run/containerd/containerd.sock"
ENDPOINT = f"unix://{SOCKET}"
LIST = (
    "ps",
    "-a",
    "-o",
    "json",
    "--label",
    "io.kubernetes.container.name=kube-proxy",
    "--label",
    "io.kubernetes.pod.namespace=kube-system",
)


def container(
    attempt: int = 0, created: int = 1764214800, state: str = "CONTAINER_RUNNING"
) -> dict[str, Any]:
    """One entry, with every field that crictl prints; `created` in seconds since 1970."""
    image = "sha256:3f1c7a526d554b0e9a520c1f4d8e7b613f1c7a526d554b0e9a520c1f4d8e7b61"
    return {
        "id": "8c6f1d2f1d0e4a7f9f0c2b7f6a4d3e2c1b0a99887766554433221100ffeeddcc",
        "podSandboxId": "0d4c3b2a19f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6b5a493827160504",
        "metadata": {"name": "kube-proxy", "attempt": attempt},
        "image": {
            "image": image,
            "annotations": {},
            "userSpecifiedImage": "",
            "runtimeHandler": "",
        },
        "imageRef": image,
        "state": state,
        "createdAt": f"{created}123456789",
        "labels": {
            "io.kubernetes.container.name": "kube-proxy",
            "io.kubernetes.pod.name": "kube-proxy-x7k2p",
            "io.kubernetes.pod.namespace": "kube-system",
            "io.kubernetes.pod.uid": "3f1c7a52-6d55-4b0e-9a52-0c1f4d8e7b61",
        },
        "annotations": {
            "io.kubernetes.container.hash": "5d3c1f2a",
            "io.kubernetes.container.restartCount": str(attempt),
            "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
            "io.kubernetes.container.terminationMessagePolicy": "File",
            "io.kubernetes.pod.terminationGracePeriod": "30",
        },
        "imageId": image,
    }


def listed(*containers: dict[str, Any]) -> str:
    """What `crictl ps -a -o json` prints."""
    return json.dumps({"containers": list(containers)}, indent=2)


def with_crictl(node: Node, printed: str) -> None:
    """Give the node a crictl that prints this, and a containerd."""
    node.file(PROGRAM, mode=0o755)
    node.file(SOCKET)
    node.programs.table[(PROGRAM,)] = result(0, printed)
