"""Swap is off, and stays off: kubelet refuses to start while /proc/swaps lists anything.

What lasts is the least that does: fstab's entries become comments, a generator's unit is masked by
its name, an admin's unit is disabled, and nothing else of zram or of the partition table changes.
Sources: kubernetes pkg/kubelet/cm/container_manager_linux.go (failSwapOn); swapon(8); fstab(5);
systemd.swap(5); systemd-gpt-auto-generator(8); zram-generator.conf(5).
"""

from __future__ import annotations

import re
import shlex
import time
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import BusError, CommandError, NodefixError
from nodefix.facts.fstab import FSTAB, FstabSwap
from nodefix.facts.swap import ActiveSwap, ComingSwap, SwapFacts, read_swap
from nodefix.facts.system import in_container
from nodefix.host.node import Host
from nodefix.host.programs import quoted
from nodefix.plan import Change, Plan, Problem
from nodefix.stages.swap_fstab import by_hand, comment_out

__all__ = ["DEADLINE", "NAME", "NEEDS", "apply", "plan", "read"]

NAME = "swap"
NEEDS: tuple[str, ...] = ()
# Seconds. Moving swapped-out pages back can take a while on slow disks.
DEADLINE = 90.0

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


def read(host: Host, config: Config) -> SwapFacts:
    """Read no more than the setting `swap` makes worth knowing."""
    if config.swap == "keep":
        return SwapFacts(in_container(host.root))
    return read_swap(host, asks_kubelet=config.swap == "auto")


def plan(facts: SwapFacts, config: Config) -> Plan:
    """fstab first: if nothing else works, the next boot comes up without its swap.

    Masks last: systemd forgets the device of a unit that is masked, and could not stop it.
    """
    if facts.container:
        return Plan(skipped="this is a container: /proc/swaps is the host's")
    if config.swap == "keep":
        return Plan(skipped="the setting `swap: keep` leaves swap alone")
    if config.swap == "auto" and facts.wanted.value:
        return Plan(skipped=f"kubelet is told to live with swap: {facts.wanted.where}")
    if config.swap == "auto" and facts.wanted.value is None:
        return Plan(problems=(_cannot_tell(facts),))
    no_room = _too_much(facts, config)
    unread = tuple(Problem(answer.where, answer.hint, required=False) for answer in facts.unread)
    return Plan(
        changes=(
            *_fstab_change(facts.fstab),
            *(_turn_off(swap) for swap in facts.active if not (no_room and swap.used)),
            *(_keep_out(swap) for swap in facts.coming),
        ),
        problems=(*no_room, *unread),
    )


def _cannot_tell(facts: SwapFacts) -> Problem:
    """Swap may be wanted, so nothing is done about it: what is taken away is gone for good."""
    there = (
        *(swap.device for swap in facts.active),
        *(f"{FSTAB} line {entry.number}" for entry in facts.fstab),
        *(swap.unit for swap in facts.coming),
    )
    return Problem(
        f"cannot tell what kubelet is told about swap: {facts.wanted.where}; swap is left as it is"
        f" ({', '.join(there)}). Mend that, or decide with `swap: off` or `swap: keep` in"
        " /etc/nodefix/nodefix.yaml; then: systemctl restart nodefix",
        facts.wanted.hint,
        required=False,
    )


def _too_much(facts: SwapFacts, config: Config) -> tuple[Problem, ...]:
    """swapoff moves what is swapped out back to memory; without room for it the node goes down."""
    used = sum(swap.used for swap in facts.active)
    devices = ", ".join(swap.device for swap in facts.active if swap.used)
    if used and facts.available is None:
        message = f"swap {devices}: cannot tell whether memory has room for {_mib(used)} in use"
        return (Problem(message, "free -m"),)
    margin = config.swap_margin_mib * 1024
    if facts.available is None or not used or used + margin <= facts.available:
        return ()
    message = (
        f"swap {devices}: found {_mib(used)} in use and {_mib(facts.available)} of memory"
        f" available, expected {_mib(used + margin)} (swap_margin_mib: {config.swap_margin_mib}):"
        " turning swap off would take the node down. After a reboot it is not in use"
    )
    return (Problem(message, "systemctl reboot"),)


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
            hint=by_hand(entries),
            action=CommentOut(entries),
        ),
    )


