"""nodefix/commands/history.py: a line a boot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest
from commandline import status
from test_history import FINE, SWAP, WRONG, A, B, journal, run

from nodefix.commands import history
from nodefix.errors import UnclearError
from nodefix.host.journald import Entry, Storage

Entries = list[Entry]


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> Entries:
    """What the journal holds, which is kept on disk."""
    held: Entries = []

    def read(
        matches: Sequence[str], most: int, fields: Sequence[str], seconds: float
    ) -> Iterator[Entry]:
        assert "_UID=0" in matches
        return iter(held)

    monkeypatch.setattr(history, "entries", read)
    monkeypatch.setattr(history, "storage", lambda root: Storage(True, True))
    return held


def test_a_line_a_boot(entries: Entries, capsys: pytest.CaptureFixture[str]) -> None:
    entries += journal((A, run(SWAP)), (B, run(WRONG, outcome="failed", usec=1_250_000)))
    assert status("history") == 0
    assert capsys.readouterr().out == (
        "1970-01-01T00:00:00Z  ready           8.10 s  repaired swap: swap /dev/zram0\n"
        "1970-01-01T00:00:03Z  failed          1.25 s  modules: xt_mark: absent\n"
    )


def test_no_more_boots_than_asked_for(entries: Entries, capsys: pytest.CaptureFixture[str]) -> None:
    entries += journal((A, run(SWAP)), (B, run(FINE) * 2))
    assert status("history", "-n", "1") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("8.10 s (2 runs)  nothing to repair")


def test_what_comes_back_is_said_in_words(
    entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    entries += journal((A, run(SWAP)), (B, run(SWAP)))
    assert status("history") == 0
    out = capsys.readouterr().out
    assert "\nswap was repaired at each of the last 2 boots: something brings it back" in out
    assert "\n  find it: systemctl list-units" in out


def test_json(entries: Entries, capsys: pytest.CaptureFixture[str]) -> None:
    entries += journal((A, run(SWAP)), (B, run(SWAP)))
    assert status("history", "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["journal_lasts"] is True
    assert data["boots"][0] == {
        "boot_id": A,
        "started": "1970-01-01T00:00:00Z",
        "outcome": "ready",
        "runs": 1,
        "duration_usec": 8_100_000,
        "changes": [{"stage": "swap", "target": "swap /dev/zram0", "found": "on", "wanted": "off"}],
        "problem": "",
    }
    assert data["again"][0]["boots"] == 2


def test_journal_that_does_not_last(
    entries: Entries, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries += journal((A, run(FINE)))
    monkeypatch.setattr(history, "storage", lambda root: Storage(False, True))
    assert status("history") == 0
    out = capsys.readouterr().out
    assert "only this boot is known; to keep it: mkdir -p /var/log/journal && journalctl" in out


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_nothing_is_known(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("history", "--format", form) == 1
    assert capsys.readouterr().out


def test_ordinary_user_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(history, "storage", lambda root: Storage(True, False))
    assert status("history", "-n", "3") == 1
    assert "try: sudo nodefix history -n 3" in capsys.readouterr().err


def test_journal_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> Iterator[Entry]:
        raise UnclearError("the journal cannot be read: Bad message", "journalctl --verify")

    monkeypatch.setattr(history, "entries", fail)
    assert status("history") == 1
    assert "try: journalctl --verify" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "1001", "many", "9" * 5000])
def test_usage(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("history", "-n", count) == 64
    assert "expected a number from 1 to 1000" in capsys.readouterr().err
