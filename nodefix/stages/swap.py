"""Swap is off, and stays off: kubelet refuses to start while /proc/swaps lists anything.

Source: kubernetes pkg/kubelet/cm/container_manager_linux.go (failSwapOn); swapon(8); fstab(5).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from nodefix.commands import quoted
from nodefix.config import Config
from nodefix.errors import BusError, CommandError, NodefixError
from nodefix.facts.swap import FSTAB, ActiveSwap, FstabSwap, SwapFacts, fstab_swaps, read
from nodefix.files import write_atomic
from nodefix.host import Host
from nodefix.plan import Change, Plan

__all__ = ["DEADLINE", "NAME", "apply", "plan", "read"]

NAME = "swap"
# Seconds. Moving swapped-out pages back can take a while on slow disks.
DEADLINE = 90.0

BACKUPS = "/var/lib/nodefix/backup"
MARK = b"# nodefix: swap is off for kubelet: "

_SWAPOFF_SECONDS = 60.0


class TurnOff(NamedTuple):
    """Switch one active swap off."""

    swap: ActiveSwap


class CommentOut(NamedTuple):
    """Make fstab entries comments."""

    entries: tuple[FstabSwap, ...]


def plan(facts: SwapFacts, config: Config) -> Plan:
    """Every active swap is turned off, every fstab entry for one made a comment."""
    if facts.container:
        return Plan(skipped="this is a container: /proc/swaps is the host's")
    active = tuple(
        Change(
            target=f"swap {swap.device}",
            found=f"on ({swap.used} KiB in use)",
            wanted="off",
            hint=f"swapoff {swap.device}",
            action=TurnOff(swap),
        )
        for swap in facts.active
    )
    # The file first: if nothing else works the next boot comes up without swap.
    return Plan(_fstab_change(facts.fstab) + active)


def _fstab_change(entries: tuple[FstabSwap, ...]) -> tuple[Change, ...]:
    if not entries:
        return ()
    shown = ", ".join(f"`{_shown(entry.line)}` (line {entry.number})" for entry in entries)
    return (
        Change(
            target=FSTAB,
            found=f"swap on at each boot by {shown}",
            wanted="these entries as comments",
            hint=_by_hand(entries),
            action=CommentOut(entries),
        ),
    )


def _by_hand(entries: tuple[FstabSwap, ...]) -> str:
    expressions = " ".join(f"-e '{entry.number}s/^/# /'" for entry in entries)
    return f"sed -i {expressions} {FSTAB}"


def apply(change: Change, host: Host) -> None:
    """Make one of plan's changes.

    Raises:
        NodefixError: it could not be made.
    """
    match change.action:
        case CommentOut(entries):
            _comment_out(entries, host)
        case TurnOff(swap):
            _turn_off(swap, host)


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
            f"{FSTAB}: cannot be written: {error.strerror}; its swap is back at the next boot",
            _by_hand(entries),
        ) from error
    # systemd made units of the entries at boot; without this it could start them again.
    host.systemd.reload()


def _back_up(content: bytes, folder: Path) -> Path:
    """Keep a copy under a name of its own; a copy that is there is never written again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    base = time.strftime("fstab-%Y%m%dT%H%M%SZ", time.gmtime())
    number = 0
    while (path := folder / (f"{base}.{number}" if number else base)).exists():
        if path.read_bytes() == content:
            return path
        number += 1
    write_atomic(path, content, mode=0o600)
    return path


def _turn_off(swap: ActiveSwap, host: Host) -> None:
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


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").strip()
