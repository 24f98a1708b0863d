"""nodefix/advice/default_drop.py: base chains that drop by default."""

from __future__ import annotations

import pytest
from fakehost import Node, result

from nodefix.advice import default_drop
from nodefix.advice.default_drop import BaseChain
from nodefix.config import Config
from nodefix.errors import UnclearError

NFT = "/usr/sbin/nft"
# As nft 1.1 prints them.
CHAINS = """\
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy drop;
\t}
\tchain FORWARD {
\t\ttype filter hook forward priority filter; policy drop;
\t}
\tchain OUTPUT {
\t\ttype filter hook output priority filter; policy drop;
\t}
\tchain KUBE-FORWARD {
\t}
}
table inet firewalld {
\tchain filter_INPUT {
\t\ttype filter hook input priority filter + 10; policy drop;
\t}
}
table inet site {
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}
\tchain input {
\t\ttype filter hook input priority filter; policy accept;
\t}
\tchain nat {
\t\ttype nat hook input priority 100; policy drop;
\t}
}
"""
INPUT = BaseChain("ip", "filter", "INPUT", "input")
FORWARD = BaseChain("ip", "filter", "FORWARD", "forward")
SITE = BaseChain("inet", "site", "forward", "forward")


def test_read(node: Node) -> None:
    node.programs.table[NFT, "list", "chains"] = result(0, CHAINS)
    for chain in (INPUT, FORWARD, SITE):
        argv = (NFT, "list", "chain", chain.family, chain.table, chain.name)
        node.programs.table[argv] = result(0, f"rules of {chain.name}")
    assert default_drop.read(node.host, Config()) == tuple(
        chain._replace(rules=f"rules of {chain.name}") for chain in (INPUT, FORWARD, SITE)
    )


def test_no_answer(node: Node) -> None:
    node.programs.table[NFT, "list", "chains"] = result(1, "", "Operation not permitted")
    with pytest.raises(UnclearError):
        default_drop.read(node.host, Config())


def test_drops() -> None:
    chains = (INPUT, FORWARD, SITE)
    inputs, forwards = default_drop.judge(chains)
    assert (inputs.code, forwards.code) == ("input-drop", "forward-drop")
    assert inputs.hint == "nft insert rule ip filter INPUT tcp dport 10250 accept"
    assert "chain ip filter FORWARD, inet site forward: found" in forwards.message
    assert forwards.hint == (
        "nft chain ip filter FORWARD '{ policy accept; }'"
        " && nft chain inet site forward '{ policy accept; }'"
    )


@pytest.mark.parametrize(
    "chain",
    [
        INPUT._replace(rules="tcp dport { 22, 10250 } accept"),
        FORWARD._replace(rules='jump cali-FORWARD comment "cali:wUHhoiAYhphO9Mso"'),
        FORWARD._replace(rules='counter jump FLANNEL-FWD comment "flanneld forward"'),
    ],
)
def test_what_is_let_through(chain: BaseChain) -> None:
    assert default_drop.judge((chain,)) == ()


def test_nothing_drops() -> None:
    assert default_drop.judge(()) == ()
