"""The one place that talks to the system bus: systemd's manager, and nodefix's own signal."""

from __future__ import annotations

import contextlib
import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from nodefix.deadline import Deadline, expect_threads, within
from nodefix.errors import BusError, NodefixError
from nodefix.words import bounded

_T = TypeVar("_T")

SIGNAL_PATH = "/org/nodefix1/Agent"
SIGNAL_INTERFACE = "org.nodefix1.Agent"
SIGNAL_NAME = "Record"

_NAME = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_UNIT = "org.freedesktop.systemd1.Unit"
_SERVICE = "org.freedesktop.systemd1.Service"
_SWAP = "org.freedesktop.systemd1.Swap"

_SOCKET = "/run/dbus/system_bus_socket"

# Seconds. Connecting has no timeout of its own in GDBus: a bus socket that systemd listens on
# while the bus itself cannot start would hold nodefix, and the boot, for ever.
_CONNECT_SECONDS = 5.0
_CALL_SECONDS = 10.0
_FLUSH_SECONDS = 2.0
_JOB_POLL_SECONDS = 0.05

_LOOK = "systemctl status dbus.socket dbus-broker.service"


class SwapUnit(NamedTuple):
    """One .swap unit as the manager shows it.

    systemd.swap(5): one device can be several units; those that follow another carry its name
    in `following` and go away with it.
    """

    name: str
    load_state: str
    active_state: str
    what: str
    following: str
    fragment_path: str
    source_path: str
    file_state: str


class ServiceCommand(NamedTuple):
    """How a service is started, as org.freedesktop.systemd1(5) tells it.

    Attributes:
        load_state: `loaded`, `not-found`, `masked`, or what is wrong with its file.
        program: the path of the first ExecStart=; empty if there is none.
        argv: its words as they stand in the unit, its name first.
        expands: whether systemd fills in variables; not behind the prefix `:`.
        environment: the manager's variables and, after them, those of Environment=.
        files: EnvironmentFile= as path, which may be a pattern, and whether it may be missing.
        unset: UnsetEnvironment=, names or whole assignments.
    """

    load_state: str
    program: str = ""
    argv: tuple[str, ...] = ()
    expands: bool = True
    environment: tuple[str, ...] = ()
    files: tuple[tuple[str, bool], ...] = ()
    unset: tuple[str, ...] = ()


