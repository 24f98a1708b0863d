"""nodefix/engine.py: some of the stages, the others as an earlier run left them."""

from __future__ import annotations

import pytest
from fakehost import OTHER_BOOT_ID, Node, modes
from fakestage import INSIDE, PROBLEM, FakeStage, Run, change

from nodefix import events
from nodefix.plan import Plan


def test_some_stages_take_the_others_from_the_last_report(node: Node) -> None:
    swap = FakeStage("swap", Plan(problems=(PROBLEM,)))
    chains = FakeStage("chains", Plan((change("a"),)), Plan())
    run = Run(node, swap, chains)
    assert run() == "failed"
    assert not run.is_open
    # Mended: that stage alone is run, and the node is ready.
    swap.plans = [Plan()]
    chains.on_read = lambda host: pytest.fail("it was not asked for")
    assert run(None, INSIDE, "swap") == "ready"
    assert run.is_open
    assert run.stage("chains")["outcome"] == "changed"
    assert [done["target"] for done in run.stage("chains")["changes"]] == ["a"]
    assert run.said(events.RUN_STARTED)[0].endswith(": swap")


def test_some_stages_do_not_open_the_gate_for_the_others(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains", Plan(problems=(PROBLEM,))))
    run()
    assert run(None, INSIDE, "swap") == "ready"
    assert not run.is_open
    assert run.report["outcome"] == "failed"


def test_some_stages_of_a_node_on_which_nothing_has_run(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains"))
    assert run(modes(chains="required"), INSIDE, "swap") == "ready"
    assert not run.is_open
    assert run.stage("chains")["outcome"] == "not run"
    assert run(modes(chains="skip"), INSIDE, "swap") == "ready"


def test_report_of_another_boot_counts_for_nothing(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains"))
    run()
    node.file("/proc/sys/kernel/random/boot_id", f"{OTHER_BOOT_ID}\n")
    run(None, INSIDE, "swap")
    assert run.stage("chains")["outcome"] == "not run"
    assert not run.is_open


def test_stage_that_was_switched_off_since_does_not_hold_kubelet(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains", Plan(problems=(PROBLEM,))))
    run()
    run(modes(chains="skip"), INSIDE, "swap")
    assert run.is_open


def test_earlier_outcomes_are_weighed_by_the_settings_of_now(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains", Plan(problems=(PROBLEM,))))
    run()
    run(modes(chains="wanted"), INSIDE, "swap")
    assert run.is_open
    assert run.report["outcome"] == "degraded"
    run(modes(chains="required"), INSIDE, "swap")
    assert not run.is_open


def test_stage_that_was_off_has_not_run(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains"))
    run(modes(chains="skip"))
    assert run.is_open
    run(modes(), INSIDE, "swap")
    assert run.stage("chains")["outcome"] == "not run"
    assert not run.is_open
    run(modes(chains="wanted"), INSIDE, "swap")
    assert run.is_open
