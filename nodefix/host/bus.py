"""The system bus: calls with a deadline, signals, and why it is of no use."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from nodefix.deadline import Deadline, expect_threads, within
from nodefix.errors import BusError, NodefixError, limit_of
from nodefix.host.image import for_this_node
from nodefix.host.outlet import expect_pipes
from nodefix.host.stand_ins import stand_ins
from nodefix.text import bounded

_T = TypeVar("_T")

SIGNAL_PATH = "/org/nodefix1/Agent"
SIGNAL_INTERFACE = "org.nodefix1.Agent"
SIGNAL_NAME = "Record"
# What a reader knows nodefix's own signals by: packaging/org.nodefix1.conf lets root alone have it.
BUS_NAME = "org.nodefix1"

_SYSTEMD = "org.freedesktop.systemd1"
# The bus itself; see the D-Bus specification, "Message Bus Messages".
_BUS, _BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
# The same, "RequestName": nobody is replaced, and who comes second waits in a queue.
_NO_FLAGS, _IN_QUEUE = 0, 2
_SOCKET = "/run/dbus/system_bus_socket"

# Seconds. Connecting has no timeout of its own in GDBus: a bus socket that systemd listens on
# while the bus itself cannot start would hold nodefix, and the boot, for ever.
_CONNECT_SECONDS = 5.0
CALL_SECONDS = 10.0
_FLUSH_SECONDS = 2.0
# A bus that is up answers within a millisecond. A run that has just ended, as this one knows by its
# lock, has the name until its process is gone; one that waits without its lock has given it back.
_NAME_SECONDS, _NAME_POLL_SECONDS = 1.0, 0.02

_LOOK = "systemctl status dbus.socket dbus-broker.service"
_NO_POLICY = "dnf reinstall nodefix && systemctl reload dbus.service"


class Bus:
    """The system bus; connects at the first use, once.

    Every method raises BusError where there is no bus, or no answer in time.
    """

    def __init__(self) -> None:
        self.deadline: Deadline | None = None
        self._bus: Any = None
        self._broken: BusError | None = None
        self._has_asked = False
        self.nameless: BusError | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection already, so that what is sent costs next to nothing."""
        return self._bus is not None

    def emit(self, record: Mapping[str, str]) -> None:
        """Send one record as the signal org.nodefix1.Agent.Record(a{ss}), as the owner of the name.

        It is sent all the same where the name cannot be had; `nameless` then says why.
        """
        bus = self._connected()
        if not self._has_asked:
            self._has_asked = True
            self.nameless = self._own_name()
        try:
            from gi.repository.GLib import Variant

            arguments = Variant("(a{ss})", (dict(record),))
            bus.con.emit_signal(None, SIGNAL_PATH, SIGNAL_INTERFACE, SIGNAL_NAME, arguments)
        except Exception as error:
            raise _bus_error("the signal could not be sent over the system bus", error) from error

    def _own_name(self) -> BusError | None:
        """Own org.nodefix1 until it is given back; why it cannot be had."""
        end = time.monotonic() + _NAME_SECONDS
        arguments = ("(su)", (BUS_NAME, _NO_FLAGS))
        try:
            while True:
                (answer,) = self._call(
                    _BUS_PATH, _BUS, "RequestName", *arguments, _NAME_SECONDS, receiver=_BUS
                )
                if answer != _IN_QUEUE:
                    return None
                if time.monotonic() >= end:
                    words = f"another process of root's has had {BUS_NAME} for {_NAME_SECONDS:g} s"
                    return BusError(words, f"busctl status {BUS_NAME}")
                time.sleep(_NAME_POLL_SECONDS)
        except BusError as error:
            if "AccessDenied" in error.message:
                return BusError(error.message, for_this_node(_NO_POLICY))
            return error
        except NodefixError as error:
            return BusError(error.message, error.hint)

    def at_signal(
        self, sender: str, interface: str, member: str, action: Callable[[], None]
    ) -> None:
        """Call `action` at each such signal until it raises or the bus is gone; then raises."""
        from gi.repository import GLib

        bus = self._connected()
        loop = GLib.MainLoop()
        failure: list[Exception] = []

        def fired(*_: object) -> None:
            try:
                action()
            except Exception as error:  # GLib would print it and go on
                failure.append(error)
                loop.quit()

        bus.subscribe(sender=sender, iface=interface, signal=member, signal_fired=fired)
        bus.con.connect("closed", lambda *_: loop.quit())
        loop.run()
        raise failure[0] if failure else BusError("the system bus went away")

    def records(self, take: Callable[[Mapping[str, str]], None]) -> Callable[[float], None]:
        """Hear root's signals org.nodefix1.Agent.Record from now on.

        Anybody may send a signal of that name, so those of other users are passed over.

        Args:
            take: gets the fields of each.

        Returns:
            What is to be called in the place of a pause of so many seconds: it hands over what
            comes at once, since the sender of a record may be gone a moment later.
        """
        bus = self._connected()
        from gi.repository import GLib

        is_roots: dict[str, bool] = {}

        def heard(_bus: object, sender: str, *rest: Any) -> None:
            if sender not in is_roots:
                is_roots[sender] = self._is_roots(sender)
            fields = rest[-1].unpack()
            if is_roots[sender] and len(fields) == 1 and isinstance(fields[0], dict):
                take(fields[0])

        # No name of a sender: a run that could not have it is root's all the same.
        where = (SIGNAL_INTERFACE, SIGNAL_NAME, SIGNAL_PATH)
        try:
            bus.con.signal_subscribe(None, *where, None, 0, heard)
        except Exception as error:
            raise _bus_error("the records could not be subscribed to", error) from error
        context = GLib.MainContext.default()

        def hear(seconds: float) -> None:
            is_over: list[bool] = []
            GLib.timeout_add(int(seconds * 1000), lambda: is_over.append(True))
            while not is_over:
                context.iteration(True)

        return hear

    def _is_roots(self, sender: str) -> bool:
        """Whether a connection is root's; one that is gone is nobody's."""
        try:
            (uid,) = self._call(
                _BUS_PATH, _BUS, "GetConnectionUnixUser", "(s)", (sender,), receiver=_BUS
            )
        except NodefixError:
            return False
        return bool(uid == 0)

    def flush(self) -> None:
        """Hand everything that was sent to the bus before the process ends."""
        if self._bus is not None:
            # A bus that no longer reads must not hold the boot; what is lost is in the journal.
            with contextlib.suppress(BusError):
                _within(_FLUSH_SECONDS, "flushing", lambda: self._bus.con.flush_sync(None))

    def give_name_back(self) -> None:
        """Let another process have the name; the next record asks for it again."""
        if self._bus is None or not self._has_asked:
            return
        self._has_asked = False
        with contextlib.suppress(NodefixError):
            self._call(
                _BUS_PATH, _BUS, "ReleaseName", "(s)", (BUS_NAME,), _NAME_SECONDS, receiver=_BUS
            )

    def _property(self, path: str, interface: str, name: str) -> Any:
        # Not as an attribute of a proxy: pydbus reads those without a timeout.
        arguments = ("(ss)", (interface, name))
        (value,) = self._call(path, "org.freedesktop.DBus.Properties", "Get", *arguments)
        return value

    def _call(
        self,
        path: str,
        interface: str,
        method: str,
        signature: str,
        arguments: tuple[Any, ...],
        timeout: float = CALL_SECONDS,
        receiver: str = _SYSTEMD,
    ) -> tuple[Any, ...]:
        bus = self._connected()
        seconds = self.deadline.left(timeout) if self.deadline else timeout
        try:
            from gi.repository.GLib import Variant

            # The connection under pydbus: a proxy would introspect each object first.
            answer = bus.con.call_sync(
                receiver,
                path,
                interface,
                method,
                Variant(signature, arguments),
                None,
                0,
                int(seconds * 1000),
                None,
            )
        except Exception as error:
            who = "systemd" if receiver == _SYSTEMD else "the bus"
            raise _bus_error(f"the D-Bus call {method} to {who} failed", error) from error
        return tuple(answer.unpack())

    def _connected(self) -> Any:
        if self._broken:
            raise self._broken
        if self._bus is None:
            try:
                self._bus = _within(_CONNECT_SECONDS, "connecting", _connect)
            except BusError as error:
                self._broken = error
                raise
        return self._bus


