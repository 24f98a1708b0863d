"""The kernel that boots next: a forecast, which is empty if it is not known.

A routine kernel update can remove modules that a node needs:
https://github.com/openshift/microshift/pull/7069.
"""

from __future__ import annotations

import re

from nodefix.errors import NodefixError
from nodefix.facts.boot_entries import read_boot_entries
from nodefix.facts.grub import default_entry
from nodefix.host.node import Host

_GRUBBY = "/usr/sbin/grubby"
# With systemd's vendor id: set by the boot loader, and by the stub of a unified kernel image.
# Source: https://systemd.io/BOOT_LOADER_INTERFACE/.
_EFI = "/sys/firmware/efi/efivars/{}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_ZIPL = "/etc/zipl.conf"


def next_kernel(host: Host) -> str:
    """The release of the kernel that boots next; empty if it is not known."""
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
    """Whether the boot loader is another one than grub2."""
    if host.path(_ZIPL).exists() or host.path(_EFI.format("StubInfo")).exists():
        return True
    try:
        loader = host.read(_EFI.format("LoaderInfo"), 4096)
    except OSError:
        return False
    # UTF-16 after four bytes of attributes; grub2 sets this variable, too.
    return "systemd-boot" in loader[4:].decode("utf-16-le", "replace")


def _by_grubby(host: Host) -> str:
    """If there are no entry files: what grubby says."""
    if not host.path(_GRUBBY).exists():
        return ""
    try:
        result = host.programs.read(_GRUBBY, "--default-kernel")
    except NodefixError:
        return ""
    found = re.search(r"/vmlinuz-(\d\S*)", result.text)
    return found[1] if found and result.status == 0 else ""
