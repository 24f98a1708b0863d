"""Swap: what is on, what the next boot brings back, and where it comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import BusError, NodefixError
from nodefix.facts.fstab import FSTAB, FstabSwap, read_fstab, unescape
from nodefix.facts.kubelet import wants_swap
from nodefix.facts.system import in_container
from nodefix.host import Host
from nodefix.systemd import SwapUnit

PROC_SWAPS = "/proc/swaps"

# zram-generator.conf(5): the first of these is the main file, drop-ins override it by section.
_ZRAM_FOLDERS = ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd")
_GENERATED = "/run/systemd/generator"
_ADMINS_UNITS = "/etc/systemd/system/"


class ActiveSwap(NamedTuple):
    """One line of /proc/swaps.

    Attributes:
        device: the device or file.
        used: in KiB.
        unit: the systemd unit that switches it off; empty if there is none.
        origin: where it came from, in words.
    """

    device: str
    used: int
    unit: str
    origin: str


class ComingSwap(NamedTuple):
    """A unit, other than fstab's, that brings swap at the next boot.

    Attributes:
        unit: its name.
        origin: where it came from, in words.
        admins: whether it is a file of the admin's, in whose place no mask can stand.
    """

    unit: str
    origin: str
    admins: bool


class SwapFacts(NamedTuple):
    """What the swap stage decides on.

    Attributes:
        container: whether /proc/swaps is the host's.
        active: what is on.
        coming: units that bring it back.
        fstab: entries that bring it back.
        available: memory that can be used without swapping, in KiB.
        wanted_by: where kubelet is told to live with swap; empty if it is not.
    """

    container: bool
    active: tuple[ActiveSwap, ...] = ()
    coming: tuple[ComingSwap, ...] = ()
    fstab: tuple[FstabSwap, ...] = ()
    available: int = 0
    wanted_by: str = ""


def read(host: Host, config: Config) -> SwapFacts:
    """Read /proc/swaps, fstab, systemd's swap units and, if there is any swap, kubelet's settings.

    Raises:
        NodefixError: /proc/swaps or fstab cannot be read or understood.
    """
    if in_container(host.root):
        return SwapFacts(container=True)
    if config.swap == "keep":
        return SwapFacts(container=False)
    devices = _proc_swaps(host)
    fstab = read_fstab(host)
    units = _units(host)
    facts = SwapFacts(
        container=False,
        active=tuple(_active(host, device, used, units, fstab) for device, used in devices),
        coming=tuple(_coming(host, units)),
        fstab=fstab,
    )
    if not (facts.active or facts.coming or fstab):
        return facts
    return facts._replace(available=_available(host), wanted_by=wants_swap(host))


def _proc_swaps(host: Host) -> list[tuple[str, int]]:
    file = host.path(PROC_SWAPS)
    try:
        lines = file.read_bytes().splitlines()[1:]
    except FileNotFoundError:
        # A kernel without CONFIG_SWAP.
        return []
    except OSError as error:
        raise NodefixError(f"{file}: cannot be read: {error.strerror}") from error
    found = []
    for number, line in enumerate(lines, 2):
        fields = line.split()
        if len(fields) < 5 or not fields[3].isdigit():
            raise NodefixError(
                f"{file}: line {number}: found {line!r}, expected name, type, size, used, priority"
            )
        found.append((unescape(fields[0]).removesuffix(" (deleted)"), int(fields[3])))
    return found


def _units(host: Host) -> tuple[SwapUnit, ...]:
    try:
        return host.systemd.swap_units()
    except BusError:
        # Without a bus swapoff does it; systemd notices by itself.
        return ()


def _active(
    host: Host,
    device: str,
    used: int,
    units: Sequence[SwapUnit],
    fstab: Sequence[FstabSwap],
) -> ActiveSwap:
    unit = _unit_of(host, device, units)
    if unit is None:
        return ActiveSwap(device, used, "", "somebody's swapon (no unit)")
    return ActiveSwap(device, used, unit.name, _origin(host, unit, device, fstab))


def _unit_of(host: Host, device: str, units: Sequence[SwapUnit]) -> SwapUnit | None:
    """The unit that owns a device: of several for one device the one that the others follow."""
    real = os.path.realpath(host.path(device))
    owners = [
        unit
        for unit in units
        if unit.active_state == "active"
        and unit.what
        and os.path.realpath(host.path(unit.what)) == real
    ]
    leaders = [unit for unit in owners if not unit.following]
    return next(iter(sorted(leaders, key=lambda unit: not unit.fragment_path)), None)


def _coming(host: Host, units: Sequence[SwapUnit]) -> list[ComingSwap]:
    """Units that have a file and are loaded because something at boot asks for them."""
    return [
        ComingSwap(
            unit.name,
            _origin(host, unit, unit.what, ()),
            unit.fragment_path.startswith(_ADMINS_UNITS),
        )
        for unit in units
        if unit.load_state == "loaded"
        # Still on, but nothing starts it at boot.
        and unit.file_state != "disabled"
        and unit.fragment_path
        and not unit.following
        and unit.source_path != FSTAB
    ]


def _origin(host: Host, unit: SwapUnit, device: str, fstab: Sequence[FstabSwap]) -> str:
    if unit.source_path == FSTAB:
        real = os.path.realpath(host.path(device))
        for entry in fstab:
            if os.path.realpath(host.path(entry.device)) == real:
                return f"{FSTAB} line {entry.number}"
        return FSTAB
    if not unit.fragment_path:
        return "somebody's swapon (no unit file)"
    if not unit.fragment_path.startswith(_GENERATED):
        return f"the unit {unit.fragment_path}"
    zram = re.fullmatch(r"/dev/(zram\d+)", device)
    if zram or unit.name.startswith("dev-zram"):
        name = zram[1] if zram else unit.name.removeprefix("dev-").removesuffix(".swap")
        return f"zram-generator, {_zram_configuration(host.root, name)}"
    return "a swap partition found by systemd-gpt-auto-generator"


def _zram_configuration(root: Path, name: str) -> str:
    """The file whose section for a zram device won."""
    mains = [root / folder / "zram-generator.conf" for folder in _ZRAM_FOLDERS]
    main = [file for file in mains if file.exists()][:1]
    drop_ins = {
        file.name: file
        for folder in reversed(_ZRAM_FOLDERS)
        for file in (root / folder / "zram-generator.conf.d").glob("*.conf")
    }
    winner = "a file that is no longer there"
    for file in (*main, *(drop_ins[key] for key in sorted(drop_ins))):
        try:
            text = file.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if re.search(rf"^\s*\[{re.escape(name)}\]", text, re.M):
            winner = f"/{file.relative_to(root)}"
    return winner


def _available(host: Host) -> int:
    """MemAvailable of proc_meminfo(5), in KiB."""
    file = host.path("/proc/meminfo")
    try:
        found = re.search(rb"^MemAvailable:\s+(\d+) kB$", file.read_bytes(), re.M)
    except OSError as error:
        raise NodefixError(f"{file}: cannot be read: {error.strerror}") from error
    if not found:
        raise NodefixError(f"{file}: found no MemAvailable, expected a line with it")
    return int(found[1])
