"""What /proc/swaps, fstab and systemd say about swap, for the tests of facts and stage."""

from __future__ import annotations

import os
from pathlib import Path

from fakehost import Node, result

from nodefix.host.programs import Result
from nodefix.host.units import SwapUnit

SWAPOFF = "/usr/sbin/swapoff"

HEADER = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


MEMORY = "MemTotal:        2000000 kB\nMemFree:          900000 kB\nMemAvailable:    {} kB\n"


def from_the_field(name: str) -> bytes:
    """One of the inputs that people have met."""
    return (Path(__file__).with_name("data") / "swap" / name).read_bytes()


def unit(node: Node, name: str, what: str, **other: str) -> SwapUnit:
    """Give a node a .swap unit, active and made by a generator unless said otherwise."""
    fields = {
        "load_state": "loaded",
        "active_state": "active",
        "following": "",
        "fragment_path": f"/run/systemd/generator/{name}",
        "source_path": "",
        "file_state": "generated",
    }
    made = node.systemd.units[name] = SwapUnit(name=name, what=what, **{**fields, **other})
    if made.fragment_path and not os.path.lexists(node.host.path(made.fragment_path)):
        node.file(made.fragment_path, "[Swap]\n")
    return made


def from_fstab(node: Node, name: str, what: str) -> SwapUnit:
    """Give a node the unit that systemd makes of an fstab entry."""
    return unit(node, name, what, source_path="/etc/fstab")


def udev_link(node: Node, name: str, what: str, following: str) -> SwapUnit:
    """Give a node one of the units for udev's links, which follow the one with a file."""
    return unit(node, name, what, following=following, fragment_path="")


def turn_on(node: Node, *devices: str, used: int = 0, available: int = 1_000_000) -> None:
    """Put devices into /proc/swaps, with a swapoff and a systemd that take them out of it."""
    lines = {device: f"{device}\tpartition\t481276\t\t{used}\t\t-2\n" for device in devices}

    def off(device: str) -> None:
        lines.pop(device, None)
        node.file("/proc/swaps", HEADER + "".join(lines.values()))

    def swapoff(argv: tuple[str, ...], stdin: bytes) -> Result:
        off(argv[1])
        return result()

    off("")
    node.file("/proc/meminfo", MEMORY.format(available))
    node.programs.table[(SWAPOFF,)] = swapoff
    node.systemd.on_stop = lambda unit: off(unit.what)


SWAP_LINES = [
    b"/dev/vda2 none swap sw 0 0",
    b"/dev/vda2\tnone\tswap\tdefaults\t0\t0",
    b"  \t/dev/vda2 none swap",
    b"UUID=790f6bac-55c1 none swap defaults 0 0",
    b"LABEL=SWAP-sda3 swap swap defaults 0 0",
    b"/swap\\040file none swap sw,pri=5,nofail 0 0",
    b"/dev/vda2 none swap sw 0 0\r",
    b"/\xff\xfe none swap sw 0 0",
    b"/swap/swapfile /mnt swap defaults",
    b"/dev/zram0 none swap defaults 0 0 # a comment",
]
OTHER_LINES = [
    b"",
    b"   ",
    b"# /dev/vda2 none swap sw 0 0",
    b"   #/dev/vda2 none swap sw 0 0",
    b"# swap is off here",
    b"/dev/vda1 /swap ext4 defaults 0 0",
    b"UUID=1 /mnt/swap xfs noswap 0 0",
    b"tmpfs /run/swap tmpfs size=1G,swap 0 0",
    b"swap /swap ext4 defaults 0 0",
    b"/dev/vda3 none swapfs defaults 0 0",
    b"/dev/vda2 swap",
    b"/dev/vda1 /mnt\\040none\\040swap ext4 defaults 0 0",
]
