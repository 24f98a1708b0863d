"""The real kube-proxy and nodefix write into the same tables, in any order, and lose nothing."""

from __future__ import annotations

import pytest
from build import Binaries
from proxying import HINTS, SAVES, Chain, Proxied, Rules, differences, twice

# What the hand fix leaves behind, and nobody takes away.
LEFT: Rules = {(SAVES[0], "nat", "KUBE-FIREWALL"): []}
# Services of the last test, and how often nodefix runs beside them.
MANY, RUNS = 5000, 20


def is_done(outcomes: dict[str, str]) -> bool:
    """Whether a run had nothing to do; what this machine's kernel lacks is nothing to do."""
    return {outcomes[name] for name in ("alternatives", "chains")} <= {"unchanged", "skipped"}


def kubernetes(rules: Rules) -> set[tuple[str, str]]:
    """The tables and names of Kubernetes' chains."""
    return {(table, chain) for _, table, chain in rules if chain.startswith("KUBE-")}


def _as_sets(rules: Rules) -> dict[Chain, set[str]]:
    return {chain: set(theirs) for chain, theirs in rules.items()}


def test_nodefix_then_kube_proxy(each: Binaries, proxied: Proxied) -> None:
    wanted = proxied.alone(each)
    proxied.nodefix()
    proxied.start(each)
    assert proxied.backend().endswith("xtables-nft-multi")
    assert differences(proxied.rules(), wanted | HINTS) == []
    assert is_done(proxied.nodefix())
    assert differences(proxied.rules(), wanted | HINTS) == []
    proxied.healthy()


def test_kube_proxy_then_nodefix(each: Binaries, proxied: Proxied) -> None:
    wanted = proxied.alone(each)
    proxied.start(each)
    assert proxied.nodefix()["chains"] == "changed"
    assert differences(proxied.rules(), wanted | HINTS) == []
    proxied.healthy()
    proxied.restart(each)
    assert differences(proxied.rules(), wanted | HINTS) == []
    assert is_done(proxied.nodefix())


@pytest.mark.parametrize("first", ["nodefix", "kube-proxy"])
def test_hand_fix_first(each: Binaries, proxied: Proxied, first: str) -> None:
    wanted = proxied.alone(each)
    proxied.hand_fix()
    if first == "nodefix":
        assert proxied.nodefix()["chains"] == "changed"
        proxied.start(each)
    else:
        proxied.start(each)
        assert twice(proxied.rules())
        assert proxied.nodefix()["chains"] == "changed"
    found = proxied.rules()
    assert twice(found) == []
    assert differences(found, wanted | HINTS | LEFT) == []
    proxied.healthy()
    assert is_done(proxied.nodefix())


@pytest.mark.parametrize("setting", ["auto", "iptables", "ipvs", "nftables", "none"])
def test_nftables_mode(newest: Binaries, proxied: Proxied, setting: str) -> None:
    proxied.setting(setting)
    proxied.nodefix()
    proxied.start(newest, "nftables")
    written = proxied.nft()
    proxied.nodefix()
    found = proxied.rules()
    assert proxied.nft() == written
    proxied.restart(newest, "nftables")
    assert proxied.nft() == written
    proxied.healthy()
    if setting == "iptables":
        # As told, nodefix makes at each run what kube-proxy takes away at each start.
        assert ("nat", "KUBE-SERVICES") in kubernetes(found)
    else:
        assert differences(proxied.rules(), found) == []
        assert is_done(proxied.nodefix())
    left = {("mangle", "KUBE-IPTABLES-HINT")} if setting != "none" else set()
    assert kubernetes(proxied.rules()) == left


def test_cleanup(newest: Binaries, proxied: Proxied) -> None:
    wanted = proxied.alone(newest)
    proxied.hand_fix()
    proxied.start(newest)
    # The hand fix's jumps keep it from that.
    assert proxied.cleanup(newest).returncode
    proxied.nodefix()
    proxied.start(newest)
    cleaned = proxied.cleanup(newest)
    assert cleaned.returncode == 0, cleaned.output
    firewall = {("filter", "KUBE-FIREWALL"), ("nat", "KUBE-FIREWALL")}
    assert kubernetes(proxied.rules()) == {("mangle", "KUBE-IPTABLES-HINT"), *firewall}
    assert proxied.nodefix()["chains"] == "changed"
    proxied.start(newest)
    found = proxied.rules()
    assert twice(found) == []
    # kubelet's jumps were left where they were, and so are below the others.
    assert _as_sets(found) == _as_sets(wanted | HINTS | LEFT)


def test_hint_beats_traces_of_iptables_legacy(newest: Binaries, proxied: Proxied) -> None:
    made = proxied.node.run(
        ["iptables-legacy", "-t", "mangle", "-N", "KUBE-IPTABLES-HINT"], check=False
    )
    if made.returncode:
        pytest.skip(f"this kernel has no iptables-legacy: {made.output}")
    proxied.start(newest)
    assert proxied.backend().endswith("xtables-legacy-multi")
    assert proxied.nodefix()["chains"] == "changed"
    proxied.cleanup(newest)
    proxied.start(newest)
    assert proxied.backend().endswith("xtables-nft-multi")


def test_many_services_that_come_and_go(newest: Binaries, proxied: Proxied) -> None:
    proxied.services(MANY)
    proxied.nodefix()
    proxied.start(newest)
    before = proxied.rules()
    assert len(before) > 2 * MANY * 6 // 7
    begun = proxied.syncs()
    proxied.churn()
    for run in range(RUNS):
        if run % 2:
            # It is nodefix alone that makes this one, so there is something to write.
            proxied.sh("for t in iptables ip6tables; do $t -t mangle -X KUBE-IPTABLES-HINT; done")
        outcomes = proxied.nodefix()
        assert outcomes["chains"] == ("changed" if run % 2 else "unchanged")
    # iptables-save begins anew whenever something changes, so it would not end before this.
    assert proxied.services(MANY)["churned"] > RUNS
    found = proxied.settle(before)
    assert proxied.syncs() > begun + RUNS
    assert twice(found) == []
    proxied.healthy()
