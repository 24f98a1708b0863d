"""nodefix/host/bus.py: the name that nodefix sends its records under."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fakebus import BUS, Bus, Connection, refuse

from nodefix.host import bus as system_bus
from nodefix.host.systemd import Systemd

pytest.importorskip("pydbus")

IN_QUEUE, OWNER, ALREADY = 2, 1, 4


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Connection:
    connection = Connection()
    monkeypatch.setattr(system_bus, "_connect", lambda: Bus(connection))
    return connection


def give(bus: Connection, *answers: int) -> None:
    """Answer each request for the name with the next of these, and then with the last."""
    left: Iterator[int] = iter(answers)

    def answer(_given: tuple[Any, ...]) -> tuple[int]:
        return (next(left, answers[-1]),)

    bus.answers[BUS, "RequestName"] = answer


@pytest.mark.parametrize("answer", [OWNER, ALREADY])
def test_it_is_owned_before_the_first_record_by_one_call(bus: Connection, answer: int) -> None:
    give(bus, answer)
    manager = Systemd()
    assert bus.names == []
    manager.emit({})
    manager.emit({})
    # Nobody is replaced, and nobody may replace it.
    assert bus.names == [("org.nodefix1", 0)]
    assert manager.nameless is None
    assert len(bus.signals) == 2


def test_a_run_that_has_just_ended_is_waited_for(bus: Connection) -> None:
    give(bus, IN_QUEUE, IN_QUEUE, ALREADY)
    manager = Systemd()
    manager.emit({})
    assert len(bus.names) == 3
    assert manager.nameless is None


def test_who_gives_it_back_has_it_again_with_the_next_record(bus: Connection) -> None:
    manager = Systemd()
    manager.give_name_back()
    assert bus.names == []
    manager.emit({})
    manager.give_name_back()
    manager.give_name_back()
    assert bus.names == [("org.nodefix1", 0), ("org.nodefix1",)]
    manager.emit({})
    assert bus.names[2:] == [("org.nodefix1", 0)]
    bus.answers[BUS, "ReleaseName"] = refuse("Timeout was reached")
    manager.give_name_back()


def test_another_owner_is_not_waited_for_long(
    bus: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_bus, "_NAME_SECONDS", 0.1)
    give(bus, IN_QUEUE)
    manager, begun = Systemd(), time.monotonic()
    manager.emit({})
    assert 0.1 <= time.monotonic() - begun < 1
    assert manager.nameless
    assert "another process of root's has had org.nodefix1" in manager.nameless.message
    assert manager.nameless.hint == "busctl status org.nodefix1"
    assert len(bus.signals) == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("GDBus.Error:org.freedesktop.DBus.Error.AccessDenied: not allowed", "dnf reinstall "),
        ("Timeout was reached", "systemctl status dbus.socket"),
    ],
)
def test_a_bus_that_does_not_give_it_gets_the_records_all_the_same(
    bus: Connection, words: str, hint: str
) -> None:
    bus.answers[BUS, "RequestName"] = refuse(words)
    manager = Systemd()
    manager.emit({})
    manager.emit({})
    assert manager.nameless
    assert words in manager.nameless.message
    assert manager.nameless.hint.startswith(hint)
    assert len(bus.names) == 1
    assert len(bus.signals) == 2
