"""nodefix/facts/swap_files.py: systemd is asked where it can have a swap unit, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakehost import Node
from swaps import turn_on, unit

from nodefix.errors import BusError
from nodefix.facts.swap import read_swap
from nodefix.facts.swap_files import may_have_units

# systemd.unit(5): some that are easily forgotten, and the usual ones.
FOLDERS = (
    "/run/systemd/transient",
    "/run/systemd/generator.late",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/usr/lib/systemd/system",
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_in_any_folder_is_a_unit(node: Node, folder: str) -> None:
    node.file(f"{folder}/dev-vda2.swap.d/more.conf", "")
    node.file(f"{folder}/swap.target", "")
    assert not may_have_units(node.host)
    node.file(f"{folder}/dev-vda2.swap", "[Swap]\n")
    assert may_have_units(node.host)


@pytest.mark.parametrize(("target", "expected"), [("/dev/null", False), ("/srv/own.swap", True)])
def test_a_mask_is_none(node: Node, target: str, expected: bool) -> None:
    node.link("/etc/systemd/system/dev-zram0.swap", target)
    assert may_have_units(node.host) is expected


def test_a_folder_that_cannot_be_read_may_have_some(node: Node) -> None:
    node.link("/run/systemd/generator", "generator")
    assert may_have_units(node.host)


def test_a_node_without_swap_is_read_without_systemd(node: Node) -> None:
    turn_on(node)
    node.systemd.failing["swap_units"] = BusError("no answer", "busctl")
    facts = read_swap(node.host)
    assert (facts.active, facts.coming, facts.fstab, facts.unread) == ((), (), (), ())


@pytest.mark.parametrize(
    "swap",
    [
        lambda node: turn_on(node, "/dev/vda2"),
        lambda node: unit(node, "dev-vda2.swap", "/dev/vda2"),
    ],
    ids=["on", "coming"],
)
def test_with_any_swap_systemd_is_asked(node: Node, swap: Callable[[Node], object]) -> None:
    turn_on(node)
    swap(node)
    node.systemd.failing["swap_units"] = BusError("no answer", "busctl")
    (unread,) = read_swap(node.host).unread
    assert "the swap of the next boot is not known" in str(unread)
