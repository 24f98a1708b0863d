"""nodefix/advice/ip_forward.py: the node does not forward."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import ip_forward
from nodefix.config import Config

FILE = "/proc/sys/net/ipv4/ip_forward"


def test_off(node: Node) -> None:
    node.file(FILE, "0\n")
    (found,) = ip_forward.judge(ip_forward.read(node.host, Config()))
    assert found.code == "ip-forward-off"
    assert found.hint == (
        "echo 'net.ipv4.ip_forward = 1' >>/etc/sysctl.d/99-kubernetes.conf"
        " && sysctl -p /etc/sysctl.d/99-kubernetes.conf"
    )


@pytest.mark.parametrize("content", ["1\n", "2\n"])
def test_on(node: Node, content: str) -> None:
    node.file(FILE, content)
    assert ip_forward.judge(ip_forward.read(node.host, Config())) == ()


def test_unreadable(node: Node) -> None:
    with pytest.raises(FileNotFoundError):
        ip_forward.read(node.host, Config())
