"""nodefix/facts/kubeproxy.py: the jumps in kube-proxy's own form and order."""

from __future__ import annotations

from kubeproxy import KUBE_PROXY

from nodefix.facts.kubeproxy import BASES, JUMPS, PARENTS, ChainKey, jumps_of


def test_jumps_are_kube_proxys() -> None:
    assert [(jump.table, jump.parent, jump.rule()) for jump in JUMPS] == KUBE_PROXY


def test_other_releases_make_them_with_or_without_new() -> None:
    for jump in JUMPS:
        this, other = jump.forms()
        assert this.replace("-m conntrack --ctstate NEW ", "") in (this, other)
        assert this != other


def test_what_is_made_besides_in_chains_that_iptables_cannot_read() -> None:
    for parent in PARENTS:
        more = jumps_of(parent, native=True)[len(jumps_of(parent, native=False)) :]
        added = [jump.forms() for jump in more]
        wanted = parent in (ChainKey("filter", "INPUT"), ChainKey("filter", "OUTPUT"))
        assert added == [("-j KUBE-FIREWALL",)] * wanted


def test_each_built_in_chain_has_a_hook() -> None:
    assert set(BASES) == set(PARENTS)
