"""nodefix/picture/reading.py: what is read of the journal and of systemd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from nodefix.errors import BusError
from nodefix.host.journald import Entry
from nodefix.host.systemd import Systemd
from nodefix.host.units import BootTimes
from nodefix.picture import reading
from nodefix.picture.tries import UNIT_STARTED, UNIT_STARTING
from nodefix.words import UNIT

TIMES = BootTimes(True, 1.0, 2.0)
AFTER = {UNIT: ("sysinit.target", "dbus.socket"), "sysinit.target": ("a.service", UNIT)}


class Manager(Systemd):
    """Knows what three units are ordered after."""

    def boot_times(self) -> BootTimes:
        """When the boot began."""
        return TIMES

    def after(self, name: str) -> tuple[str, ...]:
        """From the table."""
        return AFTER.get(name, ())


class Broken(Systemd):
    """Does not answer."""

    def boot_times(self) -> BootTimes:
        """Never."""
        raise BusError("no bus")


class Journal:
    """Answers by what is asked for, and remembers that."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = entries
        self.asked: list[tuple[str, ...]] = []

    def read(
        self,
        matches: Sequence[str],
        most: int,
        fields: Sequence[str] = (),
        seconds: float = 0.0,
        oldest_first: bool = False,
    ) -> Iterator[Entry]:
        """The first ones or the last ones, as nodefix.host.journald.entries() does."""
        self.asked.append(tuple(matches))
        found = self.entries if oldest_first else self.entries[::-1]
        yield from found[:most]


def entries(count: int, unit: str = "a.service", kind: str = UNIT_STARTED) -> list[Entry]:
    fields = {"UNIT": unit, "MESSAGE_ID": kind}
    return [Entry(0.0, "b", fields, float(number)) for number in range(count)]


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few records are many."""
    monkeypatch.setattr(reading, "_FIRST", 3)
    monkeypatch.setattr(reading, "_LAST", 5)


def read(
    monkeypatch: pytest.MonkeyPatch, *found: Entry, systemd: Systemd | None = None
) -> tuple[reading.Material, Journal]:
    journal = Journal(*found)
    monkeypatch.setattr(reading, "entries", journal.read)
    return reading.read(systemd or Manager(), "b"), journal


@pytest.mark.parametrize(
    ("count", "kept", "missing"),
    [(0, [], 0), (2, [0, 1], 0), (7, list(range(7)), 0), (9, [0, 1, 2, 4, 5, 6, 7, 8], 2)],
)
def test_of_too_many_records_both_ends_are_kept(
    monkeypatch: pytest.MonkeyPatch, count: int, kept: list[int], missing: int
) -> None:
    found, _ = read(monkeypatch, *entries(count))
    assert [one.monotonic for one in found.own] == kept
    assert [one.monotonic for one in found.units] == kept
    assert len(found.missing) == missing
    for note in found.missing:
        assert note == "of more than 8 records those in the middle are left out"
    assert (found.first is None) == (count == 0)


def test_only_this_boot_and_only_root_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found, journal = read(monkeypatch)
    assert all("_BOOT_ID=b" in matches for matches in journal.asked)
    assert journal.asked[0] == ("_BOOT_ID=b", "_UID=0", "SYSLOG_IDENTIFIER=nodefix")
    assert {"_PID=1", f"UNIT={UNIT}", "UNIT=kubelet.service"} <= set(journal.asked[1])
    assert (found.times, found.waited) == (
        TIMES,
        {"sysinit.target", "dbus.socket", "a.service"},
    )


def test_before_nodefix_ends_where_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = read(monkeypatch, *entries(2), *entries(1, UNIT, UNIT_STARTING), *entries(1))
    assert [one.fields["UNIT"] for one in found.before] == ["a.service"] * 2


def test_without_a_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = read(monkeypatch, systemd=Broken())
    assert (found.times, found.waited) == (None, None)
    assert found.missing == ("systemd could not be asked: no bus",)


def test_all_that_is_ordered_before_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_UNITS", 50)

    class Endless(Manager):
        def after(self, name: str) -> tuple[str, ...]:
            return (f"{name}x",)

    found, _ = read(monkeypatch, systemd=Endless())
    assert found.waited is not None and len(found.waited) == 49
