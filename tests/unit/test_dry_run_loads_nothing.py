"""A dry run runs no program for which the kernel would load a module."""

from __future__ import annotations

import pytest
from fakehost import Node, settled
from fakekernel import ALL, Kernel

from nodefix.converge import plan_stage
from nodefix.facts.module_index import must_not_ask
from nodefix.stages import chains

EVERY = {*ALL, "nfnetlink"}


@pytest.mark.parametrize(
    ("loaded", "there", "may_load", "expected"),
    [
        (set(), EVERY, False, True),
        (EVERY, EVERY, False, False),
        (set(), set(), False, False),
        (set(), EVERY, True, False),
    ],
)
def test_what_is_not_asked(
    node: Node, loaded: set[str], there: set[str], may_load: bool, expected: bool
) -> None:
    Kernel(node, loaded, there)
    host = node.host._replace(may_load=may_load)
    assert must_not_ask(host, "nf_tables") == expected


def test_what_cannot_be_told_is_not_risked(node: Node) -> None:
    Kernel(node, set(), EVERY)
    modules = node.root / "proc/modules"
    modules.unlink()
    modules.mkdir()
    assert must_not_ask(node.host._replace(may_load=False), "nf_tables")


def test_chains_of_a_kernel_without_the_module_are_not_looked_for(node: Node) -> None:
    Kernel(node, set(), EVERY)
    node.programs.calls.clear()
    plan = plan_stage(chains, node.host, settled())
    assert not node.programs.calls
    assert plan.problems == ()
    assert plan.changes[0].wanted == "those of kube-proxy's form"
