"""Reading the journal, newest entries first, within bounds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.text import bounded

# Entries that are looked at, and characters of a field.
MOST, _FIELD = 100_000, 16 << 10


class Entry(NamedTuple):
    """One entry.

    Attributes:
        time: when journald took it, in seconds since 1970.
        boot_id: 32 hexadecimal digits.
        fields: the others, as text; what cannot be shown on a terminal is escaped.
    """

    time: float
    boot_id: str
    fields: Mapping[str, str]


def entries(matches: Sequence[str], most: int = MOST) -> Iterator[Entry]:
    """The entries that match, newest first.

    Args:
        matches: `FIELD=value`; those of one field are alternatives, as in journalctl(1).
        most: how many at the most.

    Raises:
        UnclearError: the journal cannot be read at all. An ordinary user gets what they may see.
    """
    try:
        from systemd import journal

        reader = journal.Reader()
        for match in matches:
            reader.add_match(match)
        reader.seek_tail()
        for _ in range(most):
            found = reader.get_previous()
            if not found:
                return
            yield _entry(found)
    except (ImportError, OSError, ValueError) as error:
        hint = "journalctl --verify; dnf reinstall python3-systemd"
        raise UnclearError(f"the journal cannot be read: {bounded(str(error))}", hint) from error


def _entry(found: Mapping[str, object]) -> Entry:
    stamp = found.get("__REALTIME_TIMESTAMP")
    time = stamp.timestamp() if isinstance(stamp, datetime) else 0.0
    return Entry(time, _text(found.get("_BOOT_ID")), {key: _text(found[key]) for key in found})


def _text(value: object) -> str:
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    return bounded(str(value), _FIELD)
