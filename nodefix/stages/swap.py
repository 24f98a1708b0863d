"""Swap is off, and stays off: kubelet refuses to start while /proc/swaps lists anything.

Lasting changes are as small as possible: fstab's entries are commented out, a generator's unit is
masked by its name, an admin's unit is disabled; zram and the partition table are left unchanged.
Sources: kubernetes pkg/kubelet/cm/container_manager_linux.go (failSwapOn); swapon(8); fstab(5);
systemd.swap(5); systemd-gpt-auto-generator(8); zram-generator.conf(5).
"""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import BusError, CommandError, NodefixError
from nodefix.facts.fstab import FSTAB
from nodefix.facts.swap import ActiveSwap, SwapFacts, read_swap
from nodefix.facts.system import in_container
from nodefix.host.node import Host
from nodefix.host.programs import quoted
from nodefix.plan import Change, Plan, Problem
from nodefix.stages.swap_fstab import CommentOut, comment_out, fstab_change, some_of
from nodefix.stages.swap_unit import KeepOut, keep_out, keep_unit_out
from nodefix.words import SETTINGS_FILE

__all__ = ["DEADLINE", "NAME", "NEEDS", "apply", "plan", "read"]

NAME = "swap"
NEEDS: tuple[str, ...] = ()
# Seconds. Moving swapped-out pages back can take a while on slow disks.
DEADLINE = 90.0

_SWAPOFF_SECONDS = 60.0
# udev opens a device for a moment after swapoff, and keeps it busy.
_ZRAM_TRIES, _ZRAM_SECONDS = 20, 0.1


class TurnOff(NamedTuple):
    """Switch one active swap off."""

    swap: ActiveSwap


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
        return Plan(skipped="the setting `swap: keep` leaves swap unchanged")
    if config.swap == "auto" and facts.wanted.value:
        return Plan(skipped=f"kubelet is configured to allow swap: {facts.wanted.where}")
    if config.swap == "auto" and facts.wanted.value is None:
        return Plan(problems=(_cannot_tell(facts),))
    no_room = _too_much(facts, config)
    unread = tuple(
        Problem(answer.where, answer.hint, required=False, code="swap-unread")
        for answer in facts.unread
    )
    return Plan(
        changes=(
            *fstab_change(facts.fstab),
            *(_turn_off(swap) for swap in facts.active if not (no_room and swap.used)),
            *(keep_out(swap) for swap in facts.coming),
        ),
        problems=(*no_room, *unread),
    )


def _cannot_tell(facts: SwapFacts) -> Problem:
    """Swap may be wanted, so nothing is done about it: a change would last."""
    there = (
        *(swap.device for swap in facts.active),
        *(f"{FSTAB} line {entry.number}" for entry in facts.fstab),
        *(swap.unit for swap in facts.coming),
    )
    return Problem(
        f"cannot tell whether kubelet is configured to allow swap: {facts.wanted.where}; swap is"
        f" left unchanged ({some_of(there)}). Fix that, or set `swap: off` or `swap: keep` in"
        f" /{SETTINGS_FILE}; then: systemctl restart nodefix",
        facts.wanted.hint,
        required=False,
        code="swap-kubelet-unknown",
    )


def _too_much(facts: SwapFacts, config: Config) -> tuple[Problem, ...]:
    """swapoff moves swapped-out pages back to memory; without room for them the node goes down."""
    used = sum(swap.used for swap in facts.active)
    devices = some_of([swap.device for swap in facts.active if swap.used])
    if used and facts.available is None:
        message = f"swap {devices}: cannot tell whether memory has room for the {_mib(used)} in use"
        return (Problem(message, "free -m", code="swap-memory-unknown"),)
    margin = config.swap_margin_mib * 1024
    if facts.available is None or not used or used + margin <= facts.available:
        return ()
    message = (
        f"swap {devices}: found {_mib(used)} in use and {_mib(facts.available)} of memory"
        f" available, expected {_mib(used + margin)} (swap_margin_mib: {config.swap_margin_mib}):"
        " turning swap off would exhaust memory. After a reboot it is not in use"
    )
    return (Problem(message, "systemctl reboot", code="swap-in-use"),)


def _mib(kib: int) -> str:
    return f"{kib / 1024:.0f} MiB"


def _turn_off(swap: ActiveSwap) -> Change:
    return Change(
        target=f"swap {swap.device}",
        found=f"on ({swap.used} KiB in use), which came from {swap.origin}",
        wanted="off",
        hint="systemctl reboot",
        action=TurnOff(swap),
        code="swap-on",
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
            keep_unit_out(swap, host)
        case TurnOff(swap):
            _switch_off(swap, host)
            _free_zram(swap, host)


def _switch_off(swap: ActiveSwap, host: Host) -> None:
    before = ""
    if swap.unit:
        try:
            host.systemd.stop_unit(swap.unit, _SWAPOFF_SECONDS)
            return
        except BusError as error:
            # swapoff needs no bus, and systemd notices that the swap is gone.
            before = f"systemd did not stop {swap.unit}: {error.message}; "
    argv = ("/usr/sbin/swapoff", swap.device)
    result = host.programs.run(*argv, timeout=_SWAPOFF_SECONDS)
    if result.status:
        raise CommandError(f"{before}`{quoted(argv)}`: {result.words}", "systemctl reboot")


def _free_zram(swap: ActiveSwap, host: Host) -> None:
    """Free a zram device's memory; zram-generator's set-up unit does so when it stops."""
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
    message = f"{swap.device} is off, but its memory is not freed: {why}"
    raise NodefixError(message, f"zramctl --reset {swap.device}")
