"""A bus connection that answers from a table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

MANAGER = "org.freedesktop.systemd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
BUS = "org.freedesktop.DBus"
OWNER = 1

Answer = Callable[[tuple[Any, ...]], Any]


class Connection:
    """A bus connection that answers from a table: (interface, method) to the reply's content.

    Attributes:
        calls: (path, method, arguments) of each call.
        timeouts: of each call, in milliseconds.
        signals: what was emitted.
        names: each request for a name, and each that gives it back.
        flushed: how often.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {
            (BUS, "RequestName"): lambda _: (OWNER,),
            (BUS, "ReleaseName"): lambda _: (OWNER,),
        }
        self.calls: list[tuple[str, str, tuple[Any, ...]]] = []
        self.timeouts: list[int] = []
        self.signals: list[tuple[Any, ...]] = []
        self.names: list[tuple[Any, ...]] = []
        self.flushed = 0
        self.hang = threading.Event()

    def call_sync(
        self,
        name: str,
        path: str,
        interface: str,
        method: str,
        arguments: Any,
        _type: None,
        _flags: int,
        timeout: int,
        _cancel: None,
    ) -> Any:
        """Answer, or raise what the test wants."""
        given = arguments.unpack()
        if method in ("RequestName", "ReleaseName"):
            assert (name, path) == (BUS, "/org/freedesktop/DBus")
            assert timeout <= 1000
            self.names.append(given)
        else:
            assert name == "org.freedesktop.systemd1"
            self.calls.append((path, method, given))
            self.timeouts.append(timeout)
        reply = self.answers[interface, method](given)

        class Reply:
            def unpack(self) -> Any:
                return reply

        return Reply()

    def emit_signal(self, *arguments: Any) -> None:
        """Remember it."""
        self.signals.append(arguments)

    def flush_sync(self, _cancel: None) -> None:
        """Remember it, or hang."""
        self.flushed += 1
        if self.hang.is_set():
            time.sleep(1)


class Bus:
    """What pydbus.SystemBus() gives."""

    def __init__(self, connection: Connection) -> None:
        self.con = connection


class Watched(Connection):
    """A connection whose bus sends signals and then goes away, all from the main loop.

    Attributes:
        subscribed: what was subscribed to.
    """

    def __init__(self, signals: int) -> None:
        super().__init__()
        self.subscribed: dict[str, Any] = {}
        self._signals = signals
        self._closed: Callable[..., object] = lambda: None

    def connect(self, name: str, action: Callable[..., object]) -> None:
        """Begin to send once nodefix listens for the end, too."""
        from gi.repository import GLib

        assert name == "closed"
        self._closed = action
        GLib.idle_add(self._next)

    def _next(self) -> bool:
        if self._signals:
            self._signals -= 1
            self.subscribed["signal_fired"]("sender", "path", "interface", "signal", ())
            return True
        self._closed()
        return False


def refuse(message: str) -> Answer:
    """An answer that is an error."""

    def answer(given: tuple[Any, ...]) -> Any:
        raise RuntimeError(message)

    return answer
