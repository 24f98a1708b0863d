"""Whether this machine can run another one by KVM; it says so only where a kernel really ran."""

from __future__ import annotations

import os
from pathlib import Path

from testnode.command import Failed, run

EMULATION = "tcg,thread=multi"
# A kernel that finds no root panics after two seconds under emulation, well under one by KVM.
_SECONDS = 6.0


def accelerator(kernel: Path) -> str:
    """The fastest accelerator of QEMU on which `kernel` gets as far as looking for its root.

    /dev/kvm being there proves nothing: inside some virtual machines it takes a machine and then
    crawls, or QEMU gives up on a register.
    """
    return "kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) and _runs(kernel) else EMULATION


def _runs(kernel: Path) -> bool:
    argv = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "max", "-m", "256", "-nodefaults"]
    argv += ["-display", "none", "-no-reboot", "-kernel", str(kernel)]
    argv += ["-append", "console=ttyS0 panic=-1 root=none"]
    try:
        console = run([*argv, "-serial", "stdio"], timeout=_SECONDS, check=False).output
    except Failed:
        return False
    return "Unable to mount root" in console
