"""What the journal has of this boot, and what systemd knows of its beginning."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.host.journald import Entry, entries
from nodefix.host.systemd import Systemd
from nodefix.host.units import BootTimes
from nodefix.picture.tries import IDS, UNIT_STARTING
from nodefix.text import one_line
from nodefix.words import KUBELET_UNITS, UNIT

# Records of one kind that are read: so many of the beginning of the boot, so many of its end.
_FIRST, _LAST = 3000, 20_000
_SECONDS = 6.0
# Units that are asked for what they are ordered after, and seconds for that.
_MOST_UNITS, _ASKING_SECONDS = 400, 5.0

_FIELDS = (
    *("MESSAGE", "MESSAGE_ID", "PRIORITY", "UNIT", "INVOCATION_ID"),
    *("COMMAND", "EXIT_CODE", "EXIT_STATUS"),
    *("_PID", "_SYSTEMD_UNIT", "_SYSTEMD_INVOCATION_ID"),
    *("NODEFIX_STAGE", "NODEFIX_OUTCOME", "NODEFIX_DURATION_USEC"),
)


class Material(NamedTuple):
    """What a picture is made from; all entries oldest first.

    Attributes:
        now: by the monotonic clock, in seconds, as all times here.
        wall: the same moment in seconds since 1970.
        times: when the parts of the boot began; None where systemd did not tell.
        first: the oldest entry of the boot that the journal has; None where there is none.
        own: what nodefix said, also in other units.
        units: what systemd said of nodefix's unit and of those with a kubelet.
        before: what it said of all units until nodefix began.
        waited: the units that nodefix.service is ordered after, and those that these are ordered
            after; None where systemd did not tell.
        missing: what could not be read, and why.
    """

    now: float
    wall: float
    times: BootTimes | None = None
    first: Entry | None = None
    own: tuple[Entry, ...] = ()
    units: tuple[Entry, ...] = ()
    before: tuple[Entry, ...] = ()
    waited: frozenset[str] | None = None
    missing: tuple[str, ...] = ()


def read(systemd: Systemd, boot_id: str) -> Material:
    """Read all of it; changes nothing, and takes half a minute at the most.

    Raises:
        UnclearError: the journal cannot be read at all.
    """
    now, wall = time.monotonic(), time.time()
    boot = f"_BOOT_ID={boot_id}"
    manager = (boot, "_PID=1", *(f"MESSAGE_ID={one}" for one in IDS))
    ours = tuple(f"UNIT={unit}" for unit in (UNIT, *KUBELET_UNITS))
    own, own_gap = _both_ends((boot, "_UID=0", "SYSLOG_IDENTIFIER=nodefix"))
    units, units_gap = _both_ends((*manager, *ours))
    times, waited, unread = _asked(systemd)
    return Material(
        now,
        wall,
        times,
        next(entries((boot,), 1, ("_PID",), oldest_first=True), None),
        own,
        units,
        tuple(_before(manager)),
        waited,
        tuple(filter(None, (own_gap, units_gap, unread))),
    )


def _both_ends(matches: Sequence[str]) -> tuple[tuple[Entry, ...], str]:
    """The first and the last entries that match, and what is missing between them."""
    first = tuple(entries(matches, _FIRST, _FIELDS, _SECONDS, oldest_first=True))
    if len(first) < _FIRST:
        return first, ""
    last: list[Entry] = []
    for entry in entries(matches, _LAST, _FIELDS, _SECONDS):
        if entry.monotonic <= first[-1].monotonic:
            return (*first, *last[::-1]), ""
        last.append(entry)
    gap = f"of more than {len(first) + len(last)} records those in the middle are left out"
    return (*first, *last[::-1]), gap


def _before(matches: Sequence[str]) -> Iterator[Entry]:
    """What systemd said of all units until it began with nodefix."""
    for entry in entries(matches, _FIRST, _FIELDS, _SECONDS, oldest_first=True):
        if entry.fields.get("UNIT") == UNIT and entry.fields["MESSAGE_ID"] == UNIT_STARTING:
            return
        yield entry


def _asked(systemd: Systemd) -> tuple[BootTimes | None, frozenset[str] | None, str]:
    """What systemd tells of the boot, and why it does not."""
    systemd.deadline = Deadline("asking systemd", _ASKING_SECONDS)
    times = None
    try:
        times = systemd.boot_times()
        return times, _waited(systemd), ""
    except NodefixError as error:
        return times, None, one_line(f"systemd could not be asked: {error.message}")
    finally:
        systemd.deadline = None


def _waited(systemd: Systemd) -> frozenset[str]:
    """All that nodefix.service is ordered after, directly or not."""
    known, queue = {UNIT}, [UNIT]
    while queue and len(known) < _MOST_UNITS:
        new = [name for name in systemd.after(queue.pop()) if name not in known]
        known.update(new)
        queue += new
    return frozenset(known - {UNIT})
