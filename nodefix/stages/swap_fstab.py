"""Swap entries of /etc/fstab become comments: the one file of the admin's that nodefix edits."""

from __future__ import annotations

import errno

from nodefix.errors import BusError, NodefixError
from nodefix.facts.fstab import FSTAB, FstabSwap, fstab_swaps
from nodefix.host.backups import keep
from nodefix.host.node import Host
from nodefix.host.writing import write_atomic
from nodefix.words import BACKUPS, STATE

_BACKUPS = f"/{BACKUPS}"
_STATE = f"/{STATE}"
MARK = b"# nodefix: swap is off for kubelet: "

_AGAIN = "systemctl restart nodefix"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def comment_out(entries: tuple[FstabSwap, ...], host: Host) -> None:
    """Make entries comments; every other byte of the file stays, and a copy of it is kept.

    Raises:
        NodefixError: says which step failed and what was done before it.
    """
    before = _read(host)
    if not set(entries) <= set(fstab_swaps(before)):
        raise NodefixError(
            f"{FSTAB} was changed by somebody else meanwhile and is left alone", f"stat {FSTAB}"
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
            " until it is, this swap is back at each boot",
            _way_to_write(error),
        ) from error
    try:
        # systemd made units of the entries at boot; without this it could start them again.
        host.systemd.reload()
    except BusError as error:
        raise NodefixError(
            f"the entries are comments now, but systemd does not know it yet: {error.message}",
            "systemctl daemon-reload",
        ) from error


def by_hand(entries: tuple[FstabSwap, ...]) -> str:
    """The command that does the same."""
    expressions = " ".join(f"-e '{entry.number}s/^/# /'" for entry in entries)
    return f"sed -i {expressions} {FSTAB}"


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
            f"{FSTAB} was not touched, because no copy of it could be kept in {_BACKUPS}:"
            f" {error.strerror}",
            f"df -h {folder}; df -i {folder}"
            if error.errno in _FULL
            else f"ls -ldZ {_STATE} {_BACKUPS}; findmnt -T {folder}",
        ) from error


def _way_to_write(error: OSError) -> str:
    if error.errno == errno.EPERM:
        return f"lsattr {FSTAB}; chattr -i {FSTAB} && {_AGAIN}"
    if error.errno == errno.EROFS:
        return f'mount -o remount,rw "$(findmnt -n -o TARGET -T {FSTAB})" && {_AGAIN}'
    if error.errno in _FULL:
        return "df -h /etc; df -i /etc"
    return f"ls -lZ {FSTAB}; findmnt -T {FSTAB}"
