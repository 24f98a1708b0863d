"""Tables of the names that iptables uses, written with nft itself, and kube-proxy beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import testnode
from nodes import keep_still, kubelet_runs, outcomes, report, run_alone, sh
from test_kube_proxy import kube_proxy_sync

DATA = Path(__file__).with_name("data")

# What kube-proxy lists at its start, and besides its other jumps makes sure of.
STARTS = "iptables -t nat -S POSTROUTING >/dev/null"
KUBELET_JUMPS = """
for parent in INPUT OUTPUT; do
    iptables -N KUBE-FIREWALL 2>/dev/null || true
    iptables -C $parent -j KUBE-FIREWALL || { [ $? = 1 ] && iptables -I $parent -j KUBE-FIREWALL; }
done
"""

FILTER = """\
table ip filter {
  chain INPUT {
    type filter hook input priority 0; policy drop;
    ct state { established, related } accept
    ct state established,related accept
    iif "lo" accept
  }
  chain FORWARD {
    type filter hook forward priority 0; policy accept;
    fib daddr type local accept
    meta l4proto { tcp, udp } th dport 53 accept
  }
}
"""
NAT = """\
table ip nat {
  chain POSTROUTING {
    type nat hook postrouting priority 100; policy accept;
    ip saddr 192.0.2.0/24 oifname != "cni0" counter packets 0 bytes 0 masquerade
  }
}
"""
OTHER_PRIORITY = """\
table ip filter {
  chain INPUT {
    type filter hook input priority 10; policy drop;
    ct state established,related accept
    iif "lo" accept
  }
}
"""


def rules_of(ruleset: str) -> list[str]:
    """The rules alone, as nft prints them."""
    lines = [line.strip() for line in ruleset.splitlines()]
    return [line for line in lines if line.endswith(("accept", "masquerade"))]


def chains(node: testnode.Machine) -> dict[str, object]:
    """The chains stage of the last run."""
    (stage,) = (stage for stage in report(node)["stages"] if stage["stage"] == "chains")
    found: dict[str, object] = stage
    return found


def hint(node: testnode.Machine) -> str:
    """The remedy for the one problem of the chains stage."""
    (problem,) = chains(node)["problems"]  # type: ignore[attr-defined, misc]
    line: str = problem["hint"]
    return line


def test_kube_proxy_lives_with_a_filter_table_of_the_admins(node: testnode.Nspawn) -> None:
    sh(node, "nft flush ruleset")
    node.run(["nft", "--file", "-"], input=FILTER)
    # As kube-proxy would find it: its check fails with another status than "no such rule".
    alone = node.run(["iptables", "-C", "INPUT", "-j", "KUBE-FIREWALL"], check=False)
    assert alone.returncode not in (0, 1)
    node.run(["nodefix", "run", "--stage", "chains"])
    assert outcomes(node)["chains"] in ("changed", "prepared")
    assert sh(node, f"{STARTS} || exit\n{kube_proxy_sync()}") == ""
    sh(node, f"set -e; {KUBELET_JUMPS}")
    ruleset = sh(node, "nft list ruleset")
    assert [ruleset.count(rule) for rule in rules_of(FILTER)] == [1] * 5
    node.run(["nodefix", "run", "--stage", "chains"])
    assert outcomes(node)["chains"] == "unchanged"


@pytest.mark.parametrize("name", ["ip-filter-INPUT", "ip-nat-POSTROUTING"])
def test_tables_from_the_field(node: testnode.Nspawn, name: str) -> None:
    sh(node, "nft flush ruleset")
    node.run(["nft", "--file", "-"], input=(DATA / f"{name}.nft").read_text())
    _, table, chain = name.split("-")
    ran = run_alone(node)
    if table == "filter":
        # kube-proxy can live with it.
        assert ran.returncode == 0
        assert f"IPv4 {table} {chain}: rules that iptables cannot read" in ran.stderr
        return
    assert ran.returncode == 1
    assert f"IPv4 table {table}, chain {chain}: found rules written with nft" in ran.stderr
    sh(node, hint(node))
    assert report(node)["outcome"] == "ready"


@pytest.mark.parametrize("rules", [NAT, OTHER_PRIORITY], ids=["nat", "another priority"])
def test_what_cannot_be_shared_is_named_and_its_remedy_mends_the_node(
    node: testnode.Nspawn, rules: str
) -> None:
    sh(node, "nft flush ruleset")
    node.run(["nft", "--file", "-"], input=rules)
    ran = run_alone(node)
    assert ran.returncode == 1
    assert "established,related accept" in ran.stderr or "masquerade" in ran.stderr
    sh(node, hint(node))
    assert report(node)["outcome"] == "ready"
    assert sh(node, f"{STARTS} || exit\n{kube_proxy_sync()}") == ""
    moved = sh(node, "nft list ruleset")
    table, policy = ("nat_local", "accept") if rules == NAT else ("filter_local", "drop")
    assert f"table ip {table} {{" in moved
    assert f"policy {policy}" in moved
    assert {moved.count(rule) for rule in rules_of(rules)} == {1}


@pytest.fixture
def booted(root: testnode.Root) -> Iterator[testnode.Nspawn]:
    """A node on which nftables.service loads the admin's tables at each boot."""
    root.write("/etc/nftables.conf", f"flush ruleset\n{NAT}{OTHER_PRIORITY}")
    root.run(["systemctl", "enable", "nftables.service"])
    keep_still(root)
    with testnode.Nspawn(root) as machine:
        machine.boot()
        yield machine


def test_a_file_is_mended_for_good(booted: testnode.Nspawn) -> None:
    node = booted
    assert report(node)["outcome"] == "failed"
    before = node.read("/etc/nftables.conf")
    for problem in chains(node)["problems"]:  # type: ignore[attr-defined]
        sh(node, problem["hint"], check=False)
    assert report(node)["outcome"] == "ready"
    assert node.read("/etc/nftables.conf.saved.~1~") == before
    assert node.read("/etc/nftables.conf").replace("_local", "") == before
    node.poweroff()
    node.boot()
    assert report(node)["outcome"] == "ready"
    assert "table ip nat_local {" in sh(node, "nft list ruleset")
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))


COMPARE = """
from pathlib import Path
from nodefix.facts.nft import read_bases
from nodefix.host.node import open_host
host = open_host(Path("/"))
for family in ("ip", "ip6"):
    listed = read_bases(host, family)
    print(len(listed), listed == {key: host.netfilter.hook(family, *key) for key in listed})
    print(host.netfilter.hook(family, "nat", "NONE"), host.netfilter.hook(family, "none", "NONE"))
    print([host.netfilter.is_dormant(family, name) for name in ("nat", "filter", "none")])
"""


def test_the_kernel_itself_says_of_chains_what_nft_prints(node: testnode.Nspawn) -> None:
    sh(node, "nft flush ruleset; nodefix run --stage chains")
    sh(node, "nft 'add table ip filter { flags dormant; }'")
    said = node.run(
        ["env", "PYTHONPATH=/usr/lib/nodefix", "python3", "-c", COMPARE]
    ).stdout.splitlines()
    counts = [int(said[at].split()[0]) for at in (0, 3)]
    assert min(counts) >= 15
    assert [said[at].split()[1] for at in (0, 3)] == ["True", "True"]
    assert said[1] == said[4] == "None None"
    assert (said[2], said[5]) == ("[False, True, False]", "[False, False, False]")
    sh(node, "nft flush ruleset; nodefix run --stage chains")
