"""nodefix/stages/chains.py: modes of kube-proxy in which it needs the hint at most."""

from __future__ import annotations

import pytest
from fakehost import Node, planned, repair, result
from kubeproxy import MANGLE, hand_fix
from netfilter import RESTORE4, RESTORE6, Tables

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.errors import CommandError, UnclearError
from nodefix.gate import HINT as GATES_HINT
from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import chains

NFTABLES, IPVS = Config(kube_proxy="nftables"), Config(kube_proxy="ipvs")


NFT_HINT = "add chain {} mangle KUBE-IPTABLES-HINT"


def test_in_ipvs_mode_the_hint_is_all_that_is_made(node: Node) -> None:
    four, six = Tables(node), Tables(node, six=True)
    # kube-proxy's own, or the hand fix's, are neither completed nor taken away.
    hand_fix(four)
    assert {change.required for change in planned(chains, node, IPVS).changes} == {True}
    assert repair(chains, node, IPVS) == Plan()
    assert four.changes == six.changes == [MANGLE]
    assert repair(chains, node, IPVS) == Plan()
    assert len(four.changes) == 1


def test_in_nftables_mode_nft_makes_the_hint_and_nothing_is_held_for_it(node: Node) -> None:
    four, six = Tables(node), Tables(node, six=True)
    hand_fix(four)
    for program in (RESTORE4, RESTORE6):
        del node.programs.table[(program, "--noflush")]
    assert {change.required for change in planned(chains, node, NFTABLES).changes} == {False}
    assert repair(chains, node, NFTABLES) == Plan()
    assert (four.changes, six.changes) == ([NFT_HINT.format("ip")], [NFT_HINT.format("ip6")])
    assert repair(chains, node, NFTABLES) == Plan()
    assert len(four.changes) == 1


@pytest.mark.parametrize(
    "answer",
    [
        result(127, "", "nft: error while loading libnftables.so.1: No such file or directory"),
        CommandError("nft: nobody may execute it"),
    ],
    ids=["library", "program"],
)
def test_hint_that_nft_does_not_tell_of_is_not_known_to_be_missing(
    node: Node, answer: Result | CommandError
) -> None:
    Tables(node)
    node.programs.table[*GATES_HINT] = answer
    with pytest.raises(UnclearError, match="nft: "):
        planned(chains, node, NFTABLES)
    assert run_stage(chains, node.host, NFTABLES).outcome == "degraded"


def test_hint_that_nft_does_not_make(node: Node) -> None:
    Tables(node)
    Tables(node, six=True)
    node.programs.table[*GATES_HINT] = result(1, "", "Error: No such file or directory")
    node.programs.table["/usr/sbin/nft", "--file", "-"] = result(1, "", "Error: Busy")
    (change, _) = planned(chains, node, NFTABLES).changes
    with pytest.raises(CommandError, match=r"Busy.*tables mangle"):
        chains.apply(change, node.host)


@pytest.mark.parametrize(
    "answer",
    [
        result(127, stderr="error while loading shared libraries: libxtables.so.12: cannot open"),
        CommandError(f"{RESTORE4}: nobody may execute it"),
    ],
    ids=["library", "program"],
)
def test_in_ipvs_mode_an_iptables_that_does_not_run_holds_kubelet(
    node: Node, answer: Result | CommandError
) -> None:
    node.file(RESTORE4)
    Tables(node)
    Tables(node, six=True)
    node.programs.table[(RESTORE4, "--noflush")] = answer
    assert run_stage(chains, node.host, IPVS).outcome == "failed"
