"""nodefix/facts/kubelet_microshift.py: what MicroShift tells its kubelet about swap."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_microshift import said_by_microshift

UNIT = "microshift.service"
MAIN, FOLDER = "/etc/microshift/config.yaml", "/etc/microshift/config.d"
FORBIDS = "kubelet:\n  failSwapOn: true\n"


@pytest.mark.parametrize(
    ("main", "drop_in", "wanted"),
    [
        ("", "", True),
        ("dns:\n  baseDomain: example.com\n", "", True),
        (FORBIDS, "", False),
        (FORBIDS, "kubelet: {failSwapOn: false}\n", True),
        ("kubelet: {cpuManagerPolicy: static}\n", "kubelet: {failSwapOn: true}\n", False),
        (FORBIDS, "kubelet: {cpuManagerPolicy: static}\n", False),
        # Of a patch null takes the key away; of the first file it is kubelet's own default.
        (FORBIDS, "kubelet: {failSwapOn: null}\n", True),
        (FORBIDS, "kubelet: null\n", True),
        ("# nothing\n", "kubelet: {failSwapOn: null}\n", False),
        ("kubelet: {failSwapOn: null}\n", "dns: {}\n", False),
    ],
)
def test_its_settings(node: Node, main: str, drop_in: str, wanted: bool) -> None:
    node.file(MAIN, main)
    node.file(f"{FOLDER}/10/swap.yaml", drop_in)
    node.file(f"{FOLDER}/20.yml", FORBIDS)
    assert said_by_microshift(node.host, UNIT).value is wanted


@pytest.mark.parametrize(
    "content", ["kubelet: {failSwapOn: maybe}\n", "kubelet: [a]\n", "a: [\n", "- a\n"]
)
def test_settings_that_cannot_be_understood(node: Node, content: str) -> None:
    node.file(MAIN, content)
    with pytest.raises(UnclearError) as caught:
        said_by_microshift(node.host, UNIT)
    assert caught.value.hint == f"cat -A {MAIN}"
