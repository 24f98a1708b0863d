"""Where swap comes from, in words, and what the kernel's command line says about swap.

Sources: systemd.swap(5); systemd-fstab-generator(8) and its source: `systemd.swap-extra=` makes a
unit with SourcePath=/proc/cmdline, the credential `fstab.extra` one with /run/credentials, and
`systemd.swap=0` leaves out what fstab names; systemd-gpt-auto-generator(8); zram-generator.conf(5).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

from nodefix.errors import UnclearError
from nodefix.facts.fstab import FSTAB, FstabSwap, device_of
from nodefix.host.node import Host
from nodefix.host.units import SwapUnit
from nodefix.words import CMDLINES

CMDLINE = f"/{CMDLINES[0]}"
_CREDENTIALS = "/run/credentials"
_GENERATED = "/run/systemd/generator"

_GPT = "a swap partition found by systemd-gpt-auto-generator"
# systemd 257 names their units by the disk's number in this boot, 252 by the kernel's name.
_PASSING = "diskseq"

# zram-generator.conf(5): the first of these is the main file, drop-ins override it by section.
_ZRAM_FOLDERS = ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd")

_SWAP_EXTRA = re.compile(r"(?:rd\.)?systemd\.swap[-_]extra=([^:]*)")
# parse_boolean() of systemd.
_NO = frozenset({"0", "no", "n", "false", "f", "off"})


def kernel_arguments(host: Host) -> tuple[str, ...]:
    """The words of the kernel's command line; quotes hold together.

    Raises:
        UnclearError: it cannot be read.
    """
    try:
        text = host.read(CMDLINE).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ()
    except OSError as error:
        words = f"{CMDLINE}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {CMDLINE}") from error
    return tuple(word.replace('"', "") for word in re.findall(r'(?:"[^"]*"?|[^\s"])+', text))


def is_fstab_left_out(arguments: Sequence[str]) -> bool:
    """Whether systemd takes no swap from fstab; the last argument counts."""
    said = {"systemd.swap": "yes", "fstab": "yes"}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        said[name] = value.lower() if equals else "yes"
    return said["systemd.swap"] in _NO or said["fstab"] in _NO


def swap_extra(host: Host, device: str, arguments: Sequence[str]) -> str:
    """The argument of the kernel's command line that names a device as swap; empty if none."""
    real = os.path.realpath(host.path(device))
    for argument in arguments:
        named = _SWAP_EXTRA.match(argument)
        if named and os.path.realpath(host.path(device_of(named[1]))) == real:
            return argument
    return ""


def origin_of(
    host: Host,
    unit: SwapUnit | None,
    device: str,
    fstab: Sequence[FstabSwap],
    arguments: Sequence[str],
) -> str:
    """Where a device's swap came from.

    Args:
        host: the node.
        unit: the unit that owns it; None if there is none.
        device: the device or file.
        fstab: all swap entries of fstab.
        arguments: the kernel's.
    """
    if unit is None or not unit.fragment_path:
        argument = swap_extra(host, device, arguments)
        if argument:
            return f"the kernel's command line ({argument})"
        return f"a manual swapon (no unit{' file' if unit else ''})"
    if unit.source_path == FSTAB:
        return _line_of_fstab(host, device, fstab)
    if unit.source_path == CMDLINE:
        return f"the kernel's command line ({swap_extra(host, device, arguments) or 'swap-extra'})"
    if unit.source_path.startswith(_CREDENTIALS):
        return "the credential fstab.extra, which the virtual machine's host passes in"
    if not unit.fragment_path.startswith(_GENERATED):
        return f"the unit {unit.fragment_path}"
    zram = re.fullmatch(r"/dev/(zram\d+)", device)
    if zram or unit.name.startswith("dev-zram"):
        name = zram[1] if zram else unit.name.removeprefix("dev-").removesuffix(".swap")
        return f"zram-generator, {_zram_configuration(host, name)}"
    return _GPT


def lasting_end(host: Host, unit: SwapUnit, origin: str) -> str:
    """The command that ends a swap partition's discovery for good; empty where a mask does.

    A mask holds as long as the unit has its name, and a disk's number changes with the order in
    which disks are found. The partition's attribute no-auto (bit 63) stays with it. Sources:
    systemd-gpt-auto-generator(8); systemd's src/gpt-auto-generator (add_partition_swap), which
    names the unit after the node of the partition; sfdisk(8).
    """
    if origin != _GPT or _PASSING not in unit.name:
        return ""
    name = os.path.realpath(host.path(unit.what)).rpartition("/")[2]
    place = os.path.realpath(host.path(f"/sys/class/block/{name}"))
    disk = place.split("/")[-2:-1]
    number = _text(host, f"/sys/class/block/{name}/partition").strip()
    if not disk or not number.isdecimal():
        # What stops the discovery of all swap.
        return "grubby --update-kernel=ALL --args=systemd.swap=0"
    sfdisk = (
        f"sfdisk --no-reread --no-tell-kernel --part-attrs /dev/{shlex.quote(disk[0])} {number}"
    )
    return f'{sfdisk} "$({sfdisk}) GUID:63"'


def _line_of_fstab(host: Host, device: str, fstab: Sequence[FstabSwap]) -> str:
    real = os.path.realpath(host.path(device))
    for entry in fstab:
        if os.path.realpath(host.path(entry.device)) == real:
            by_hand = "" if entry.comes_at_boot else ", which is noauto: a manual swapon"
            return f"{FSTAB} line {entry.number}{by_hand}"
    return FSTAB


def _zram_configuration(host: Host, name: str) -> str:
    """The file whose section for a zram device won."""
    root = host.root
    mains = [root / folder / "zram-generator.conf" for folder in _ZRAM_FOLDERS]
    main = [file for file in mains if file.exists()][:1]
    drop_ins = {
        file.name: file
        for folder in reversed(_ZRAM_FOLDERS)
        for file in (root / folder / "zram-generator.conf.d").glob("*.conf")
    }
    winner = "a file that is no longer there"
    for file in (*main, *(drop_ins[key] for key in sorted(drop_ins))):
        path = f"/{file.relative_to(root)}"
        if re.search(rf"^[ \t]*\[{re.escape(name)}\]", _text(host, path), re.M):
            winner = path
    return winner


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path).decode("utf-8", "replace")
    except OSError:
        # Only the file's name is lost.
        return ""
