"""nodefix/facts/next_deployment.py: the image that boots next."""

from __future__ import annotations

import pytest
from deployments import NAME, unpacked
from fakehost import KERNEL, Node

from nodefix.facts.next_deployment import STAGED, Deployment, next_deployment

COMING = "6.12.0-211.34.1.el10_2.x86_64"
RUNNING = f"{'cd34' * 16}.1"


def linked(node: Node, link: str, name: str) -> str:
    """The word of a kernel's command line that leads to a deployment."""
    node.link(f"/sysroot/ostree/{link}", f"../../../deploy/default/deploy/{name}")
    return f"root=UUID=1 ostree=/ostree/{link} rw"


@pytest.fixture
def menu(node: Node) -> Node:
    """A node with an image that runs and a newer one, which is first in the menu."""
    unpacked(node, KERNEL, RUNNING, staged=False)
    unpacked(node, COMING, staged=False)
    node.file("/proc/cmdline", linked(node, "boot.1/default/aa/0", RUNNING))
    for number, words in (
        (2, linked(node, "boot.1/default/bb/0", NAME)),
        (1, linked(node, "boot.1/default/aa/1", RUNNING)),
    ):
        lines = f"title x\nlinux /ostree/default-x/vmlinuz-x\noptions {words}\n"
        node.file(f"/boot/loader/entries/ostree-{number}.conf", lines)
    return node


def test_what_is_staged_comes_next(node: Node) -> None:
    folder = unpacked(node, COMING)
    unpacked(node, KERNEL, RUNNING, staged=False)
    expected = Deployment(COMING, f"{folder}/usr/lib/modules/{COMING}")
    assert next_deployment(node.host) == expected


def test_else_that_of_the_menu(menu: Node) -> None:
    found = next_deployment(menu.host)
    assert found and found.release == COMING
    # After a rollback the one that runs is the default.
    menu.file("/boot/grub2/grubenv", "saved_entry=ostree-1\n")
    assert next_deployment(menu.host) is None


@pytest.mark.parametrize("content", ["", "target", "x" * 200])
def test_what_is_not_understood_is_no_forecast(node: Node, content: str) -> None:
    node.file("/sysroot/ostree/deploy/default/x")
    node.file(STAGED, content)
    assert next_deployment(node.host) is None


def test_two_kernels_are_no_forecast(node: Node) -> None:
    folder = unpacked(node, COMING)
    node.file(f"{folder}/usr/lib/modules/{KERNEL}/vmlinuz")
    assert next_deployment(node.host) is None


def test_a_node_of_packages_has_none(node: Node) -> None:
    node.file("/boot/loader/entries/a.conf", f"linux /vmlinuz-{COMING}\noptions root=x\n")
    assert next_deployment(node.host) is None


def test_a_link_out_of_the_node_is_not_followed(menu: Node) -> None:
    place = menu.host.path("/sysroot/ostree/boot.1/default/bb/0")
    place.unlink()
    place.symlink_to("/usr")
    assert next_deployment(menu.host) is None
