"""nodefix/facts/features.py and features_nft.py: what kube-proxy's rules use."""

from __future__ import annotations

import pytest

from nodefix.facts.features import Feature
from nodefix.facts.features_nft import BASES, NFTABLES
from nodefix.facts.modes import MODES

FAMILIES = ("IPv4", "IPv6")
TRIED_BY_IPTABLES = tuple(dict.fromkeys((*MODES["iptables"].features, *MODES["ipvs"].features)))


@pytest.mark.parametrize("feature", TRIED_BY_IPTABLES, ids=lambda feature: feature.name)
def test_a_rule_of_iptables_loads_its_module_and_what_all_go_through(feature: Feature) -> None:
    for family in FAMILIES:
        loads = feature.loads_of(family)
        assert {"nf_tables", "nft_compat", feature.module_of(family)} <= set(loads)
        assert ("nft_chain_nat" in loads) == (feature.table == "nat")
        assert ("xt_tcpudp" in loads) == (" -p " in feature.rule)


@pytest.mark.parametrize("feature", NFTABLES, ids=lambda feature: feature.name)
def test_a_rule_of_nft_loads_its_module_and_no_more_than_its_chain_needs(feature: Feature) -> None:
    for family in FAMILIES:
        loads = feature.loads_of(family)
        assert {"nf_tables", feature.module_of(family)} <= set(loads)
        assert ("nft_chain_nat" in loads) == ("type nat" in BASES[feature.chain])
        assert "nft_compat" not in loads


@pytest.mark.parametrize(
    ("name", "four", "six"),
    [
        ("fib", "nft_fib_ipv4", "nft_fib_ipv6"),
        ("reject", "nft_reject_ipv4", "nft_reject_ipv6"),
        ("REJECT", "ipt_REJECT", "ip6t_REJECT"),
        ("numgen", "nft_numgen", "nft_numgen"),
    ],
)
def test_each_family_has_its_module(name: str, four: str, six: str) -> None:
    feature = next(one for one in (*NFTABLES, *TRIED_BY_IPTABLES) if one.name == name)
    assert (feature.module_of("IPv4"), feature.module_of("IPv6")) == (four, six)
    assert feature.modules == tuple(dict.fromkeys((four, six)))


def test_nothing_of_ipv4_is_left_in_a_rule_for_ipv6() -> None:
    for feature in (*TRIED_BY_IPTABLES, *NFTABLES):
        six = feature.rule_of("IPv6")
        assert feature.rule_of("IPv4") == feature.rule
        assert not any(word in six for word in ("192.0.2", "ip saddr", "ip daddr", "127.0.0"))


def test_names_and_chains_are_told_apart() -> None:
    for mode in MODES.values():
        names = [feature.name for feature in mode.features]
        assert len(names) == len(set(names))
    assert {feature.chain for feature in NFTABLES} == set(BASES)
