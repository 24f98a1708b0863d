"""Images that ostree unpacked on a made-up node."""

from __future__ import annotations

from fakehost import Node

NAME = f"{'ab12' * 16}.0"


def unpacked(node: Node, release: str, name: str = NAME, staged: bool = True) -> str:
    """An image with this kernel, staged for the next boot or just there; its folder."""
    folder = f"/sysroot/ostree/deploy/default/deploy/{name}"
    node.file(f"{folder}/usr/lib/modules/{release}/vmlinuz")
    if staged:
        node.file("/run/ostree/staged-deployment", staged_bytes(name))
    return folder


def staged_bytes(name: str) -> bytes:
    """As ostree writes it: a{sv} with the deployment itself and the one that runs."""
    running = f"{'cd34' * 16}.1"
    parts = ("target", name, "osname", "default", "merge-deployment", running)
    return b"".join(part.encode() + b"\0\0\3" for part in parts)