def _connect() -> Any:
    if not Path(_SOCKET).exists():
        # GDBus would wait for its own timeout where the folder is there and nobody listens.
        raise FileNotFoundError(f"{_SOCKET} is not there")
    # GLib takes two or three, and ends the process where it does not get them.
    expect_threads(3)
    # Some five descriptors likewise.
    expect_pipes(5)
    with stand_ins("asyncio"):
        from gi.repository import Gio

    bus = _Connected(Gio.bus_get_sync(Gio.BusType.SYSTEM, None))
    # The default ends the process when the bus goes away.
    bus.con.set_exit_on_close(False)
    return bus


class _Connected:
    """The connection under pydbus, which itself is only needed for what goes on and on."""

    def __init__(self, connection: Any) -> None:
        self.con = connection

    def subscribe(self, **what: Any) -> Any:
        """See pydbus."""
        from pydbus.bus import Bus as PydbusBus

        return PydbusBus(self.con).subscribe(**what)


def _within(seconds: float, what: str, action: Callable[[], _T]) -> _T:
    """Do what has no timeout of its own, and say as a BusError why it failed."""
    try:
        return within(seconds, action)
    except Exception as error:
        raise _bus_error(f"{what} to the system bus failed", error) from error


def _bus_error(what: str, error: Exception) -> BusError:
    """Why the bus was of no use, on one line, with what to type or to look at."""
    hint = _LOOK
    if isinstance(error, NodefixError):
        hint = error.hint or hint
    elif limit := limit_of(error):
        hint = limit
    elif isinstance(error, ModuleNotFoundError) and error.name == "gi":
        hint = "dnf install python3-gobject-base"
    elif isinstance(error, (ImportError, SyntaxError, EOFError)):
        hint = "dnf reinstall nodefix python3-gobject-base"
    elif "GDBus.Error:org.freedesktop.systemd1." in str(error):
        # The bus is well: systemd itself refused.
        hint = "journalctl -b _PID=1 -n 30"
    words = " ".join(str(error).split()) or type(error).__name__
    return BusError(f"{what}: {bounded(words)}", for_this_node(hint))
