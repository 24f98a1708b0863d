"""nodefix/stages/chains.py where a table is switched off as a whole, by nft's `flags dormant`.

iptables lists and changes such a table as any other; the kernel evaluates nothing of it.
"""

from __future__ import annotations

import pytest
from fakehost import Node, planned, repair, result
from netfilter import LIST_TABLES, Tables

from nodefix.config import Config
from nodefix.stages import chains


@pytest.mark.parametrize("table", ["filter", "nat"])
def test_chains_in_a_table_that_does_nothing_are_not_ready(node: Node, table: str) -> None:
    four, _ = Tables(node), Tables(node, six=True)
    four.dormant = {table}
    left = repair(chains, node)
    # They are made all the same, so that the remedy alone brings the node in order.
    assert ("nat", "KUBE-SERVICES") in four.chains
    assert not left.changes
    (problem,) = left.problems
    assert problem.required
    assert problem.message.startswith(f"IPv4 table {table}: found the flag `dormant`, expected")
    assert problem.hint == f"nft add table ip {table} && systemctl restart nodefix"


def test_a_table_of_ipv6_only_degrades(node: Node) -> None:
    Tables(node)
    Tables(node, six=True).dormant = {"nat"}
    (problem,) = repair(chains, node).problems
    assert not problem.required
    assert problem.hint == "nft add table ip6 nat && systemctl restart nodefix"


def test_the_file_that_would_bring_it_back_is_named(node: Node) -> None:
    Tables(node).dormant = {"nat"}
    Tables(node, six=True)
    node.file("/etc/sysconfig/nftables.conf", "table ip nat {\n  flags dormant\n}\n")
    (problem,) = repair(chains, node).problems
    assert "remove the flag from /etc/sysconfig/nftables.conf (table in line 1) too" in (
        problem.message
    )


def test_tables_that_kube_proxy_does_not_use_may_sleep(node: Node) -> None:
    four = Tables(node)
    Tables(node, six=True)
    four.dormant = {"mangle"}
    assert not repair(chains, node).problems
    four.dormant = {"nat", "filter"}
    left = repair(chains, node, Config(kube_proxy="nftables"))
    assert not left.problems


def test_where_it_cannot_be_told_the_node_is_not_held(node: Node) -> None:
    Tables(node)
    Tables(node, six=True)
    node.programs.table[LIST_TABLES] = result(1, stderr="Error: JSON support not compiled-in")
    (problem,) = planned(chains, node).problems
    assert not problem.required
    assert "Error: JSON support not compiled-in" in problem.message
