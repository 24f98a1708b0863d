"""nodefix/facts/probe.py: whether rules such as kube-proxy's can really be made."""

from __future__ import annotations

import pytest
from fakehost import Node
from netprobe import NFT, RESTORE4, RESTORE6, UNSHARE, Probe

from nodefix.errors import CommandError, DeadlineError
from nodefix.facts.probe import IPTABLES, NFTABLES, Feature, probe


def test_passing_probe_costs_one_call_a_family(node: Node) -> None:
    Probe(node)
    assert probe(node.host, IPTABLES) == ()
    assert node.commands.calls == [
        (UNSHARE, "--net", "--", RESTORE4, "--noflush"),
        (UNSHARE, "--net", "--", RESTORE6, "--noflush"),
    ]


def test_it_uses_what_kube_proxy_uses(node: Node) -> None:
    tried = Probe(node)
    probe(node.host, IPTABLES)
    four, six = tried.scripts
    assert four == (
        "*nat\n"
        '-A PREROUTING -m comment --comment "nodefix probe"\n'
        "-A PREROUTING -m addrtype --dst-type LOCAL\n"
        "-A PREROUTING -m statistic --mode random --probability .5\n"
        "-A PREROUTING -j MARK --or-mark 0x4000\n"
        "-A POSTROUTING -j MASQUERADE --random-fully\n"
        "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80\n"
        "COMMIT\n"
        "*filter\n"
        "-A FORWARD -m conntrack --ctstate NEW\n"
        "COMMIT\n"
    )
    assert six == four.replace("192.0.2.1:80", "[2001:db8::1]:80")


def test_it_uses_what_kube_proxy_uses_in_nftables_mode(node: Node) -> None:
    tried = Probe(node)
    assert probe(node.host, NFTABLES) == ()
    assert [argv[3:] for argv in node.commands.calls] == [(NFT, "--file", "-")] * 2
    four, six = tried.scripts
    for words in ("ct state new", "fib daddr type local", "numgen random", "masquerade", "dnat to"):
        assert words in four
        assert words in six
    assert all(" ip nodefix-probe" in line for line in four.splitlines())
    assert all(" ip6 nodefix-probe" in line for line in six.splitlines())


@pytest.mark.parametrize("features", [IPTABLES, NFTABLES], ids=["iptables", "nftables"])
def test_each_feature_that_fails_is_named_for_each_family(
    node: Node, features: tuple[Feature, ...]
) -> None:
    first, *_, last = (feature.name for feature in features)
    Probe(node, broken={first, last}, only="IPv6")
    assert [(one.family, one.feature.name) for one in probe(node.host, features)] == [
        ("IPv6", first),
        ("IPv6", last),
    ]


def test_everything_broken(node: Node) -> None:
    Probe(node, broken={feature.name for feature in IPTABLES})
    failures = probe(node.host, IPTABLES)
    assert len(failures) == 2 * len(IPTABLES)
    assert "missing kernel module?" in failures[0].words


def test_nothing_to_try(node: Node) -> None:
    assert probe(node.host, ()) == ()
    assert not node.commands.calls


def test_no_ipv6_no_probe_of_it(node: Node) -> None:
    (node.root / "proc/net/if_inet6").unlink()
    tried = Probe(node, broken={"comment"})
    assert {failure.family for failure in probe(node.host, IPTABLES)} == {"IPv4"}
    assert len(tried.scripts) == 1 + len(IPTABLES)


@pytest.mark.parametrize(
    ("features", "tool", "package"),
    [(IPTABLES, RESTORE4, "iptables-nft"), (NFTABLES, NFT, "nftables")],
)
def test_tool_missing(node: Node, features: tuple[Feature, ...], tool: str, package: str) -> None:
    Probe(node)
    (node.root / tool[1:]).unlink()
    with pytest.raises(CommandError, match=f"{tool}: found no such program") as caught:
        probe(node.host, features)
    assert caught.value.hint == f"dnf install {package}"


def test_a_probe_that_hangs_is_not_taken_for_broken_rules(node: Node) -> None:
    Probe(node)
    node.commands.table[(UNSHARE,)] = DeadlineError("the probe did not end")
    with pytest.raises(DeadlineError):
        probe(node.host, IPTABLES)
