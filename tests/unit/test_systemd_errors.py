"""nodefix/systemd.py: why the bus was of no use, and what to do about it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from fakebus import MANAGER, Bus, Connection, refuse

from nodefix import systemd
from nodefix.errors import BusError
from nodefix.systemd import Systemd

pytest.importorskip("pydbus")


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A bus that answers."""
    connection = Connection()
    monkeypatch.setattr(systemd, "_connect", lambda: Bus(connection))
    return connection


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

    monkeypatch.setattr(systemd, "_connect", fail)
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
    monkeypatch.setattr(systemd, "_SOCKET", str(tmp_path / "socket"))
    start, started = threading.Thread.start, list[str]()

    def only_two(thread: threading.Thread) -> None:
        started.append(thread.name)
        none_left(thread) if len(started) > 2 else start(thread)

    monkeypatch.setattr(threading.Thread, "start", only_two)
    with pytest.raises(BusError, match="can't start new thread") as caught:
        Systemd().reload()
    assert caught.value.hint.startswith("free -m; ")


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
