"""nodefix/facts/kubelet_embedded.py: distributions whose kubelet lives with swap."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.answer import Answer
from nodefix.facts.kubelet_embedded import UNITS, said_by_distribution


@pytest.mark.parametrize("unit", UNITS)
def test_default(node: Node, unit: str) -> None:
    node.systemd.loaded = {unit}
    answer = Answer(True, f"{unit} starts kubelet with failSwapOn: false")
    command = node.systemd.service_command(unit)
    assert said_by_distribution(node.host, unit, command) == answer
    # Systemd did not say.
    assert said_by_distribution(node.host, unit, None) == answer


def test_all_of_these_units_come_after_nodefix() -> None:
    unit = (Path(__file__).resolve().parents[2] / "systemd/nodefix.service").read_text()
    before = {name for line in re.findall("^Before=(.*)", unit, re.M) for name in line.split()}
    assert before >= {"kubelet.service", *UNITS}
