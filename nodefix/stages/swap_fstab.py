"""Swap entries of /etc/fstab are commented out: the one file of the admin's that nodefix edits."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import NamedTuple

from nodefix.errors import BusError, NodefixError
from nodefix.facts.fstab import FSTAB, FstabSwap, fstab_swaps
from nodefix.facts.remedies import way_to_write
from nodefix.host.backups import keep
from nodefix.host.node import Host
from nodefix.host.writing import write_atomic
from nodefix.plan import Change, Undo
from nodefix.shape import Json
from nodefix.text import shortened
from nodefix.undo import text
from nodefix.words import BACKUPS, STATE

_BACKUPS = f"/{BACKUPS}"
_STATE = f"/{STATE}"
MARK = b"# nodefix: swap is off for kubelet: "

# The same by hand, for all entries: hundreds of their numbers would make no line to type.
_BY_HAND = (
    r"LC_ALL=C sed -i -E '/noauto/!s/^\s*[^#[:space:]]\S*\s+\S+\s+swap(\s|$)/# &/'"
    f" {FSTAB} && systemctl daemon-reload"
)
# Entries that are named; what there is of them is told by a number.
_MOST = 5
# Characters of one.
_LINE = 120

_FULL = (errno.ENOSPC, errno.EDQUOT)


class CommentOut(NamedTuple):
    """Comment fstab entries out."""

    entries: tuple[FstabSwap, ...]


def fstab_change(entries: tuple[FstabSwap, ...]) -> tuple[Change, ...]:
    """The change that comments the entries out; none where there are none."""
    if not entries:
        return ()
    shown = some_of([f"`{_shown(entry.line)}` (line {entry.number})" for entry in entries])
    return (
        Change(
            target=FSTAB,
            found=f"swap at each boot by {shown}",
            wanted="these entries commented out",
            hint=_BY_HAND,
            action=CommentOut(entries),
            undo=Undo("fstab", _lines(entries), _lines(entries, MARK)),
            code="swap-fstab",
        ),
    )


def _lines(entries: tuple[FstabSwap, ...], mark: bytes = b"") -> dict[str, Json]:
    """Each line, without its end, by its number."""
    return {str(entry.number): text(mark + entry.line) for entry in entries}


def comment_out(entries: tuple[FstabSwap, ...], host: Host) -> None:
    """Comment entries out; every other byte of the file stays, and a copy of it is kept.

    Raises:
        NodefixError: says which step failed and what was done before it.
    """
    before = _read(host)
    if not set(entries) <= set(fstab_swaps(before)):
        raise NodefixError(
            f"{FSTAB} was changed by another program in the meantime and is left unchanged",
            f"stat {FSTAB}",
        )
    _back_up(before, host)
    lines = before.split(b"\n")
    for entry in entries:
        lines[entry.number - 1] = MARK + entry.line
    try:
        write_atomic(host.path(FSTAB), b"\n".join(lines))
    except OSError as error:
        raise NodefixError(
            f"{FSTAB} cannot be written: {error.strerror};"
            " until then this swap is on again after each boot",
            way_to_write(FSTAB, error),
        ) from error
    try:
        # systemd made units of the entries at boot; without this it could start them again.
        host.systemd.reload()
    except BusError as error:
        raise NodefixError(
            "the entries are commented out, but systemd has not reloaded its units:"
            f" {error.message}",
            "systemctl daemon-reload",
        ) from error


def some_of(things: Sequence[str]) -> str:
    """The first of many things, and how many more there are."""
    more = len(things) - _MOST
    return ", ".join(things[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _read(host: Host) -> bytes:
    try:
        return host.read(FSTAB)
    except OSError as error:
        raise NodefixError(
            f"{FSTAB} cannot be read: {error.strerror}", f"ls -lZ {FSTAB}"
        ) from error


def _back_up(content: bytes, host: Host) -> None:
    try:
        keep(content, host.path(_BACKUPS), "fstab")
    except OSError as error:
        folder = "/var/lib"
        raise NodefixError(
            f"{FSTAB} is left unchanged, because no copy of it can be kept in {_BACKUPS}:"
            f" {error.strerror}",
            f"df -h {folder}; df -i {folder}"
            if error.errno in _FULL
            else f"ls -ldZ {_STATE} {_BACKUPS}; findmnt -T {folder}",
        ) from error


def _shown(line: bytes) -> str:
    return shortened(line.decode("utf-8", "backslashreplace").strip(), _LINE)
