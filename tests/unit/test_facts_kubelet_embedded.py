"""nodefix/facts/kubelet_embedded.py: distributions whose kubelet lives with swap."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_embedded import UNITS, said_by_distribution

CONFIG = "/etc/rancher/k3s/config.yaml"


@pytest.mark.parametrize("unit", UNITS)
def test_default(node: Node, unit: str) -> None:
    where = f"{unit} starts kubelet with failSwapOn: false"
    assert said_by_distribution(node.host, unit) == Answer(True, where)


@pytest.mark.parametrize(
    ("main", "drop_in", "wanted"),
    [
        ("kubelet-arg:\n- fail-swap-on=false\n", "", True),
        ("kubelet-arg: fail-swap-on=true\n", "", False),
        ("kubelet-arg:\n- --fail-swap-on=true\n", "", False),
        ("kubelet-arg: [v=2, fail-swap-on=true, fail-swap-on=false]\n", "", True),
        ("kubelet-arg: [fail-swap-on=true]\n", "kubelet-arg: [v=2]\n", True),
        ("kubelet-arg: [fail-swap-on=true]\n", "kubelet-arg+: [v=2]\n", False),
        ("node-label: [a=b]\n", "kubelet-arg: fail-swap-on\n", False),
        ("", "", True),
        ("- a list\n", "", True),
    ],
)
def test_its_settings(node: Node, main: str, drop_in: str, wanted: bool) -> None:
    node.file(CONFIG, main)
    node.file(f"{CONFIG}.d/10.yaml", drop_in)
    node.file(f"{CONFIG}.d/20.txt", "kubelet-arg: fail-swap-on=true\n")
    assert said_by_distribution(node.host, "k3s-agent.service").value is wanted


@pytest.mark.parametrize(
    ("main", "drop_in", "wanted"),
    [
        ("", "", True),
        ("dns:\n  baseDomain: example.com\n", "", True),
        ("kubelet:\n  failSwapOn: true\n", "", False),
        ("kubelet:\n  failSwapOn: true\n", "kubelet: {failSwapOn: false}\n", True),
        ("kubelet: {cpuManagerPolicy: static}\n", "kubelet: {failSwapOn: true}\n", False),
    ],
)
def test_microshift_and_its_settings(node: Node, main: str, drop_in: str, wanted: bool) -> None:
    node.file("/etc/microshift/config.yaml", main)
    node.file("/etc/microshift/config.d/10-swap.yaml", drop_in)
    assert said_by_distribution(node.host, "microshift.service").value is wanted


def test_microshifts_settings_that_cannot_be_read(node: Node) -> None:
    node.file("/etc/microshift/config.yaml", "kubelet: {failSwapOn: maybe}\n")
    with pytest.raises(UnclearError):
        said_by_distribution(node.host, "microshift.service")


@pytest.mark.parametrize("content", ["a: [\n", None, "kubelet-arg: fail-swap-on=maybe\n"])
def test_settings_that_cannot_be_read(node: Node, content: str | None) -> None:
    if content is None:
        node.host.path(CONFIG).mkdir(parents=True)
    else:
        node.file(CONFIG, content)
    with pytest.raises(UnclearError):
        said_by_distribution(node.host, "k3s.service")
    assert said_by_distribution(node.host, "rke2-server.service").value is True


def test_all_of_these_units_come_after_nodefix() -> None:
    unit = (Path(__file__).resolve().parents[2] / "systemd/nodefix.service").read_text()
    before = {name for line in re.findall("^Before=(.*)", unit, re.M) for name in line.split()}
    assert before >= {"kubelet.service", *UNITS}