class Systemd:
    """systemd over the system bus; connects at the first use, once.

    Every method raises BusError where there is no bus, or no answer in time.
    """

    def __init__(self) -> None:
        self.deadline: Deadline | None = None
        self._bus: Any = None
        self._broken: BusError | None = None

    def invocation_id(self) -> str:
        """The invocation id of the unit that this process runs in, 32 hexadecimal digits.

        Source: org.freedesktop.systemd1(5), GetUnitByPID with 0 for the caller.
        """
        (path,) = self._manager("GetUnitByPID", "(u)", (0,))
        return bytes(self._property(path, _UNIT, "InvocationID")).hex()

    def reload(self) -> None:
        """Make systemd read its units and run its generators again."""
        self._manager("Reload", timeout=60.0)

    def swap_units(self) -> tuple[SwapUnit, ...]:
        """All .swap units that the manager has loaded."""
        (units,) = self._manager("ListUnitsByPatterns", "(asas)", ([], ["*.swap"]))
        return tuple(
            SwapUnit(
                name=unit[0],
                load_state=unit[2],
                active_state=unit[3],
                what=self._property(unit[6], _SWAP, "What"),
                following=unit[5],
                fragment_path=self._property(unit[6], _UNIT, "FragmentPath"),
                source_path=self._property(unit[6], _UNIT, "SourcePath"),
                file_state=self._property(unit[6], _UNIT, "UnitFileState"),
            )
            for unit in units
        )

    def service_command(self, name: str) -> ServiceCommand:
        """How a service is started; only its load state for one that is not loaded."""
        (path,) = self._manager("LoadUnit", "(s)", (name,))
        state = self._property(path, _UNIT, "LoadState")
        # ExecStart itself does not tell the prefixes.
        commands = self._property(path, _SERVICE, "ExecStartEx") if state == "loaded" else []
        if not commands:
            return ServiceCommand(state)
        program, argv, flags = commands[0][:3]
        own = self._property(path, _SERVICE, "Environment")
        return ServiceCommand(
            state,
            program,
            tuple(argv),
            "no-env-expand" not in flags,
            (*self._property(_PATH, _MANAGER, "Environment"), *own),
            tuple(tuple(file) for file in self._property(path, _SERVICE, "EnvironmentFiles")),
            tuple(self._property(path, _SERVICE, "UnsetEnvironment")),
        )

    def version(self) -> int:
        """systemd's release; 0 if it calls itself something without a number."""
        digits = re.match(r"\d+", self._property(_PATH, _MANAGER, "Version").lstrip("v"))
        return int(digits[0]) if digits else 0

    def loaded_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the named units that have a file and can be started, in the names' order."""
        (units,) = self._manager("ListUnitsByNames", "(as)", (list(names),))
        loaded = {unit[0] for unit in units if unit[2] == "loaded"}
        return tuple(name for name in names if name in loaded)

    def active_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the named units that are active, in the order of the names."""
        (units,) = self._manager("ListUnitsByNames", "(as)", (list(names),))
        active = {unit[0] for unit in units if unit[3] == "active"}
        return tuple(name for name in names if name in active)

    def reload_or_restart_unit(self, name: str) -> None:
        """Ask for a reload of a unit, or its start if it is down, without waiting for it."""
        self._manager("ReloadOrRestartUnit", "(ss)", (name, "replace"))

    def mask_unit(self, name: str) -> None:
        """Mask a unit for good, by a link in /etc/systemd/system, as `systemctl mask` does."""
        self._manager("MaskUnitFiles", "(asbb)", ([name], False, False))

    def disable_unit(self, name: str) -> None:
        """Take away the links that start a unit at boot, as `systemctl disable` does."""
        self._manager("DisableUnitFiles", "(asb)", ([name], False))

    def stop_unit(self, name: str, seconds: float) -> None:
        """Stop a unit and wait until its job is gone.

        Args:
            name: the unit, with its suffix.
            seconds: how long the job may take.

        Raises:
            BusError: the job could not be made, or is still there.
        """
        (job,) = self._manager("StopUnit", "(ss)", (name, "replace"))
        hint = f"systemctl status {shlex.quote(name)}; systemctl list-jobs"
        deadline = Deadline(f"stopping {name}", seconds, hint)
        while self._job_exists(job):
            deadline.left(seconds)
            if self.deadline:
                self.deadline.left(seconds)
            time.sleep(_JOB_POLL_SECONDS)

    def emit(self, record: Mapping[str, str]) -> None:
        """Send one record as the signal org.nodefix1.Agent.Record(a{ss})."""
        bus = self._connected()
        try:
            from pydbus import Variant

            arguments = Variant("(a{ss})", (dict(record),))
            bus.con.emit_signal(None, SIGNAL_PATH, SIGNAL_INTERFACE, SIGNAL_NAME, arguments)
        except Exception as error:
            raise _bus_error("the system bus took no signal", error) from error

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

    def flush(self) -> None:
        """Hand everything that was sent to the bus before the process ends."""
        if self._bus is not None:
            # A bus that no longer reads must not hold the boot; what is lost is in the journal.
            with contextlib.suppress(BusError):
                _within(_FLUSH_SECONDS, "flushing", lambda: self._bus.con.flush_sync(None))

    def _job_exists(self, path: str) -> bool:
        number = int(path.rsplit("/", 1)[1])
        try:
            self._manager("GetJob", "(u)", (number,))
        except BusError as error:
            if "NoSuchJob" in error.message:
                return False
            raise
        return True

    def _property(self, path: str, interface: str, name: str) -> Any:
        # Not as an attribute of a proxy: pydbus reads those without a timeout.
        arguments = ("(ss)", (interface, name))
        (value,) = self._call(path, "org.freedesktop.DBus.Properties", "Get", *arguments)
        return value

    def _manager(
        self,
        method: str,
        signature: str = "()",
        arguments: tuple[Any, ...] = (),
        timeout: float = _CALL_SECONDS,
    ) -> tuple[Any, ...]:
        return self._call(_PATH, _MANAGER, method, signature, arguments, timeout)

    def _call(
        self,
        path: str,
        interface: str,
        method: str,
        signature: str,
        arguments: tuple[Any, ...],
        timeout: float = _CALL_SECONDS,
    ) -> tuple[Any, ...]:
        bus = self._connected()
        seconds = self.deadline.left(timeout) if self.deadline else timeout
        try:
            from pydbus import Variant

            # The connection under pydbus: a proxy would introspect each object first.
            answer = bus.con.call_sync(
                _NAME,
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
            raise _bus_error(f"systemd did not do {method} over D-Bus", error) from error
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
    # GLib starts two or three and ends the process where it does not get them.
    expect_threads(3)
    from pydbus import SystemBus

    bus = SystemBus()
    # The default ends the process when the bus goes away.
    bus.con.set_exit_on_close(False)
    return bus


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
    elif isinstance(error, ModuleNotFoundError) and error.name == "gi":
        hint = "dnf install python3-gobject-base"
    elif isinstance(error, (ImportError, SyntaxError, EOFError)):
        hint = "dnf reinstall nodefix python3-gobject-base"
    elif "GDBus.Error:org.freedesktop.systemd1." in str(error):
        # The bus is well: systemd itself refused.
        hint = "journalctl -b _PID=1 -n 30"
    words = " ".join(str(error).split()) or type(error).__name__
    return BusError(f"{what}: {bounded(words)}", hint)
