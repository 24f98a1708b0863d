"""nodefix/stages/alternatives.py: modes of kube-proxy for which the node needs no iptables."""

from __future__ import annotations

import pytest
from altstage import MULTI, answer_rpm, answer_versions, coreutils, damaged, plan
from el_alternatives import ElAlternatives
from fakehost import Node

from nodefix.config import Config
from nodefix.plan import Plan

NEEDS_NONE = pytest.mark.parametrize("mode", ["nftables", "none"])


@NEEDS_NONE
def test_a_node_without_iptables_is_in_order(node: Node, mode: str) -> None:
    answer_rpm(node, "alternatives")
    assert plan(node, Config(kube_proxy=mode)) == Plan(
        skipped=f"iptables is not installed, and kube-proxy's mode {mode} needs none"
    )
    for needing in ("iptables", "ipvs"):
        assert any(one.required for one in plan(node, Config(kube_proxy=needing)).problems)


def test_another_iptables_is_still_named(node: Node) -> None:
    answer_rpm(node)
    node.file("/usr/local/sbin/iptables", mode=0o755)
    (problem,) = plan(node, Config(kube_proxy="nftables")).problems
    assert problem.code == "iptables-shadowed"


@NEEDS_NONE
@pytest.mark.parametrize("installed", [True, False])
def test_an_iptables_that_is_broken_is_mended_or_named_and_holds_nothing(
    node: Node, mode: str, installed: bool
) -> None:
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    el = ElAlternatives(node)
    damaged(el, 25)
    config = Config(kube_proxy=mode)
    if installed:
        (change,) = plan(node, config).changes
        assert not change.required
        return
    # Its package is there, and its program is not.
    node.host.path(MULTI).unlink()
    problems = plan(node, config).problems
    assert problems
    assert not any(problem.required for problem in problems)
