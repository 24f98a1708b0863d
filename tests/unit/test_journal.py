"""nodefix/journal.py: records for journald, for the bus and for people; and their catalogue."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakehost import FakeSystemd

from nodefix import events
from nodefix.errors import LIMITS, BusError
from nodefix.events import ERROR, INFO, NOTICE, WARNING, Record
from nodefix.journal import Journal

journald = pytest.importorskip("systemd._journal")

CATALOG = Path(__file__).resolve().parents[2] / "systemd/nodefix.catalog"
RECORD = Record("0" * 32, NOTICE, "swap: changed", {"NODEFIX_STAGE": "swap"})
IDS = {
    name: value
    for name, value in vars(events).items()
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value)
}


class Terminal(io.StringIO):
    """A stream that people watch."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def socket(tmp_path: Path) -> str:
    """journald's socket."""
    path = tmp_path / "socket"
    path.touch()
    return str(path)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What journald was sent."""
    entries: list[dict[str, str]] = []

    def sendv(*lines: bytes) -> None:
        entries.append(dict(line.decode().split("=", 1) for line in lines))

    monkeypatch.setattr(journald, "sendv", sendv)
    return entries


@pytest.fixture
def bus() -> FakeSystemd:
    return FakeSystemd()


def test_record_goes_everywhere(bus: FakeSystemd, socket: str, sent: list[Any]) -> None:
    stream = io.StringIO()
    Journal(bus, stream, {}, socket).send(RECORD)
    entry = {
        "MESSAGE": "swap: changed",
        "PRIORITY": "5",
        "MESSAGE_ID": "0" * 32,
        "SYSLOG_IDENTIFIER": "nodefix",
        "OBJECT_SYSTEMD_UNIT": "nodefix.service",
        "NODEFIX_STAGE": "swap",
    }
    assert sent == [entry]
    assert bus.emitted == [entry]
    assert stream.getvalue() == "swap: changed\n"


@pytest.mark.parametrize(
    ("priority", "colour"),
    [(ERROR, "\033[1;31m"), (WARNING, "\033[33m"), (NOTICE, "\033[32m"), (INFO, "")],
)
def test_colour_on_a_terminal(
    bus: FakeSystemd, socket: str, sent: list[Any], priority: int, colour: str
) -> None:
    stream = Terminal()
    Journal(bus, stream, {}, socket).send(RECORD._replace(priority=priority))
    assert stream.getvalue() == (f"{colour}swap: changed\033[0m\n" if colour else "swap: changed\n")


@pytest.mark.parametrize(("value", "colour"), [("1", False), ("0", False), ("", True)])
def test_no_color(bus: FakeSystemd, socket: str, sent: list[Any], value: str, colour: bool) -> None:
    stream = Terminal()
    Journal(bus, stream, {"NO_COLOR": value}, socket).send(RECORD)
    assert ("\033" in stream.getvalue()) == colour


def test_what_goes_to_the_journal_anyway_is_not_printed_as_well(
    bus: FakeSystemd, socket: str, sent: list[Any], tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        status = os.fstat(stream.fileno())
        mine = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        others = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"}
        Journal(bus, stream, mine, socket).send(RECORD)
        assert (tmp_path / "stderr").read_text() == ""
        Journal(bus, stream, others, socket).send(RECORD)
        assert (tmp_path / "stderr").read_text() == "swap: changed\n"
    assert len(sent) == 2


def test_no_journal_is_said_once_to_the_others(bus: FakeSystemd, tmp_path: Path) -> None:
    stream = io.StringIO()
    records = Journal(bus, stream, {}, str(tmp_path / "nothing"))
    records.send(RECORD)
    records.send(RECORD)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("no journal (")
    assert lines[1:] == ["swap: changed"] * 2
    assert [entry["MESSAGE_ID"] for entry in bus.emitted] == [
        events.NO_JOURNAL,
        *[RECORD.message_id] * 2,
    ]


def test_no_journal_prints_even_where_stderr_would_be_the_journal(
    bus: FakeSystemd, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        Journal(bus, stream, environ, str(tmp_path / "nothing")).send(RECORD)
    assert "swap: changed" in (tmp_path / "stderr").read_text()


def test_no_bus_is_said_once_to_the_others(
    bus: FakeSystemd, socket: str, sent: list[dict[str, str]]
) -> None:
    bus.failing["emit"] = BusError("connecting failed: it is not there", "mend the bus")
    stream = io.StringIO()
    records = Journal(bus, stream, {}, socket)
    for _ in range(3):
        records.send(RECORD)
    assert [entry["MESSAGE_ID"] for entry in sent] == [
        RECORD.message_id,
        events.NO_BUS,
        *[RECORD.message_id] * 2,
    ]
    assert sent[1]["PRIORITY"] == str(WARNING)
    assert sent[1]["NODEFIX_HINT"] == "mend the bus"
    said = (
        "no signals over D-Bus in this run: connecting failed: it is not there; fix: mend the bus"
    )
    assert stream.getvalue().count(said) == 1


def test_a_bus_that_gives_no_name_is_said_once(
    bus: FakeSystemd, socket: str, sent: list[dict[str, str]]
) -> None:
    bus.nameless = BusError("it was refused", "mend the policy")
    records = Journal(bus, io.StringIO(), {}, socket)
    records.send(RECORD)
    records.send(RECORD)
    said = [RECORD.message_id, events.NO_NAME, RECORD.message_id]
    assert [entry["MESSAGE_ID"] for entry in sent] == said
    assert [entry["MESSAGE_ID"] for entry in bus.emitted] == said
    expected = "signals over D-Bus are not org.nodefix1's: it was refused; fix: mend the policy"
    assert sent[1]["MESSAGE"] == expected


def test_neither_bus_nor_journal(bus: FakeSystemd, tmp_path: Path) -> None:
    bus.failing["emit"] = BusError("no bus")
    stream = io.StringIO()
    Journal(bus, stream, {}, str(tmp_path / "nothing")).send(RECORD)
    assert stream.getvalue().splitlines()[-1] == "swap: changed"
    assert len(stream.getvalue().splitlines()) == 3


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ECONNREFUSED, "systemctl restart systemd-journald"),
        (errno.EMFILE, LIMITS[errno.EMFILE]),
    ],
)
def test_journal_that_refuses_does_not_end_the_run(
    bus: FakeSystemd, socket: str, monkeypatch: pytest.MonkeyPatch, number: int, fix: str
) -> None:
    def refuse(*_: str, **__: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(journald, "sendv", refuse)
    stream = io.StringIO()
    records = Journal(bus, stream, {}, socket)
    records.send(RECORD)
    records.send(RECORD)
    assert stream.getvalue().count("swap: changed") == 2
    assert stream.getvalue().count(f"no journal ({os.strerror(number)})") == 1
    assert f"; fix: {fix}\n" in stream.getvalue()
    assert [entry["MESSAGE_ID"] for entry in bus.emitted].count(events.NO_JOURNAL) == 1


def test_stderr_is_used_again_once_the_journal_refuses(
    bus: FakeSystemd, socket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: str, **__: str) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(journald, "sendv", refuse)
    with (tmp_path / "stderr").open("w+") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        Journal(bus, stream, environ, socket).send(RECORD)
    assert "swap: changed" in (tmp_path / "stderr").read_text()


def test_names_that_are_not_utf8_are_shown_with_escapes(
    bus: FakeSystemd, socket: str, sent: list[dict[str, str]]
) -> None:
    stream = io.StringIO()
    name = os.fsdecode(b"/swap\xff")
    fields = {"NODEFIX_HINT": f"swapoff {name}"}
    Journal(bus, stream, {}, socket).send(RECORD._replace(message=name, fields=fields))
    assert (sent[0]["MESSAGE"], sent[0]["NODEFIX_HINT"]) == ("/swap\\xff", "swapoff /swap\\xff")
    assert bus.emitted == sent
    assert stream.getvalue() == "/swap\\xff\n"


def test_terminal_that_goes_away_does_not_end_the_run(
    bus: FakeSystemd, socket: str, sent: list[Any]
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    records = Journal(bus, Closed(), {}, socket)
    records.send(RECORD)
    records.send(RECORD)
    assert len(sent) == 2


def catalogue() -> Iterator[tuple[str, str]]:
    """Each entry's id and text."""
    for entry in re.split(r"^-- ", CATALOG.read_text(), flags=re.M)[1:]:
        head, _, text = entry.partition("\n")
        yield head.strip(), text


def test_ids_are_unique_and_thirteen_kinds_are_known() -> None:
    assert len(set(IDS.values())) == len(IDS) > 10


def test_catalogue_explains_exactly_these_ids() -> None:
    assert sorted(message_id for message_id, _ in catalogue()) == sorted(IDS.values())


@pytest.mark.parametrize(("message_id", "text"), list(catalogue()))
def test_catalogue_entry_has_subject_and_text(message_id: str, text: str) -> None:
    head, _, body = text.partition("\n\n")
    assert re.search(r"^Subject: \S", head, re.M)
    assert "Defined-By: nodefix" in head
    assert len(body.strip()) > 40
    fields = set(re.findall(r"@(\w+)@", text))
    assert fields <= {
        "NODEFIX_STAGE",
        "NODEFIX_OUTCOME",
        "NODEFIX_CHANGES",
        "NODEFIX_DURATION_USEC",
        "NODEFIX_HINT",
        "NODEFIX_CODE",
        "NODEFIX_MEANING",
    }
