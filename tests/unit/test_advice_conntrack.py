"""nodefix/advice/conntrack.py and nodefix/facts/conntrack.py: the table of connections is full."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import conntrack
from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.errors import UnclearError

FOLDER = "/proc/sys/net/netfilter/nf_conntrack"


def judged(node: Node, count: str, most: str) -> tuple[Advice, ...]:
    node.file(f"{FOLDER}_count", count)
    node.file(f"{FOLDER}_max", most)
    return conntrack.judge(conntrack.read(node.host, Config()))


@pytest.mark.parametrize("count", ["117965", "131072", "131090"])
def test_nearly_full(node: Node, count: str) -> None:
    (found,) = judged(node, f"{count}\n", "131072\n")
    assert found.code == "conntrack-nearly-full"
    assert f"found 131072 where {count} of 131072 entries are in use" in found.message
    assert found.hint == "sysctl -w net.netfilter.nf_conntrack_max=262144"


@pytest.mark.parametrize(("count", "most"), [("117964", "131072"), ("0", "131072"), ("9", "0")])
def test_room(node: Node, count: str, most: str) -> None:
    assert judged(node, f"{count}\n", f"{most}\n") == ()


def test_no_table(node: Node) -> None:
    assert conntrack.judge(conntrack.read(node.host, Config())) == ()


def test_unclear(node: Node) -> None:
    with pytest.raises(UnclearError):
        judged(node, "many\n", "131072\n")
