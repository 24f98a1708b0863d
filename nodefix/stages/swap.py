"""Swap is off, and stays off: kubelet refuses to start while /proc/swaps lists anything.

What lasts is the least that does: fstab's entries become comments, a generator's unit is masked by
its name, an admin's unit is disabled, and nothing else of zram or of the partition table changes.
Sources: kubernetes pkg/kubelet/cm/container_manager_linux.go (failSwapOn); swapon(8); fstab(5);
systemd.swap(5); systemd-gpt-auto-generator(8); zram-generator.conf(5).
"""

from __future__ import annotations

import errno
import re
import shlex
import time
from pathlib import Path
from typing import NamedTuple

from nodefix.commands import quoted
from nodefix.config import Config
from nodefix.errors import BusError, CommandError, NodefixError
from nodefix.facts.fstab import FSTAB, FstabSwap, fstab_swaps
from nodefix.facts.swap import ActiveSwap, ComingSwap, SwapFacts, read
from nodefix.files import write_atomic
from nodefix.host import Host
from nodefix.plan import Change, Plan, Problem

__all__ = ["DEADLINE", "NAME", "apply", "plan", "read"]

NAME = "swap"
# Seconds. Moving swapped-out pages back can take a while on slow disks.
DEADLINE = 90.0

BACKUPS = "/var/lib/nodefix/backup"
MARK = b"# nodefix: swap is off for kubelet: "

_SWAPOFF_SECONDS = 60.0
# udev looks at a device for a moment after it was switched off, and keeps it busy.
_ZRAM_TRIES, _ZRAM_SECONDS = 20, 0.1


class TurnOff(NamedTuple):
    """Switch one active swap off."""

    swap: ActiveSwap


class CommentOut(NamedTuple):
    """Make fstab entries comments."""

    entries: tuple[FstabSwap, ...]


class KeepOut(NamedTuple):
    """Keep a unit from bringing swap at the next boot."""

    swap: ComingSwap


def plan(facts: SwapFacts, config: Config) -> Plan:
    """fstab first: if nothing else works, the next boot comes up without its swap.

    Masks last: systemd forgets the device of a unit that is masked, and could not stop it.
    """
    if facts.container:
        return Plan(skipped="this is a container: /proc/swaps is the host's")
    if config.swap == "keep":
        return Plan(skipped="the setting `swap: keep` leaves swap alone")
    if config.swap == "auto" and facts.wanted_by:
        return Plan(skipped=f"kubelet is told to live with swap: {facts.wanted_by}")
    problems = _too_much(facts, config)
    return Plan(
        changes=(
            *_fstab_change(facts.fstab),
            *(_turn_off(swap) for swap in facts.active if not (problems and swap.used)),
            *(_keep_out(swap) for swap in facts.coming),
        ),
        problems=problems,
    )


def _too_much(facts: SwapFacts, config: Config) -> tuple[Problem, ...]:
    """swapoff moves what is swapped out back to memory; without room for it the node goes down."""
    used = sum(swap.used for swap in facts.active)
    margin = config.swap_margin_mib * 1024
    if not used or used + margin <= facts.available:
        return ()
    devices = ", ".join(swap.device for swap in facts.active if swap.used)
    message = (
        f"swap {devices}: found {_mib(used)} in use and {_mib(facts.available)} of memory"
        f" available, expected {_mib(used + margin)} (swap_margin_mib: {config.swap_margin_mib}):"
        " turning swap off would take the node down"
    )
    return (
        Problem(message, "kubectl drain this node, then: systemctl restart nodefix; or reboot"),
    )


def _mib(kib: int) -> str:
    return f"{kib / 1024:.0f} MiB"


def _fstab_change(entries: tuple[FstabSwap, ...]) -> tuple[Change, ...]:
    if not entries:
        return ()
    shown = ", ".join(f"`{_shown(entry.line)}` (line {entry.number})" for entry in entries)
    return (
        Change(
            target=FSTAB,
            found=f"swap at each boot by {shown}",
            wanted="these entries as comments",
            hint=_by_hand(entries),
            action=CommentOut(entries),
        ),
    )


