"""The disk that all machines start from: the node that the other tests use, with a kernel."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import testnode
from testnode.qemu import initrd

# What a machine needs beside what a container does. Of these lvm2 and zram-generator are something
# that nodefix meets; the others do the start, the scenarios' damage and a zram file system.
PACKAGES = (
    "busybox-static",
    "e2fsprogs",
    "fdisk",
    "linux-image-cloud-amd64",
    "lvm2",
    "systemd-zram-generator",
)
HOST_PACKAGES = ("qemu-system-x86", "qemu-utils", "e2fsprogs", "fdisk")

_MIB = 1 << 20
_ROOT_MIB, _OTHER_MIB = 1024, 32
# What a file system needs beside its files.
_SPARE_MIB = 32
_ROOT_TYPE = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
_LINUX_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
# What is kept of the kernel's modules, by folder: of network drivers and file systems those that
# nodes of Kubernetes use.
_KEPT = {
    "": ("crypto", "drivers", "fs", "lib", "mm", "net"),
    "drivers": ("block", "md", "net", "virtio"),
    "drivers/md": ("dm-mod",),
    "drivers/net": ("dummy", "veth"),
    "fs": ("overlayfs",),
}


@dataclass(frozen=True)
class Base:
    """What machines are made from; `disk` is never written to."""

    disk: Path
    kernel: Path
    initrd: bytes


def base(rpm: Path, folder: Path) -> Base:
    """Install the RPM on a node, and make a disk of it in `folder`."""
    root = testnode.Root.make(testnode.image(extra=PACKAGES))
    try:
        testnode.install(root, rpm)
        # Debian's own wish for a zram device; each scenario says what it wants.
        for above in ("/etc", "/usr/lib"):
            root.delete(f"{above}/systemd/zram-generator.conf")
        (release,) = (path.name for path in (root.path / "usr/lib/modules").iterdir())
        _thin_out(root, release)
        kernel = folder / "vmlinuz"
        kernel.write_bytes((root.path / "boot" / f"vmlinuz-{release}").read_bytes())
        first = initrd.common(root.path, release)
        for file in (root.path / "boot").glob("initrd.img-*"):
            file.unlink()
        return Base(_disk(root.path, folder / "base.img"), kernel, first)
    finally:
        root.remove()


def of_files(files: Mapping[str, Path], disk: Path) -> None:
    """Make a disk, without a table of partitions, of files by their names."""
    folder = disk.with_suffix(".d")
    folder.mkdir()
    try:
        for name, file in files.items():
            shutil.copy(file, folder / name)
        used = sum(file.stat().st_size for file in folder.iterdir())
        argv = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(folder), str(disk)]
        testnode.run([*argv, f"{_SPARE_MIB + used // _MIB}M"], timeout=300)
    finally:
        shutil.rmtree(folder)


def _thin_out(root: testnode.Root, release: str) -> None:
    """Leave out drivers of hardware that is not there; depmod in a machine takes long enough."""
    kernel = root.path / "usr/lib/modules" / release / "kernel"
    for folder, kept in _KEPT.items():
        for place in (kernel / folder).iterdir():
            if place.name.partition(".")[0] not in kept:
                root.delete(f"/{place.relative_to(root.path)}")
    root.run(["depmod", release])


def _disk(root: Path, disk: Path) -> Path:
    whole = 1 + _ROOT_MIB + 3 * _OTHER_MIB + 1
    testnode.run(["truncate", f"--size={whole}M", str(disk)])
    table = f"label: gpt\nstart=1MiB, size={_ROOT_MIB}MiB, type={_ROOT_TYPE}\n"
    table += f"size={_OTHER_MIB}MiB, type={_LINUX_TYPE}\n" * 3
    testnode.run(["sfdisk", "--quiet", str(disk)], input=table)
    # Filled without mounting: loop devices are not to be had everywhere. No journal, since a
    # machine that was killed is never booted again.
    argv = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(root)]
    argv += ["-E", f"offset={_MIB},lazy_itable_init=0,nodiscard", str(disk), f"{_ROOT_MIB}M"]
    testnode.run(argv, timeout=300)
    return disk
