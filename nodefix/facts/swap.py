"""Swap: what is on, what will be, and through what."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from nodefix.errors import BusError, NodefixError
from nodefix.facts.system import in_container
from nodefix.host import Host
from nodefix.systemd import SwapUnit

PROC_SWAPS = "/proc/swaps"
FSTAB = "/etc/fstab"


class ActiveSwap(NamedTuple):
    """One line of /proc/swaps.

    Attributes:
        device: the device or file, decoded.
        used: in KiB.
        unit: the systemd unit that switches it off; empty if there is none.
    """

    device: str
    used: int
    unit: str


class FstabSwap(NamedTuple):
    """One swap entry of fstab(5).

    Attributes:
        number: its line, from 1.
        line: the line's bytes without its end.
    """

    number: int
    line: bytes


class SwapFacts(NamedTuple):
    """What the swap stage decides on."""

    container: bool
    active: tuple[ActiveSwap, ...] = ()
    fstab: tuple[FstabSwap, ...] = ()


def read(host: Host) -> SwapFacts:
    """Read /proc/swaps, fstab and, where something is on, systemd's swap units.

    Raises:
        NodefixError: /proc/swaps or fstab cannot be read or understood.
    """
    if in_container(host.root):
        # /proc/swaps is the host's; nothing of it is this system's to change.
        return SwapFacts(container=True)
    devices = _proc_swaps(host)
    units = _units(host) if devices else ()
    active = tuple(
        ActiveSwap(device, used, _unit_of(host, device, units)) for device, used in devices
    )
    return SwapFacts(False, active, fstab_swaps(_fstab_content(host)))


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
        found.append((unescape(fields[0]), int(fields[3])))
    return found


def unescape(field: bytes) -> str:
    """Decode the octal escapes that the kernel and fstab(5) write for blanks."""
    plain = re.sub(rb"\\([0-3][0-7]{2})", lambda m: bytes((int(m[1], 8),)), field)
    return plain.removesuffix(b" (deleted)").decode("utf-8", "backslashreplace")


def _units(host: Host) -> tuple[SwapUnit, ...]:
    try:
        return host.systemd.swap_units()
    except BusError:
        # Without a bus swapoff does it; systemd notices by itself.
        return ()


def _unit_of(host: Host, device: str, units: tuple[SwapUnit, ...]) -> str:
    """The unit that owns a device: the one that the others for the same device follow."""
    real = os.path.realpath(host.path(device))
    for unit in units:
        same = unit.what and os.path.realpath(host.path(unit.what)) == real
        if unit.active_state == "active" and same:
            return unit.following or unit.name
    return ""


def _fstab_content(host: Host) -> bytes:
    file = host.path(FSTAB)
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise NodefixError(f"{file}: cannot be read: {error.strerror}", f"ls -lZ {file}") from error


def fstab_swaps(content: bytes) -> tuple[FstabSwap, ...]:
    """The entries of an fstab whose third field is `swap`, as libmount reads it (fstab(5))."""
    found = []
    for number, line in enumerate(content.split(b"\n"), 1):
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith(b"#") and fields[2] == b"swap":
            found.append(FstabSwap(number, line))
    return tuple(found)
