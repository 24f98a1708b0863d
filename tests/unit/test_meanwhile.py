"""nodefix/meanwhile.py: what goes on while the run lock is let go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from commandline import journals
from fakehost import Node, Recorder
from fakestage import INSIDE
from lastrun import failed, leave

from nodefix import engine
from nodefix.config import Config
from nodefix.errors import BusError
from nodefix.host.lock import is_held, run_lock
from nodefix.host.units import UnitState
from nodefix.live.later import Meanwhile
from nodefix.meanwhile import meanwhile, why_not
from nodefix.plan import Problem
from nodefix.report import StageReport
from nodefix.words import SWITCH

__all__ = ["journals"]

CHAINS = StageReport("chains", "required", "unchanged")


class Gone:
    """Kubernetes' chains, which are there at first."""

    def __init__(self) -> None:
        self.is_so = False
        self.runs: list[tuple[str, ...]] = []

    def run(self, *arguments: Any) -> str:
        """The engine, which makes them anew."""
        host, _, _, _, names = arguments
        assert is_held(host.root)
        self.runs.append(names)
        self.is_so = False
        return "ready"


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Gone:
    """The chains."""
    found = Gone()
    monkeypatch.setattr("nodefix.gate._is_hint_gone", lambda root: found.is_so)
    monkeypatch.setattr(engine, "run", found.run)
    return found


@pytest.fixture
def goes_on(node: Node, journals: Recorder) -> Meanwhile:
    """After a run that found the node ready."""
    leave(node, "ready", CHAINS)
    return meanwhile(node.host, Config(), INSIDE, journals)  # type: ignore[arg-type]


def test_chains_that_are_wiped_come_back_at_once(
    goes_on: Meanwhile, gone: Gone, journals: Recorder
) -> None:
    goes_on.pause(0.001)
    assert gone.runs == []
    gone.is_so = True
    goes_on.pause(0.001)
    goes_on.pause(0.001)
    assert gone.runs == [("chains",)]
    assert journals.rests == 1
    # Whoever listens hears of it at once, and other runs have the name.
    goes_on.say("it begins")
    assert (journals.records[-1].message, journals.rests) == ("it begins", 2)


@pytest.mark.parametrize(
    "what", ["another run", "switched off", "mended", "rolled back", "no marker"]
)
def test_nothing_is_made_twice_or_where_nobody_wants_it(
    node: Node, goes_on: Meanwhile, gone: Gone, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone.is_so = True
    if what == "another run":
        with run_lock(node.root, 0):
            goes_on.pause(0.001)
    else:
        if what == "switched off":
            node.file(SWITCH)
        elif what == "no marker":
            (node.root / "run/nodefix/ready").unlink()
        elif what == "rolled back":
            # Between the two looks; a file that was written is true.
            monkeypatch.setattr("nodefix.gate._is_hint_gone", lambda root: node.file(SWITCH))
        else:
            answers = [True, False]
            monkeypatch.setattr("nodefix.gate._is_hint_gone", lambda root: answers.pop(0))
        goes_on.pause(0.001)
    assert gone.runs == []


def _switched_off(node: Node) -> None:
    node.file(SWITCH)


def _goes_down(node: Node) -> None:
    node.systemd.states["shutdown.target"] = UnitState("loaded", "inactive", "dead", job=True)


def _kubelet_down(node: Node) -> None:
    node.systemd.active.clear()


def _no_bus(node: Node) -> None:
    node.systemd.failing["unit_state"] = BusError("no bus", "look")


def _failed(node: Node) -> None:
    leave(node, "failed", failed("chains", Problem("broken", "mend it")))


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (lambda node: None, ""),
        (_switched_off, "nodefix was switched off meanwhile"),
        (_goes_down, "the node is going down"),
        (_kubelet_down, "kubelet is not up any more"),
        (_no_bus, "whether kubelet is up cannot be told: no bus; fix: look"),
        (_failed, "stage chains has failed meanwhile"),
    ],
)
def test_why_it_must_not_be_restarted(node: Node, what: Callable[[Node], None], why: str) -> None:
    node.systemd.active = {"kubelet.service"}
    what(node)
    assert why_not(node.host) == why
