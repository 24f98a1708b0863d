"""Reading the journal, newest entries first or oldest first, within bounds."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.host.image import for_this_node
from nodefix.text import bounded

# Entries that are looked at, and characters of a field.
MOST, _FIELD = 100_000, 16 << 10


# What is told to whom storage() says that they may not.
MAY_NOT_READ = "this user may not read the system's journal"


class Entry(NamedTuple):
    """One entry.

    Attributes:
        time: when journald took it, in seconds since 1970.
        boot_id: 32 hexadecimal digits.
        fields: the others, as text; what cannot be shown on a terminal is escaped.
        monotonic: the same time by the clock that nobody sets, in seconds.
    """

    time: float
    boot_id: str
    fields: Mapping[str, str]
    monotonic: float = 0.0


class Storage(NamedTuple):
    """Where this machine's journal is.

    Attributes:
        lasts: whether there is one on disk, which outlives a boot.
        readable: whether this user may read the system's; None where there is none to be seen.
    """

    lasts: bool
    readable: bool | None


def storage(root: Path) -> Storage:
    """Look for the journal's files. Source: systemd-journald.service(8), FILES."""
    try:
        machine = (root / "etc/machine-id").read_text("ascii").strip()
    except (OSError, ValueError):
        machine = ""
    found = [root / place / machine for place in ("var/log/journal", "run/log/journal")]
    there = [folder for folder in found if machine and _is_there(folder)]
    system = [folder / "system.journal" for folder in there]
    readable = any(os.access(file, os.R_OK) for file in system) if there else None
    return Storage(found[0] in there, readable)


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:
        return True


def entries(
    matches: Sequence[str],
    most: int = MOST,
    fields: Sequence[str] = (),
    seconds: float = float("inf"),
    oldest_first: bool = False,
) -> Iterator[Entry]:
    """The entries that match, newest first.

    Args:
        matches: `FIELD=value`; those of one field are alternatives, as in journalctl(1).
        most: how many at the most.
        fields: those that are wanted, which is quicker; all if empty.
        seconds: how long this may take; what comes later is left out.
        oldest_first: the other way round.

    Raises:
        UnclearError: the journal cannot be read at all. An ordinary user gets what they may see.
    """
    try:
        from systemd import journal

        reader = journal.Reader()
        for match in matches:
            reader.add_match(match)
        if oldest_first:
            reader.seek_head()
        else:
            reader.seek_tail()
        end = time.monotonic() + seconds
        for _ in range(most):
            found = reader.get_next() if oldest_first else reader.get_previous()
            if not found or time.monotonic() > end:
                return
            yield _entry(found, fields or found)
    except (ImportError, OSError, ValueError) as error:
        hint = for_this_node("journalctl --verify; dnf reinstall python3-systemd")
        raise UnclearError(f"the journal cannot be read: {bounded(str(error))}", hint) from error


def _entry(found: Mapping[str, object], fields: Iterable[str]) -> Entry:
    stamp = found.get("__REALTIME_TIMESTAMP")
    when = stamp.timestamp() if isinstance(stamp, datetime) else 0.0
    kept = {key: _text(found[key]) for key in fields if key in found}
    return Entry(when, _text(found.get("_BOOT_ID")), kept, _monotonic(found))


def _monotonic(found: Mapping[str, object]) -> float:
    # A journal.Monotonic: the time, and the boot that it counts from.
    stamp = getattr(found.get("__MONOTONIC_TIMESTAMP"), "timestamp", None)
    return stamp.total_seconds() if isinstance(stamp, timedelta) else 0.0


def _text(value: object) -> str:
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    return bounded(str(value), _FIELD)
