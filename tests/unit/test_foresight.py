"""nodefix/foresight.py: what a run would do."""

from __future__ import annotations

import pytest
from fakehost import Node, modes
from fakestage import FakeStage, change

from nodefix import foresight
from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts import proxy_mode
from nodefix.foresight import foresee
from nodefix.host.node import Host
from nodefix.plan import Plan, Problem
from nodefix.settle import settle
from nodefix.words import MARKER


def test_it_applies_and_writes_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    swap = FakeStage("swap", Plan((change("a"),)))
    chains = FakeStage("chains")

    def fail(host: Host) -> None:
        raise CommandError("found no such program", "install it")

    chains.on_read = fail
    off = FakeStage("modules")
    off.on_read = lambda host: pytest.fail("it is switched off")
    monkeypatch.setattr(foresight, "STAGES", (swap, off, chains))
    node.file(MARKER, "the last run's")
    before = node.snapshot()
    plans = foresee(node.host, settle(node.host, modes(modules="skip")))
    assert plans == {
        "swap": Plan((change("a"),)),
        "modules": Plan(skipped="the setting `stages` says so"),
        "chains": Plan(
            problems=(Problem("found no such program", "install it", code="stage-error"),),
            notes=(f"kube-proxy's mode: {proxy_mode.Found(proxy_mode.DEFAULT).in_words}",),
        ),
    }
    assert swap.applied == []
    assert node.snapshot() == before
    assert list(foresee(node.host, settle(node.host, Config()), ["swap"])) == ["swap"]
