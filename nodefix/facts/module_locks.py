"""What keeps every kernel module from loading, even for root.

Sources: https://docs.kernel.org/admin-guide/sysctl/kernel.html (modules_disabled, which only a
reboot resets), sysctl.d(5), and the SELinux boolean secure_mode_insmod.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nodefix.facts.modprobe import read_kernel_line
from nodefix.facts.sysctl_files import assigned
from nodefix.host.node import Host

_DISABLED = "/proc/sys/kernel/modules_disabled"
_BOOLEAN = "/sys/fs/selinux/booleans/secure_mode_insmod"
_ENFORCE = "/sys/fs/selinux/enforce"


class Locks(NamedTuple):
    """Switches that are on.

    Attributes:
        disabled: whether kernel.modules_disabled is 1.
        by: the file and line, or the word of the kernel's command line, that sets it; empty if
            none does.
        word: that word of the command line.
        selinux: whether SELinux's secure_mode_insmod is on and enforced.
    """

    disabled: bool = False
    by: str = ""
    word: str = ""
    selinux: bool = False


def read_locks(host: Host) -> Locks:
    """Read the switches."""
    selinux = _first(host, _BOOLEAN) == "1" and _first(host, _ENFORCE) == "1"
    if _first(host, _DISABLED) != "1":
        return Locks(selinux=selinux)
    for word in read_kernel_line(host).split():
        if re.fullmatch(r"sysctl\.kernel[./]modules_disabled=1", word):
            return Locks(True, f"`{word}` on the kernel's command line", word, selinux)
    return Locks(True, _line_of_sysctl(host), "", selinux)


def _line_of_sysctl(host: Host) -> str:
    line = assigned(host, "kernel.modules_disabled")
    return line.where if line and line.value == "1" else ""


def _first(host: Host, file: str) -> str:
    """The first word; the second one of a boolean is its pending value."""
    return (_text(host, file).split() or [""])[0]


def _text(host: Host, file: str) -> str:
    # These files only explain a refusal; one that cannot be read explains nothing.
    try:
        return host.read(file).decode("utf-8", "replace")
    except OSError:
        return ""
