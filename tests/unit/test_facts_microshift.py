"""nodefix/facts/microshift.py: what MicroShift's settings come to."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts.microshift import Stated, read_setting

MAIN, FOLDER = "/etc/microshift/config.yaml", "/etc/microshift/config.d"


@pytest.mark.parametrize(
    ("main", "stated"),
    [
        ("", None),
        ("s: {k: 1}", Stated(1, MAIN)),
        ("s: {k: null}", Stated(None, MAIN)),
        ("s: null", None),
        ("s: {other: 1}", None),
    ],
)
def test_first_file(node: Node, main: str, stated: Stated | None) -> None:
    node.file(MAIN, f"{main}\n")
    assert read_setting(node.host, "s", "k") == stated


def test_drop_ins_are_patches_in_the_order_of_their_paths(node: Node) -> None:
    node.file(MAIN, "s: {k: 0}\n")
    node.file(f"{FOLDER}/9.yaml", "s: {k: 9}\n")
    node.file(f"{FOLDER}/10/deep.yaml", "s: {k: 10}\n")
    # Not its files: only these very letters count.
    for name in ("99.yml", "99.YAML", "99.conf"):
        node.file(f"{FOLDER}/{name}", "s: {k: 99}\n")
    assert read_setting(node.host, "s", "k") == Stated(9, f"{FOLDER}/9.yaml")
    node.file(f"{FOLDER}/99.yaml", "s: {k: null}\n")
    assert read_setting(node.host, "s", "k") is None


def test_section_that_is_none(node: Node) -> None:
    node.file(MAIN, "s: [k]\n")
    with pytest.raises(UnclearError, match="expected a mapping") as caught:
        read_setting(node.host, "s", "k")
    assert caught.value.hint == f"cat -A {MAIN}"
