"""Whether the system of a node is an image, and which program deploys that.

By files alone: `bootc status` would be a program more at every boot.
Sources: ostree-prepare-root(1) and ostree's ostree-impl-system-generator.c (/run/ostree-booted),
https://github.com/bootc-dev/bootc: crates/lib/src/bootc_composefs/status.rs (`composefs=` on the
kernel's command line where bootc does without ostree) and crates/ostree-ext/src/container/deploy.rs
(container-image-reference in the origin of a deployment).
"""

from __future__ import annotations

from pathlib import Path

from nodefix.host.reading import read_file
from nodefix.image_mode import BOOTC, OSTREE, RPM_OSTREE, Image, concerns, in_image
from nodefix.words import CMDLINES, OSTREE_BOOTED

_BOOTC, _RPM_OSTREE = "usr/bin/bootc", "usr/bin/rpm-ostree"
_FROM_CONTAINER = "container-image-reference"
_LIMIT = 1 << 16


def read_image(root: Path) -> Image | None:
    """How the image of this node is deployed; None where its system is one of packages."""
    words = _kernel_words(root)
    if (root / OSTREE_BOOTED).exists():
        has_bootc = (root / _BOOTC).exists()
        has_rpm_ostree = (root / _RPM_OSTREE).exists()
        if has_bootc and (not has_rpm_ostree or _is_from_container(root, words)):
            return Image(BOOTC, has_rpm_ostree)
        return Image(RPM_OSTREE if has_rpm_ostree else OSTREE, has_rpm_ostree)
    if any(word.startswith("composefs=") for word in words):
        return Image(BOOTC)
    return None


def for_this_node(line: str, root: Path = Path("/")) -> str:
    """A remedy as it has to be on this node."""
    return in_image(line, read_image(root)) if concerns(line) else line


def _kernel_words(root: Path) -> list[str]:
    try:
        return read_file(root / CMDLINES[0], _LIMIT).decode("utf-8", "replace").split()
    except OSError:
        return []


def _is_from_container(root: Path, words: list[str]) -> bool:
    """Whether the booted deployment is from a container image; so it is where that is not known.

    `ostree=` leads to the deployment by a link, and its origin is a file beside it.
    """
    place = next((word.partition("=")[2] for word in words if word.startswith("ostree=")), "")
    try:
        deployment = (root / "sysroot" / place.lstrip("/")).resolve(strict=True)
        origin = read_file(deployment.with_name(f"{deployment.name}.origin"), _LIMIT)
    except OSError:
        return True
    return _FROM_CONTAINER in origin.decode("utf-8", "replace")