def _keep_out(swap: ComingSwap) -> Change:
    return Change(
        target=f"unit {swap.unit}",
        found=f"swap at each boot by {swap.origin}",
        wanted="disabled" if swap.admins else "masked",
        hint=_otherwise_kept_out(swap),
        action=KeepOut(swap),
    )


def _otherwise_kept_out(swap: ComingSwap) -> str:
    """Another way than the one over the bus, for where that did not help."""
    if swap.argument:
        return f"grubby --update-kernel=ALL --remove-args={shlex.quote(swap.argument)}"
    if swap.admins:
        # `disable` does nothing about a unit that another one asks for.
        return f"mv {shlex.quote(swap.admins)} /root/ && systemctl daemon-reload"
    return f"systemctl --root=/ mask {shlex.quote(swap.unit)} && systemctl daemon-reload"


def _turn_off(swap: ActiveSwap) -> Change:
    return Change(
        target=f"swap {swap.device}",
        found=f"on ({swap.used} KiB in use), which came from {swap.origin}",
        wanted="off",
        hint="systemctl reboot",
        action=TurnOff(swap),
    )


def apply(change: Change, host: Host) -> None:
    """Make one of plan's changes.

    Raises:
        NodefixError: it could not be made.
    """
    match change.action:
        case CommentOut(entries):
            comment_out(entries, host)
        case KeepOut(swap):
            _keep_unit_out(swap, host)
        case TurnOff(swap):
            _switch_off(swap, host)
            _free_zram(swap, host)


def _keep_unit_out(swap: ComingSwap, host: Host) -> None:
    if swap.admins:
        host.systemd.disable_unit(swap.unit)
    else:
        host.systemd.mask_unit(swap.unit)
    try:
        host.systemd.reload()
    except BusError as error:
        done = "disabled" if swap.admins else "masked"
        raise NodefixError(
            f"{swap.unit} is {done}, but systemd does not know it yet: {error.message}",
            "systemctl daemon-reload",
        ) from error


def _switch_off(swap: ActiveSwap, host: Host) -> None:
    before = ""
    if swap.unit:
        try:
            host.systemd.stop_unit(swap.unit, _SWAPOFF_SECONDS)
            return
        except BusError as error:
            # The kernel needs no bus, and systemd sees by itself that the swap is gone.
            before = f"systemd did not stop {swap.unit}: {error.message}; "
    argv = ("/usr/sbin/swapoff", swap.device)
    result = host.programs.run(*argv, timeout=_SWAPOFF_SECONDS)
    if result.status:
        raise CommandError(f"{before}`{quoted(argv)}`: {result.words}", "systemctl reboot")


def _free_zram(swap: ActiveSwap, host: Host) -> None:
    """Give a zram device's memory back; zram-generator's set-up unit does it when it goes down."""
    name = re.fullmatch(r"/dev/(zram\d+)", swap.device)
    if not name:
        return
    device = f"/sys/block/{name[1]}"
    why: str | None = None
    for _ in range(_ZRAM_TRIES):
        try:
            # Zero, or gone, once the set-up unit has done it.
            if host.read(f"{device}/disksize").strip() == b"0":
                return
            host.set(f"{device}/reset", "1")
            return
        except FileNotFoundError:
            return
        except OSError as error:
            why = error.strerror
            time.sleep(_ZRAM_SECONDS)
    message = f"{swap.device} is off as swap but keeps its memory: {why}"
    raise NodefixError(message, f"systemctl stop systemd-zram-setup@{name[1]}.service")


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").strip()
