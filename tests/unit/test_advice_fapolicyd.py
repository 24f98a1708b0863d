"""nodefix/advice/fapolicyd.py: fapolicyd and the network plugins."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import fapolicyd
from nodefix.advice.finding import Advice
from nodefix.config import Config

FOLDER = "/etc/fapolicyd"


@pytest.fixture
def active(node: Node) -> Node:
    """A node on which fapolicyd runs."""
    node.systemd.active.add("fapolicyd.service")
    node.file(f"{FOLDER}/fapolicyd.conf", "permissive = 0\nnice_val = 14\n")
    return node


def judged(node: Node) -> tuple[Advice, ...]:
    return fapolicyd.judge(fapolicyd.read(node.host, Config()))


def test_not_active(node: Node) -> None:
    assert judged(node) == ()


def test_active(active: Node) -> None:
    active.file(f"{FOLDER}/rules.d/30-x.rules", "# allow perm=any all : dir=/opt/cni/bin/\n")
    (found,) = judged(active)
    assert found.code == "fapolicyd-active"
    assert found.hint == "fapolicyd-cli --file add /opt/cni/bin/ && fapolicyd-cli --update"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("fapolicyd.trust", "/opt/cni/bin/bridge 4096 61a9\n"),
        ("trust.d/kubernetes", "# x\n/opt/cni/bin/bridge 4096 61a9\n"),
        ("rules.d/80-cni.rules", "allow perm=any all : dir=/opt/cni/bin/\n"),
        ("fapolicyd.conf", "permissive = 1\n"),
    ],
)
def test_in_order(active: Node, file: str, content: str) -> None:
    active.file(f"{FOLDER}/{file}", content)
    assert judged(active) == ()


def test_settings_that_cannot_be_read(active: Node) -> None:
    active.host.path(f"{FOLDER}/fapolicyd.conf").unlink()
    with pytest.raises(OSError, match=r"fapolicyd\.conf"):
        judged(active)
