"""nodefix/facts/features.py: what kube-proxy's rules use."""

from __future__ import annotations

import pytest

from nodefix.facts.features import IPTABLES, NFTABLES, Feature


@pytest.mark.parametrize("feature", IPTABLES, ids=lambda feature: feature.name)
def test_a_rule_of_iptables_loads_its_module_and_what_all_go_through(feature: Feature) -> None:
    for family in ("IPv4", "IPv6"):
        loads = feature.loads_of(family)
        assert {"nf_tables", "nft_compat", feature.module} <= set(loads)
        assert ("nft_chain_nat" in loads) == (feature.table == "nat")
        assert ("xt_tcpudp" in loads) == ("tcp" in feature.rule)


def test_a_rule_of_nft_loads_the_module_of_its_family() -> None:
    fib = next(feature for feature in NFTABLES if feature.name == "fib")
    assert fib.loads_of("IPv4") == ("nf_tables", "nft_chain_nat", "nft_fib_ipv4")
    assert fib.loads_of("IPv6") == ("nf_tables", "nft_chain_nat", "nft_fib_ipv6")
    others = (feature for feature in NFTABLES if feature is not fib)
    assert all(feature.module in feature.loads_of("IPv4") for feature in others)
    assert not any("nft_compat" in feature.loads_of("IPv6") for feature in NFTABLES)


def test_a_rule_differs_by_family_where_it_has_addresses() -> None:
    for feature in (*IPTABLES, *NFTABLES):
        is_same = feature.rule_of("IPv4") == feature.rule_of("IPv6")
        assert is_same == (feature.name.lower() != "dnat")
