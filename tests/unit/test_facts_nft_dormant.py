"""nodefix/facts/nft_dormant.py: tables that are switched off as a whole, and where that stands."""

from __future__ import annotations

import json

import pytest
from fakehost import Node, result
from netfilter import LIST_TABLES, NFT, Tables

from nodefix.errors import CommandError, DeadlineError, NodefixError
from nodefix.facts.nft_dormant import Dormant, Sleeping, read_dormant
from nodefix.host.programs import Result

NAT = (NFT, "--terse", "list", "table", "ip", "nat")


def read(node: Node) -> Sleeping:
    return read_dormant(node.host, ("ip",), ("filter", "nat"))


def listed(node: Node, *tables: dict[str, object]) -> None:
    """Let nft list these tables."""
    found = [{"metainfo": {}}, *({"table": one} for one in tables)]
    node.programs.table[LIST_TABLES] = result(0, json.dumps({"nftables": found}))


def test_tables_in_order_cost_one_call(node: Node) -> None:
    Tables(node)
    Tables(node, six=True).dormant = {"nat"}
    assert read(node) == Sleeping()
    assert node.programs.calls == [LIST_TABLES]


def test_dormant_tables_are_named(node: Node) -> None:
    four, six = Tables(node), Tables(node, six=True)
    four.dormant, six.dormant = {"nat", "mangle"}, {"filter"}
    found = read_dormant(node.host, ("ip", "ip6"), ("filter", "nat"))
    assert found == Sleeping((Dormant("ip", "nat"), Dormant("ip6", "filter")))


@pytest.mark.parametrize("flags", ["filter", "Lester Gooch #5", ["dormant", "owner"], 1, None])
def test_flags_of_any_kind_are_looked_at_in_the_table_itself(node: Node, flags: object) -> None:
    """As nftables 1.0.6 lists them: a word that lay in memory that was freed."""
    tables = Tables(node)
    listed(node, {"family": "ip", "name": "nat", "flags": flags})
    assert read(node) == Sleeping()
    tables.dormant = {"nat"}
    assert read(node) == Sleeping((Dormant("ip", "nat"),))


@pytest.mark.parametrize(
    ("text", "dormant"),
    [
        ("table ip nat { # progname nft\n\tflags owner,dormant\n\n\tchain a {\n\t}\n}\n", True),
        ("table ip nat {\n\tflags dormant\n}\n", True),
        ("table ip nat {\n\tflags owner\n\n\tchain a {\n\t\tflags dormant\n\t}\n}\n", False),
        ('table ip nat {\n\tflags owner\n\tcomment "flags dormant"\n}\n', False),
    ],
)
def test_only_the_tables_own_flags_count(node: Node, text: str, dormant: bool) -> None:
    listed(node, {"family": "ip", "name": "nat", "flags": "x"})
    node.programs.table[NAT] = result(0, text)
    assert bool(read(node).tables) == dormant


@pytest.mark.parametrize(
    ("path", "line"), [("/etc/sysconfig/nftables.conf", 2), ("/etc/nftables/site.nft", 2)]
)
def test_where_the_table_is_written(node: Node, path: str, line: int) -> None:
    Tables(node).dormant = {"nat"}
    node.file(path, "# mine\ntable ip nat {\n  flags dormant;\n}\n")
    (found,) = read(node).tables
    assert (found.origin, found.line) == (path, line)


@pytest.mark.parametrize(
    "answer",
    [
        result(1, stderr="Error: JSON support not compiled-in"),
        result(0, ""),
        result(0, '{"nftables": [{"table": {"family": "ip", "na'),
        result(0, "[" * 100_000),
        result(0, "[]"),
        result(0, '{"nftables": 1}'),
        CommandError(f"{NFT}: found no such program", f"dnf install {NFT}"),
        DeadlineError("`nft` did not end"),
    ],
)
def test_what_cannot_be_told_is_not_no(node: Node, answer: Result | NodefixError) -> None:
    node.programs.table[LIST_TABLES] = answer
    found = read(node)
    assert found.tables == ()
    assert found.unclear
    assert found.hint


@pytest.mark.parametrize("answer", [result(1, stderr="Error: no"), DeadlineError("no end")])
def test_a_table_that_cannot_be_looked_at(node: Node, answer: Result | NodefixError) -> None:
    listed(node, {"family": "ip", "name": "nat", "flags": "dormant"})
    node.programs.table[NAT] = answer
    assert read(node).unclear


@pytest.mark.parametrize("odd", [None, 7, {"table": 7}, {"table": {"family": "ip"}}, {"chain": {}}])
def test_entries_of_no_known_kind_are_passed_over(node: Node, odd: object) -> None:
    Tables(node)
    node.programs.table[LIST_TABLES] = result(0, json.dumps({"nftables": [odd]}))
    assert read(node) == Sleeping()
