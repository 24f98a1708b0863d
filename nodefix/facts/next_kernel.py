"""The kernel that boots next: a forecast, which has no answer where it cannot be told.

A routine kernel update can take modules away that a node works with:
https://github.com/openshift/microshift/pull/7069.
"""

from __future__ import annotations

import re

from nodefix.errors import NodefixError
from nodefix.facts.boot_entries import read_boot_entries
from nodefix.facts.grub import default_entry
from nodefix.host.node import Host

_GRUBBY = "/usr/sbin/grubby"
# Of systemd's vendor id: what the boot loader and the stub of a unified kernel image leave behind.
# Source: https://systemd.io/BOOT_LOADER_INTERFACE/.
_EFI = "/sys/firmware/efi/efivars/{}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_ZIPL = "/etc/zipl.conf"


def next_kernel(host: Host) -> str:
    """The release of the kernel that boots next; empty where it cannot be told."""
    try:
        if _is_not_grub(host):
            return ""
        entries = read_boot_entries(host)
        if entries:
            entry = default_entry(host, entries)
            return entry.release if entry else ""
    except FileNotFoundError:
        pass
    except OSError:
        return ""
    return _by_grubby(host)


def _is_not_grub(host: Host) -> bool:
    """Whether something starts kernels that does not choose them as grub2 does."""
    if host.path(_ZIPL).exists() or host.path(_EFI.format("StubInfo")).exists():
        return True
    try:
        loader = host.read(_EFI.format("LoaderInfo"), 4096)
    except OSError:
        return False
    # UTF-16 behind four bytes of attributes; grub2 has one of its own.
    return "systemd-boot" in loader[4:].decode("utf-16-le", "replace")


def _by_grubby(host: Host) -> str:
    """For boot loaders without entry files."""
    if not host.path(_GRUBBY).exists():
        return ""
    try:
        result = host.programs.run(_GRUBBY, "--default-kernel")
    except NodefixError:
        return ""
    found = re.search(r"/vmlinuz-(\d\S*)", result.text)
    return found[1] if found and result.status == 0 else ""
