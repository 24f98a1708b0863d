"""nodefix/host/journald.py: reading the journal."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

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

    def get_previous(self) -> dict[str, object]:
        return next(self.found, {})


def test_entries_newest_first_and_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    first, second = journald.entries(["A=1", "B=2"])
    assert FakeReader.last.matches == ["A=1", "B=2"]
    assert (first.time, first.boot_id) == (TIME.timestamp(), BOOT)
    assert first.fields["MESSAGE"] == "\\x1b[2J\\xff"
    assert first.fields["PRIORITY"] == "6"
    assert (second.time, second.fields["MESSAGE"]) == (0.0, "older")


def test_no_more_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Reader", FakeReader)
    assert len(list(journald.entries([], most=1))) == 1


def test_journal_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(74, "Bad message")

    monkeypatch.setattr(reader, "Reader", fail)
    with pytest.raises(UnclearError, match=r"the journal cannot be read: .*Bad message"):
        list(journald.entries([]))
