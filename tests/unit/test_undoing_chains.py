"""nodefix/undoing/chains.py: what is still as nodefix made it goes, all else stays."""

from __future__ import annotations

import copy

import pytest
from fakehost import KERNEL, Node, repair, result
from netfilter import NFT, RESTORE4, Tables

from nodefix.errors import CommandError
from nodefix.stages import chains
from nodefix.undoing.chains import take_away
from nodefix.undoing.item import Item


@pytest.fixture
def tables(node: Node) -> Tables:
    """A node with IPv4 only on which the stage has run."""
    node.host.path("/proc/net/if_inet6").unlink()
    found = Tables(node)
    assert not repair(chains, node).changes
    return found


def away(node: Node, *, dry_run: bool = False) -> dict[str, Item]:
    return {item.target: item for item in take_away(node.host, dry_run=dry_run)}


def test_what_the_stage_made_goes_in_both_families(node: Node) -> None:
    both = [Tables(node), Tables(node, six=True)]
    for one in both:
        one.add("filter", "INPUT", "-i lo -j ACCEPT")
        one.add("nat", "MINE", "-j ACCEPT")
    before = [copy.deepcopy(one.chains) for one in both]
    assert not repair(chains, node).changes
    found = away(node)
    assert {item.outcome for item in found.values()} == {"restored"}
    assert [*found] == [
        f"{family} table {table}"
        for family in ("IPv4", "IPv6")
        for table in ("filter", "nat", "mangle")
    ]
    assert [one.chains for one in both] == before
    assert away(node) == {}


def test_a_dry_run_says_so_and_changes_nothing(node: Node, tables: Tables) -> None:
    node.file("/proc/modules", "nf_tables 1 0 - Live 0x0\n")
    before = copy.deepcopy(tables.chains)
    planned = away(node, dry_run=True)
    assert tables.chains == before
    assert planned == away(node)


@pytest.mark.parametrize("canary", ["KUBE-PROXY-CANARY", "KUBE-KUBELET-CANARY", "KUBE-SVC-1"])
def test_nothing_goes_while_kube_proxy_or_kubelet_is_at_work(
    node: Node, tables: Tables, canary: str
) -> None:
    tables.add("mangle", canary)
    before = copy.deepcopy(tables.chains)
    found = away(node)
    assert [item.outcome for item in found.values()] == ["kept"]
    assert canary in found["IPv4 chains"].why
    assert tables.chains == before


def test_a_chain_with_a_rule_keeps_its_table(node: Node, tables: Tables) -> None:
    tables.add("filter", "KUBE-FORWARD", "-j DROP")
    before = copy.deepcopy(tables.chains)
    found = away(node)
    assert {name: item.outcome for name, item in found.items()} == {
        "IPv4 table filter": "kept",
        "IPv4 table nat": "restored",
        "IPv4 table mangle": "restored",
    }
    assert "KUBE-FORWARD holds rules" in found["IPv4 table filter"].why
    assert {k: v for k, v in tables.chains.items() if k[0] == "filter"} == {
        k: v for k, v in before.items() if k[0] == "filter"
    }


@pytest.mark.parametrize(
    ("chain", "why"), [("INPUT", "a rule that nodefix did not make"), ("MINE", "kernel refuses")]
)
def test_a_rule_of_somebody_elses_keeps_its_table(
    node: Node, tables: Tables, chain: str, why: str
) -> None:
    tables.add("filter", chain, "-s 192.0.2.1/32 -j KUBE-FORWARD")
    before = copy.deepcopy(tables.chains)
    found = away(node)["IPv4 table filter"]
    assert found.outcome == "kept"
    assert why in found.why
    assert tables.rules("filter", chain) == before["filter", chain]
    assert ("filter", "KUBE-FORWARD") in tables.chains


def test_what_iptables_cannot_list_is_kept(node: Node, tables: Tables) -> None:
    tables.add("nat", "POSTROUTING", "nft: masquerade")
    before = copy.deepcopy(tables.chains)
    found = away(node)["IPv4 table nat"]
    assert found.outcome == "kept"
    assert "iptables cannot list all of it" in found.why
    assert [k for k in before if k[0] == "nat" and k not in tables.chains] == []


def test_what_cannot_be_read_is_told(node: Node, tables: Tables) -> None:
    argv = (NFT, "--numeric-priority", "list", "chains", "ip")
    node.programs.table[argv] = result(1, stderr="Operation not permitted\n")
    (item,) = away(node).values()
    assert (item.outcome, "not permitted" in item.why) == ("failed", True)


def test_no_iptables(node: Node, tables: Tables) -> None:
    node.programs.table[(RESTORE4, "--noflush")] = CommandError("not there", "dnf install it")
    (item,) = away(node).values()
    assert (item.outcome, item.why, item.hint) == ("failed", "not there", "dnf install it")


def test_a_kernel_without_nf_tables_is_not_asked(node: Node) -> None:
    # On disk, and not loaded.
    node.file(f"/lib/modules/{KERNEL}/modules.dep", "kernel/net/nf_tables.ko.xz:\n")
    node.file("/proc/modules")
    calls = len(node.programs.calls)
    assert away(node, dry_run=True) == {}
    assert len(node.programs.calls) == calls
