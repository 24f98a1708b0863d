"""nodefix/bus.py: the system bus, and what happens without it."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fakebus import MANAGER, Bus, Connection, Watched, refuse

from nodefix.errors import LIMITS, BusError, DeadlineError
from nodefix.host import bus as system_bus
from nodefix.host.systemd import Systemd

pytest.importorskip("pydbus")


def test_connects_once_and_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    connection, made = Connection(), list[int]()
    connection.answers[MANAGER, "Reload"] = lambda given: ()

    def connect() -> Bus:
        made.append(1)
        return Bus(connection)

    monkeypatch.setattr(system_bus, "_connect", connect)
    manager = Systemd()
    manager.flush()
    assert made == []
    manager.reload()
    manager.reload()
    assert made == [1]


def test_record_is_a_signal_with_its_fields(bus: Connection) -> None:
    Systemd().emit({"MESSAGE": "größe", "PRIORITY": "6"})
    ((destination, path, interface, name, arguments),) = bus.signals
    assert (destination, path) == (None, "/org/nodefix1/Agent")
    assert (interface, name) == ("org.nodefix1.Agent", "Record")
    assert arguments.get_type_string() == "(a{ss})"
    assert arguments.unpack() == ({"MESSAGE": "größe", "PRIORITY": "6"},)


def test_signal_that_the_bus_does_not_take(
    bus: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise RuntimeError("The connection is closed")

    monkeypatch.setattr(bus, "emit_signal", closed)
    with pytest.raises(
        BusError, match="the signal could not be sent over the system bus: The connection is closed"
    ):
        Systemd().emit({})


def test_no_bus_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def refuse_connection() -> Any:
        tries.append(1)
        raise FileNotFoundError("/run/dbus/system_bus_socket is not there")

    monkeypatch.setattr(system_bus, "_connect", refuse_connection)
    manager = Systemd()
    for ask in (manager.invocation_id, manager.swap_units, manager.reload):
        with pytest.raises(BusError, match="system_bus_socket is not there") as caught:
            ask()
        assert "systemctl status dbus" in caught.value.hint
    with pytest.raises(BusError):
        manager.emit({})
    assert tries == [1]
    manager.flush()


def test_connecting_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(system_bus, "_CONNECT_SECONDS", 0.05)
    monkeypatch.setattr(system_bus, "_connect", lambda: answer.wait(5))
    begun = time.monotonic()
    with pytest.raises(BusError, match=r"connecting to the system bus failed: no answer within"):
        Systemd().reload()
    assert time.monotonic() - begun < 1
    answer.set()


def test_flushing_that_hangs_is_given_up(bus: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_bus, "_FLUSH_SECONDS", 0.05)
    manager = Systemd()
    manager.emit({})
    bus.hang.set()
    begun = time.monotonic()
    manager.flush()
    assert time.monotonic() - begun < 0.8
    assert bus.flushed == 1


@pytest.mark.parametrize("count", [0, 2])
def test_signals_until_the_bus_goes_away(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    connection, seen = Watched(count), list[int]()
    bus = Bus(connection)
    bus.subscribe = lambda **what: connection.subscribed.update(what)  # type: ignore[attr-defined]
    monkeypatch.setattr(system_bus, "_connect", lambda: bus)
    with pytest.raises(BusError, match="the system bus went away"):
        Systemd().at_signal("org.x", "org.x.I", "Reloaded", lambda: seen.append(1))
    assert len(seen) == count
    assert connection.subscribed["sender"] == "org.x"
    assert (connection.subscribed["iface"], connection.subscribed["signal"]) == (
        "org.x.I",
        "Reloaded",
    )


@pytest.mark.parametrize("kind", [BusError, DeadlineError, KeyError])
def test_action_that_fails_ends_the_watch(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    connection = Watched(3)
    bus = Bus(connection)
    bus.subscribe = lambda **what: connection.subscribed.update(what)  # type: ignore[attr-defined]
    monkeypatch.setattr(system_bus, "_connect", lambda: bus)

    def fail() -> None:
        raise kind("systemd is gone")

    with pytest.raises(kind, match="systemd is gone"):
        Systemd().at_signal("org.x", "org.x.I", "Reloaded", fail)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (RuntimeError("Timeout was reached"), "systemctl status dbus.socket dbus-broker.service"),
        (
            RuntimeError("GDBus.Error:org.freedesktop.systemd1.UnitMasked: Unit x is masked."),
            "journalctl -b _PID=1 -n 30",
        ),
        (ModuleNotFoundError("No module named 'gi'", name="gi"), "dnf install python3-gobject"),
        (ModuleNotFoundError("No module named 'pydbus'", name="pydbus"), "dnf reinstall nodefix"),
        (EOFError("marshal data too short"), "dnf reinstall nodefix"),
    ],
)
def test_hint_is_about_what_went_wrong(
    monkeypatch: pytest.MonkeyPatch, error: Exception, hint: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(system_bus, "_connect", fail)
    with pytest.raises(BusError, match=str(error)) as caught:
        Systemd().reload()
    assert caught.value.hint.startswith(hint)


def test_words_of_the_bus_are_one_short_harmless_line(bus: Connection) -> None:
    bus.answers[MANAGER, "Reload"] = refuse("a\n\033[2J" + "x" * 5000)
    with pytest.raises(BusError) as caught:
        Systemd().reload()
    assert "a \\x1b[2Jxxx" in caught.value.message
    assert len(caught.value.message) < 500


def none_left(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_no_thread_for_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(
        BusError, match="connecting to the system bus failed: can't start"
    ) as caught:
        Systemd().reload()
    assert caught.value.hint.startswith("free -m; ")


def test_no_thread_for_glib_which_would_end_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "socket").touch()
    monkeypatch.setattr(system_bus, "_SOCKET", str(tmp_path / "socket"))
    start, started = threading.Thread.start, list[str]()

    def only_two(thread: threading.Thread) -> None:
        started.append(thread.name)
        none_left(thread) if len(started) > 2 else start(thread)

    monkeypatch.setattr(threading.Thread, "start", only_two)
    with pytest.raises(BusError, match="can't start new thread") as caught:
        Systemd().reload()
    assert caught.value.hint.startswith("free -m; ")


def test_no_descriptors_for_glib_which_would_end_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "socket").touch()
    monkeypatch.setattr(system_bus, "_SOCKET", str(tmp_path / "socket"))
    pipe, open_now = os.pipe, len([*Path("/proc/self/fd").iterdir()])
    made: list[int] = []

    def only_two() -> tuple[int, int]:
        if len(made) == 4:
            raise OSError(errno.EMFILE, "Too many open files")
        ends = pipe()
        made.extend(ends)
        return ends

    monkeypatch.setattr(os, "pipe", only_two)
    with pytest.raises(BusError, match="Too many open files") as caught:
        Systemd().reload()
    assert caught.value.hint == LIMITS[errno.EMFILE]
    assert len([*Path("/proc/self/fd").iterdir()]) == open_now


def test_no_thread_for_flushing(bus: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Systemd()
    manager.emit({})
    monkeypatch.setattr(threading.Thread, "start", none_left)
    manager.flush()
    assert bus.flushed == 0


def test_without_pydbus_there_is_no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pydbus", None)
    with pytest.raises(BusError) as caught:
        Systemd().emit({})
    if "pydbus" in caught.value.message:
        assert caught.value.hint == "dnf reinstall nodefix python3-gobject-base"
