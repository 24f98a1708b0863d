"""nodefix/advice/firewalld.py: firewalld runs."""

from __future__ import annotations

from fakehost import Node

from nodefix.advice import firewalld
from nodefix.config import Config


def test_read(node: Node) -> None:
    assert firewalld.read(node.host, Config()) is False
    node.systemd.active.add("firewalld.service")
    assert firewalld.read(node.host, Config()) is True


def test_judge() -> None:
    assert firewalld.judge(False) == ()
    (found,) = firewalld.judge(True)
    assert found.code == "firewalld-active"
    assert "10250/tcp" in found.message
    assert found.hint == ("systemctl disable --now firewalld.service && systemctl restart nodefix")
