"""The image that boots next, where it is not the one that runs.

It lies unpacked on the node already, with its kernel and that one's modules.
Sources: https://github.com/ostreedev/ostree, src/libostree/ostree-sysroot-deploy.c (what is staged
is written to a file in /run, and becomes an entry of the menu when the node goes down only).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nodefix.facts.boot_entries import read_boot_entries
from nodefix.facts.grub import default_entry
from nodefix.facts.modprobe import read_kernel_line
from nodefix.host.node import Host

STAGED = "/run/ostree/staged-deployment"
_SYSROOT = "/sysroot"
_DEPLOYMENTS = f"{_SYSROOT}/ostree/deploy"
_LIMIT = 1 << 16

# A GVariant a{sv}: "target" is its first key, and a deployment's name the first value in that.
_TARGET = re.compile(rb"target\0.*?([0-9a-f]{64}\.\d{1,9})\0", re.DOTALL)
_LINK = re.compile(r"(?:^|\s)ostree=(/ostree/\S+)")


class Deployment(NamedTuple):
    """An image that was unpacked.

    Attributes:
        release: its kernel's.
        modules: the folder of that one's modules.
    """

    release: str
    modules: str


def next_deployment(host: Host) -> Deployment | None:
    """The image that boots next; None where it is the one that runs, or is not known.

    Raises:
        OSError: something of it cannot be read.
    """
    path = _staged(host) or _default(host)
    if not path:
        return None
    folder = f"{path}/usr/lib/modules"
    kernels = [place.name for place in host.path(folder).iterdir() if (place / "vmlinuz").exists()]
    return Deployment(kernels[0], f"{folder}/{kernels[0]}") if len(kernels) == 1 else None


def _staged(host: Host) -> str:
    try:
        found = _TARGET.search(host.read(STAGED, _LIMIT))
    except FileNotFoundError:
        return ""
    if not found:
        return ""
    name = found[1].decode()
    for stateroot in host.path(_DEPLOYMENTS).iterdir():
        if (stateroot / "deploy" / name).is_dir():
            return f"{_DEPLOYMENTS}/{stateroot.name}/deploy/{name}"
    return ""


def _default(host: Host) -> str:
    """The image of the menu's default entry, if that is another one than this boot's."""
    try:
        entry = default_entry(host, read_boot_entries(host))
    except FileNotFoundError:
        return ""
    coming = _place(host, entry.options) if entry else ""
    return "" if coming == _place(host, read_kernel_line(host)) else coming


def _place(host: Host, words: str) -> str:
    """Where the link of a kernel's command line ends, from the node's root; empty for nowhere."""
    found = _LINK.search(words)
    place = host.path(f"{_SYSROOT}{found[1]}").resolve() if found else None
    if not place or not place.is_dir():
        return ""
    root = host.root.resolve()
    return f"/{place.relative_to(root)}" if place.is_relative_to(root) else ""
