"""Swap: what is on, what the next boot turns on again, and where it comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from nodefix.answer import Answer
from nodefix.errors import BusError, UnclearError
from nodefix.facts.fstab import FSTAB, FstabSwap, read_fstab, unescape
from nodefix.facts.swap_files import may_have_units
from nodefix.facts.swap_origins import (
    is_fstab_left_out,
    kernel_arguments,
    lasting_end,
    origin_of,
    swap_extra,
)
from nodefix.facts.system import in_container
from nodefix.facts.unit_links import ADMINS_UNITS, UnitLinks, link_at_mask, links_of
from nodefix.host.node import Host
from nodefix.host.units import SwapUnit
from nodefix.words import SWAPS

PROC_SWAPS = f"/{SWAPS}"
PROC_MEMINFO = "/proc/meminfo"

_T = TypeVar("_T")


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
    """A unit, other than fstab's, that turns swap on at the next boot.

    Attributes:
        unit: its name.
        origin: where it came from, in words.
        admins: the file of an admin's unit, which a mask cannot replace; empty if it is not one.
        argument: the kernel argument that made it; empty if none did.
        links: what disabling it removes, or what is in the place of its mask.
        lasting_end: the command that keeps it away where a mask does not last; else empty.
    """

    unit: str
    origin: str
    admins: str = ""
    argument: str = ""
    links: UnitLinks = UnitLinks()
    lasting_end: str = ""


class SwapFacts(NamedTuple):
    """What the swap stage decides on.

    Attributes:
        container: whether /proc/swaps is the host's.
        active: what is on.
        coming: units that turn it on at boot.
        fstab: entries that turn it on at boot.
        available: memory that can be used without swapping, in KiB; None if it is not known.
        wanted: whether kubelet is configured to allow swap.
        unread: what could not be read, and what to do about it.
    """

    container: bool
    active: tuple[ActiveSwap, ...] = ()
    coming: tuple[ComingSwap, ...] = ()
    fstab: tuple[FstabSwap, ...] = ()
    available: int | None = 0
    wanted: Answer = Answer(False)
    unread: tuple[Answer, ...] = ()


class _Reading:
    """Continues where something cannot be read, and keeps what that was.

    Attributes:
        unread: what could not be read.
    """

    def __init__(self) -> None:
        self.unread: list[Answer] = []

    def of(self, read: Callable[[], _T]) -> _T | None:
        """What `read` gives; None where it has no answer."""
        try:
            return read()
        except UnclearError as error:
            self.unread.append(Answer(None, error.message, error.hint))
            return None


def read_swap(host: Host, asks_kubelet: bool = True) -> SwapFacts:
    """Read /proc/swaps, fstab, systemd's swap units and, if there is any swap, kubelet's settings.

    Args:
        host: the node.
        asks_kubelet: whether kubelet's settings decide.
    """
    if in_container(host.root):
        return SwapFacts(container=True)
    try:
        devices = _proc_swaps(host)
    except UnclearError as error:
        return SwapFacts(container=False, unread=(Answer(None, error.message, error.hint),))
    reading = _Reading()
    arguments = reading.of(lambda: kernel_arguments(host))
    entries = reading.of(lambda: read_fstab(host)) or ()
    # These may leave fstab's swap out.
    fstab = () if arguments is None or is_fstab_left_out(arguments) else _at_boot(entries)
    asks_systemd = devices or may_have_units(host)
    units = (reading.of(lambda: _units(host)) or ()) if asks_systemd else ()
    active = tuple(
        _active(host, device, used, units, entries, arguments or ()) for device, used in devices
    )
    coming = tuple(
        swap
        for unit in units
        if _is_coming(unit) and (swap := reading.of(partial(_coming, host, unit, arguments or ())))
    )
    facts = SwapFacts(False, active, coming, fstab)
    if facts.active or facts.coming or facts.fstab:
        wanted = _wanted(host) if asks_kubelet else Answer(False)
        available = reading.of(lambda: _available(host)) if active else 0
        facts = facts._replace(wanted=wanted, available=available)
    return facts._replace(unread=tuple(reading.unread))


def _wanted(host: Host) -> Answer:
    # Only here, for what it brings along: there is swap on few nodes.
    from nodefix.facts.kubelet import wants_swap

    return wants_swap(host)


def _at_boot(fstab: Sequence[FstabSwap]) -> tuple[FstabSwap, ...]:
    return tuple(entry for entry in fstab if entry.comes_at_boot)


def _proc_swaps(host: Host) -> list[tuple[str, int]]:
    try:
        lines = host.read(PROC_SWAPS).splitlines()[1:]
    except FileNotFoundError:
        # A kernel without CONFIG_SWAP.
        return []
    except OSError as error:
        words = f"{PROC_SWAPS}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {PROC_SWAPS}") from error
    found = []
    for number, line in enumerate(lines, 2):
        fields = line.split()
        if len(fields) < 5 or not fields[3].isdigit():
            raise UnclearError(
                f"{PROC_SWAPS}: line {number}: found {line[:200]!r},"
                " expected name, type, size, used, priority",
                f"cat -A {PROC_SWAPS}",
            )
        found.append((unescape(fields[0]).removesuffix(" (deleted)"), int(fields[3])))
    # They stand there in the order in which they came, which differs from boot to boot.
    return sorted(found)


def _units(host: Host) -> tuple[SwapUnit, ...]:
    try:
        return host.systemd.swap_units()
    except BusError as error:
        # Without the bus swapoff turns swap off, and systemd notices.
        raise UnclearError(
            "systemd's swap units cannot be read, so the swap of the next boot is not known:"
            f" {error.message}",
            error.hint,
        ) from error


def _active(
    host: Host,
    device: str,
    used: int,
    units: Sequence[SwapUnit],
    fstab: Sequence[FstabSwap],
    arguments: Sequence[str],
) -> ActiveSwap:
    unit = _unit_of(host, device, units)
    origin = origin_of(host, unit, device, fstab, arguments)
    return ActiveSwap(device, used, unit.name if unit else "", origin)


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


def _is_coming(unit: SwapUnit) -> bool:
    """Whether a unit has a file and is loaded because something at boot asks for it."""
    return (
        unit.load_state == "loaded"
        # Maybe still on, but nothing starts it at boot.
        and unit.file_state != "disabled"
        and bool(unit.fragment_path)
        and not unit.following
        and unit.source_path != FSTAB
    )


def _coming(host: Host, unit: SwapUnit, arguments: Sequence[str]) -> ComingSwap:
    admins = unit.fragment_path.startswith(f"{ADMINS_UNITS}/")
    origin = origin_of(host, unit, unit.what, (), arguments)
    return ComingSwap(
        unit.name,
        origin,
        unit.fragment_path if admins else "",
        swap_extra(host, unit.what, arguments),
        links_of(host, unit.name) if admins else link_at_mask(host, unit.name),
        lasting_end(host, unit, origin),
    )


def _available(host: Host) -> int | None:
    """MemAvailable of proc_meminfo(5), in KiB."""
    try:
        content = host.read(PROC_MEMINFO)
    except OSError as error:
        words = f"{PROC_MEMINFO}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {PROC_MEMINFO}") from error
    found = re.search(rb"^MemAvailable:\s+(\d{1,18}) kB$", content, re.M)
    if not found:
        words = f"{PROC_MEMINFO}: found no MemAvailable, expected a line with it"
        raise UnclearError(words, f"cat {PROC_MEMINFO}")
    return int(found[1])
