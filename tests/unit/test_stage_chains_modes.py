"""nodefix/stages/chains.py: modes of kube-proxy in which it needs the hint at most."""

from __future__ import annotations

import pytest
from fakehost import Node, planned, repair, result
from kubeproxy import MANGLE, hand_fix
from netfilter import RESTORE4, RESTORE6, Tables

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.errors import CommandError
from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import chains

NFTABLES = Config(kube_proxy="nftables")


@pytest.fixture
def both(node: Node) -> tuple[Tables, Tables]:
    """The tables of a node that has iptables."""
    node.file(RESTORE4)
    node.file(RESTORE6)
    return Tables(node), Tables(node, six=True)


@pytest.mark.parametrize(("mode", "required"), [("nftables", False), ("ipvs", True)])
def test_the_hint_is_all_that_is_made(
    node: Node, both: tuple[Tables, Tables], mode: str, required: bool
) -> None:
    four, six = both
    # kube-proxy's own, or the hand fix's, are neither completed nor taken away.
    hand_fix(four)
    config = Config(kube_proxy=mode)
    assert {change.required for change in planned(chains, node, config).changes} == {required}
    assert repair(chains, node, config) == Plan()
    assert four.changes == six.changes == [MANGLE]
    assert repair(chains, node, config) == Plan()
    assert len(four.changes) == 1


def test_in_nftables_mode_a_node_without_iptables_is_in_order(node: Node) -> None:
    left = planned(chains, node, NFTABLES)
    assert left == Plan(
        skipped="iptables is not installed, and kube-proxy in nftables mode needs no chains"
    )
    assert not node.programs.calls


@pytest.mark.parametrize(
    "answer",
    [
        result(127, stderr="error while loading shared libraries: libxtables.so.12: cannot open"),
        CommandError(f"{RESTORE4}: nobody may execute it"),
    ],
    ids=["library", "program"],
)
def test_in_nftables_mode_an_iptables_that_does_not_run_holds_nothing(
    node: Node, both: tuple[Tables, Tables], answer: Result | CommandError
) -> None:
    node.programs.table[(RESTORE4, "--noflush")] = answer
    assert run_stage(chains, node.host, NFTABLES).outcome == "degraded"
    assert run_stage(chains, node.host, Config(kube_proxy="ipvs")).outcome == "failed"
