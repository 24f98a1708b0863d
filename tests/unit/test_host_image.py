"""nodefix/host/image.py: what kind of image a node is, told by files alone."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.host.image import for_this_node, read_image
from nodefix.image_mode import BOOTC, OSTREE, RPM_OSTREE, Image

DEPLOYMENT = "/sysroot/ostree/deploy/default/deploy/ab12.0"
BOOT = "/ostree/boot.1/default/ff00/0"


def deployed(node: Node, origin: str) -> None:
    """As ostree boots: a word on the kernel's command line leads to a deployment by links."""
    node.file(f"{DEPLOYMENT}/etc/os-release")
    node.file(f"{DEPLOYMENT}.origin", origin)
    node.link(f"/sysroot{BOOT}", "../../../deploy/default/deploy/ab12.0")
    node.file("/proc/cmdline", f"root=UUID=1 ostree={BOOT} rw\n")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), None),
        (("/usr/bin/bootc", "/usr/bin/rpm-ostree"), None),
        (("/run/ostree-booted",), Image(OSTREE)),
        (("/run/ostree-booted", "/usr/bin/bootc"), Image(BOOTC)),
        (("/run/ostree-booted", "/usr/bin/rpm-ostree"), Image(RPM_OSTREE, True)),
        # Which of the two is not known: what both can use.
        (("/run/ostree-booted", "/usr/bin/bootc", "/usr/bin/rpm-ostree"), Image(BOOTC, True)),
    ],
)
def test_the_programs_tell(node: Node, files: tuple[str, ...], expected: Image | None) -> None:
    for file in files:
        node.file(file)
    assert read_image(node.root) == expected


@pytest.mark.parametrize(
    ("origin", "by"),
    [
        ("[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:10\n", BOOTC),
        ("[origin]\nrefspec=edge:rhel/10/x86_64/edge\n", RPM_OSTREE),
    ],
)
def test_the_origin_tells_where_both_programs_are(node: Node, origin: str, by: str) -> None:
    for file in ("/run/ostree-booted", "/usr/bin/bootc", "/usr/bin/rpm-ostree"):
        node.file(file)
    deployed(node, origin)
    assert read_image(node.root) == Image(by, True)


def test_bootc_without_ostree(node: Node) -> None:
    node.file("/proc/cmdline", "root=UUID=1 composefs=7e11ac46 rw\n")
    assert read_image(node.root) == Image(BOOTC)
    node.file("/proc/cmdline", "root=UUID=1 nocomposefs=1 rw\n")
    assert read_image(node.root) is None


def test_a_remedy_for_this_node(node: Node) -> None:
    assert for_this_node("dnf install x", node.root) == "dnf install x"
    node.file("/run/ostree-booted")
    assert for_this_node("dnf install x", node.root).startswith("in the image's Containerfile: RUN")
