"""nodefix/host/bus.py: hearing the records of a run that is going on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fakebus import Bus, Connection

from nodefix.errors import BusError
from nodefix.host import bus as system_bus
from nodefix.host.systemd import Systemd

pytest.importorskip("pydbus")


class Hearing(Connection):
    """A connection on which signals come from root as `:1.0` and from another as `:1.1000`."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Callable[..., None] = lambda: None
        self.subscribed: tuple[Any, ...] = ()

    def signal_subscribe(self, *what: Any) -> None:
        """Remember it."""
        self.subscribed, self.heard = what[:-1], what[-1]

    def call_sync(self, name: str, *what: Any) -> Any:
        """Tell whose a connection is; one that is gone is nobody's."""
        from types import SimpleNamespace

        path, interface, method, arguments = what[:4]
        assert (name, path) == ("org.freedesktop.DBus", "/org/freedesktop/DBus")
        assert (interface, method) == ("org.freedesktop.DBus", "GetConnectionUnixUser")
        (sender,) = arguments.unpack()
        self.calls.append((path, method, (sender,)))
        if sender == ":1.9":
            raise RuntimeError("GDBus.Error:org.freedesktop.DBus.Error.NameHasNoOwner: gone")
        return SimpleNamespace(unpack=lambda: (int(sender[3:]),))

    def send(self, sender: str, signature: str, content: Any) -> None:
        """Let a signal come, from the main loop."""
        from gi.repository import GLib
        from pydbus import Variant

        path, interface, name = "/org/nodefix1/Agent", "org.nodefix1.Agent", "Record"
        parameters = Variant(signature, content)
        GLib.idle_add(lambda: self.heard(self, sender, path, interface, name, parameters))


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> Hearing:
    connection = Hearing()
    monkeypatch.setattr(system_bus, "_connect", lambda: Bus(connection))
    return connection


def test_roots_records_are_heard_and_nobody_elses(hearing: Hearing) -> None:
    heard: list[str] = []
    hear = Systemd().records(lambda fields: heard.append(fields["MESSAGE"]))
    assert hearing.subscribed == (
        *(None, "org.nodefix1.Agent", "Record", "/org/nodefix1/Agent", None, 0),
    )
    for sender in (":1.0", ":1.1000", ":1.9", ":1.0"):
        hearing.send(sender, "(a{ss})", ({"MESSAGE": sender},))
    # Of another shape.
    hearing.send(":1.0", "(s)", ("x",))
    hearing.send(":1.0", "()", ())
    begun = time.monotonic()
    hear(0.05)
    assert 0.04 < time.monotonic() - begun < 1
    assert heard == [":1.0", ":1.0"]
    # Each sender is asked about once.
    assert len(hearing.calls) == 3


def test_nothing_to_hear_ends_in_time(hearing: Hearing) -> None:
    hear = Systemd().records(lambda fields: None)
    begun = time.monotonic()
    hear(0.05)
    hear(0.0)
    assert time.monotonic() - begun < 1


def test_a_bus_that_takes_no_subscription(
    hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("The connection is closed")

    monkeypatch.setattr(hearing, "signal_subscribe", refuse)
    with pytest.raises(BusError, match="could not be subscribed to: The connection is closed"):
        Systemd().records(lambda fields: None)


def test_without_a_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise FileNotFoundError("no socket")

    monkeypatch.setattr(system_bus, "_connect", refuse)
    with pytest.raises(BusError, match="no socket"):
        Systemd().records(lambda fields: None)
