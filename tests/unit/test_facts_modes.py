"""nodefix/facts/modes.py: what each mode of kube-proxy needs."""

from __future__ import annotations

from nodefix.facts.modes import MODES
from nodefix.settings import KUBE_PROXIES


def test_each_mode_of_the_setting_is_known() -> None:
    assert {*MODES, "auto"} >= set(KUBE_PROXIES) >= set(MODES)


def test_kube_proxy_exits_without_conntrack_in_each_mode() -> None:
    assert all("nf_conntrack" in mode.base for mode in MODES.values())


def test_iptables_is_left_out_in_nftables_mode() -> None:
    mode = MODES["nftables"]
    assert not any(feature.table for feature in mode.features)
    assert not any(name.startswith(("xt_", "nft_compat")) for name in mode.base)


def test_ipvs() -> None:
    needs = {need.module: need for need in MODES["ipvs"].needs}
    assert {"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "xt_set", "ip_set"} <= needs.keys()
    assert not needs["ip_vs_sh"].required
    # It would load br_netfilter.
    assert not needs["xt_physdev"].load
    names = {feature.name for feature in MODES["ipvs"].features}
    assert {"comment", "MARK", "MASQUERADE", "REJECT", "conntrack"} <= names
    assert names.isdisjoint({"statistic", "DNAT", "recent"})
