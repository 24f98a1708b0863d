"""nodefix/host/journald.py: reading the journal."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.host import journald

reader = pytest.importorskip("systemd.journal")

BOOT = "0123456789abcdef0123456789abcdef"
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeReader:
    """A journal with two entries."""

    def __init__(self) -> None:
        self.matches: list[str] = []
        self.found: Iterator[dict[str, object]] = iter(
            [
                {
                    "__REALTIME_TIMESTAMP": TIME,
                    "_BOOT_ID": uuid.UUID(BOOT),
                    "MESSAGE": b"\x1b[2J\xff",
                    "PRIORITY": 6,
                    "__MONOTONIC_TIMESTAMP": reader.Monotonic(
                        (timedelta(seconds=90), uuid.UUID(BOOT))
                    ),
                },
                {"MESSAGE": "older"},
            ]
        )
        FakeReader.last = self

    last: FakeReader

    def add_match(self, match: str) -> None:
        self.matches.append(match)

    def seek_tail(self) -> None:
        pass

    def seek_head(self) -> None:
        self.found = reversed([*self.found])

    def get_next(self) -> dict[str, object]:
        return self.get_previous()

    def get_previous(self) -> dict[str, object]:
        return next(self.found, {})


def test_entries_newest_first_and_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    first, second = journald.entries(["A=1", "B=2"])
    assert FakeReader.last.matches == ["A=1", "B=2"]
    assert (first.time, first.boot_id) == (TIME.timestamp(), BOOT)
    assert first.fields["MESSAGE"] == "\\x1b[2J\\xff"
    assert first.fields["PRIORITY"] == "6"
    assert (first.monotonic, second.monotonic) == (90.0, 0.0)
    assert (second.time, second.fields["MESSAGE"]) == (0.0, "older")


def test_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    first, second = journald.entries([], oldest_first=True)
    assert (first.fields["MESSAGE"], second.monotonic) == ("older", 90.0)


def test_no_more_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    assert len(list(journald.entries([], most=1))) == 1


def test_journal_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(74, "Bad message")

    monkeypatch.setattr(reader, "Reader", fail)
    with pytest.raises(UnclearError, match=r"the journal cannot be read: .*Bad message"):
        list(journald.entries([]))


def test_only_the_fields_that_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    first, second = journald.entries([], fields=("PRIORITY", "MISSING"))
    assert (first.fields, second.fields) == ({"PRIORITY": "6"}, {})
    assert first.boot_id == BOOT


def test_no_longer_than_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    assert list(journald.entries([], seconds=-1)) == []


MACHINE = "fedcba9876543210fedcba9876543210"


def test_where_the_journal_is(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    assert journald.storage(node.root) == (False, None)
    node.file("/etc/machine-id", f"{MACHINE}\n")
    assert journald.storage(node.root) == (False, None)
    node.file(f"/run/log/journal/{MACHINE}/system.journal")
    assert journald.storage(node.root) == (False, True)
    node.file(f"/var/log/journal/{MACHINE}/user-1000.journal")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert journald.storage(node.root) == (True, False)


def test_journal_of_another_machine_does_not_count(node: Node) -> None:
    node.file("/etc/machine-id", f"{MACHINE}\n")
    node.file("/var/log/journal/another/system.journal")
    assert journald.storage(node.root) == (False, None)
