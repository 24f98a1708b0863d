"""The initramfs of a machine: our own first program, the disk's drivers, and a boot's scenario.

Linux unpacks several archives one after the other, so each boot gets the common one and its own.
"""

from __future__ import annotations

import lzma
from pathlib import Path, PurePath

from testnode.qemu import cpio
from testnode.qemu.scenario import Boot, Scenario
from testnode.qemu.trim import COLDPLUG, MASKED_GENERATORS, MASKED_UNITS

GUEST = Path(__file__).with_name("guest")

# What stands between the kernel and /dev/vda1, unless it is built in, as ext4 is in Debian's cloud
# kernel.
_DRIVERS = ("virtio_pci", "virtio_blk")
_FOLDERS = ("bin", "dev", "disk", "proc", "run", "scenario/disk", "sys")
_RUN = "scenario/run"
_UNITS = f"{_RUN}/systemd/system"


def common(root: Path, release: str) -> bytes:
    """The part that is the same for all boots, from a node's root and its kernel's release.

    What it brings for the booted machine goes to /run: nothing of the tests is on the node's disk.
    """
    nodes = dict.fromkeys(_FOLDERS, cpio.FOLDER)
    nodes["init"] = cpio.program((GUEST / "init").read_bytes())
    nodes["bin/busybox"] = cpio.program((root / "usr/bin/busybox").read_bytes())
    nodes["bin/sh"] = cpio.link("busybox")
    modules = root / "usr/lib/modules" / release
    for number, path in enumerate(_in_order(modules)):
        content = (modules / path).read_bytes()
        if path.suffix == ".xz":  # busybox's insmod takes none
            content = lzma.decompress(content)
        nodes[f"modules/{number:02}-{_name(path)}.ko"] = cpio.file(content)
    nodes[f"{_RUN}/vm/harvest"] = cpio.file((GUEST / "harvest").read_bytes())
    unit = "vm-harvest.service"
    nodes[f"{_UNITS}/{unit}"] = cpio.file((GUEST / unit).read_bytes())
    nodes[f"{_UNITS}/multi-user.target.wants/{unit}"] = cpio.link(f"../{unit}")
    for name in MASKED_UNITS:
        nodes[f"{_UNITS}/{name}"] = cpio.link("/dev/null")
    for name in MASKED_GENERATORS:
        nodes[f"{_RUN}/systemd/system-generators/{name}"] = cpio.link("/dev/null")
    nodes[f"{_UNITS}/systemd-udev-trigger.service.d/vm.conf"] = cpio.file(COLDPLUG)
    return cpio.archive(nodes)


def of_boot(scenario: Scenario, boot: Boot, first: bool) -> bytes:
    """What a boot adds: the scenario's files, if it is the first one, its damage and its script."""
    texts = {"damage": boot.damage, "script": boot.script, "collect": "\n".join(scenario.collect)}
    nodes = {f"{_RUN}/vm/{name}": cpio.file(f"{text}\n") for name, text in texts.items() if text}
    if first:
        nodes |= {f"scenario/disk{path}": cpio.file(text) for path, text in scenario.files.items()}
    return cpio.archive(nodes)


def _in_order(folder: Path) -> list[Path]:
    """The drivers and what they depend on, in the order in which they can be loaded."""
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    paths = {_name(path): path for path in needs}
    built_in = {_name(line) for line in (folder / "modules.builtin").read_text().splitlines()}
    ordered: list[Path] = []
    for driver in (name for name in _DRIVERS if name not in built_in):
        # modules.dep lists what is needed first last.
        for path in (*reversed(needs[paths[driver]]), paths[driver]):
            if Path(path) not in ordered:
                ordered.append(Path(path))
    return ordered


def _name(module: PurePath | str) -> str:
    """A module's name, from the path of its file: .ko, .ko.xz and the like."""
    return PurePath(module).name.partition(".ko")[0]