def _keep_out(swap: ComingSwap) -> Change:
    return Change(
        target=f"unit {swap.unit}",
        found=f"swap at each boot by {swap.origin}",
        wanted="disabled" if swap.admins else "masked",
        hint=f"systemctl {'disable' if swap.admins else 'mask'} '{swap.unit}'",
        action=KeepOut(swap),
    )


def _turn_off(swap: ActiveSwap) -> Change:
    return Change(
        target=f"swap {swap.device}",
        found=f"on ({swap.used} KiB in use), which came from {swap.origin}",
        wanted="off",
        hint=shlex.join(("swapoff", swap.device)),
        action=TurnOff(swap),
    )


def apply(change: Change, host: Host) -> None:
    """Make one of plan's changes.

    Raises:
        NodefixError: it could not be made.
    """
    match change.action:
        case CommentOut(entries):
            _comment_out(entries, host)
        case KeepOut(swap) if swap.admins:
            host.systemd.disable_unit(swap.unit)
            host.systemd.reload()
        case KeepOut(swap):
            host.systemd.mask_unit(swap.unit)
            host.systemd.reload()
        case TurnOff(swap):
            _switch_off(swap, host)
            _free_zram(swap, host)


def _comment_out(entries: tuple[FstabSwap, ...], host: Host) -> None:
    file = host.path(FSTAB)
    try:
        before = file.read_bytes()
        if entries != fstab_swaps(before):
            raise NodefixError(f"{FSTAB} was changed by somebody else meanwhile", "nodefix run")
        _back_up(before, host.path(BACKUPS))
        lines = before.split(b"\n")
        for entry in entries:
            lines[entry.number - 1] = MARK + entry.line
        write_atomic(file, b"\n".join(lines))
    except OSError as error:
        raise NodefixError(
            f"cannot be written: {error.strerror}{_reason(error)};"
            " until it is, this swap is back at each boot",
            _by_hand(entries),
        ) from error
    # systemd made units of the entries at boot; without this it could start them again.
    host.systemd.reload()


def _reason(error: OSError) -> str:
    if error.errno == errno.EPERM:
        return f" (chattr -i {FSTAB} if `lsattr` shows an i)"
    return " (mount -o remount,rw /etc or /)" if error.errno == errno.EROFS else ""


def _by_hand(entries: tuple[FstabSwap, ...]) -> str:
    expressions = " ".join(f"-e '{entry.number}s/^/# /'" for entry in entries)
    return f"sed -i {expressions} {FSTAB}"


def _back_up(content: bytes, folder: Path) -> None:
    """Keep a copy under a name of its own; a copy that is there is never written again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    base = time.strftime("fstab-%Y%m%dT%H%M%SZ", time.gmtime())
    path, number = folder / base, 0
    while path.exists():
        if path.read_bytes() == content:
            return
        number += 1
        path = folder / f"{base}.{number}"
    write_atomic(path, content, mode=0o600)


def _switch_off(swap: ActiveSwap, host: Host) -> None:
    if swap.unit:
        try:
            host.systemd.stop_unit(swap.unit, _SWAPOFF_SECONDS)
            return
        except BusError:
            # The kernel needs no bus, and systemd sees by itself that the swap is gone.
            pass
    argv = ("/usr/sbin/swapoff", swap.device)
    result = host.commands.run(*argv, timeout=_SWAPOFF_SECONDS)
    if result.status:
        raise CommandError(f"`{quoted(argv)}`: {result.words}", quoted(argv))


def _free_zram(swap: ActiveSwap, host: Host) -> None:
    """Give a zram device's memory back; zram-generator's set-up unit does it when it goes down."""
    name = re.fullmatch(r"/dev/(zram\d+)", swap.device)
    if not name:
        return
    device = host.path(f"/sys/block/{name[1]}")
    why: str | None = None
    for _ in range(_ZRAM_TRIES):
        try:
            # Zero, or gone, once the set-up unit has done it.
            if not device.exists() or (device / "disksize").read_text().strip() == "0":
                return
            (device / "reset").write_text("1")
            return
        except OSError as error:
            why = error.strerror
            time.sleep(_ZRAM_SECONDS)
    message = f"{swap.device} is off as swap but keeps its memory: {why}"
    raise NodefixError(message, f"zramctl --reset {swap.device}")


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").strip()
