"""Where records go: structured entries to journald, signals over the bus, lines to people."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from nodefix.errors import BusError, limit_of
from nodefix.events import ERROR, NO_BUS, NO_JOURNAL, NO_NAME, NOTICE, WARNING, Record
from nodefix.host.aside import leave_to_child
from nodefix.host.bus import BUS_NAME
from nodefix.host.image import for_this_node
from nodefix.host.patience import interrupted_after, write
from nodefix.host.systemd import Systemd
from nodefix.text import bounded

JOURNAL_SOCKET = "/run/systemd/journal/socket"

# How long, in seconds and once in a run, journald or who reads stderr may take for a record.
_GRACE_SECONDS = 1.0

# How long, in seconds, records may wait for the bus: a run that takes long can be followed.
_HELD_SECONDS = 1.0

_RESTART = "systemctl restart systemd-journald"

_Send = Callable[[Mapping[str, str]], None]

_COLOURS = {ERROR: "\033[1;31m", WARNING: "\033[33m", NOTICE: "\033[32m"}
_PLAIN = "\033[0m"


class Journal:
    """Sends each record to journald, to the bus and, if somebody watches, to the terminal.

    Where one of the first two is missing, or takes nothing any more, the other and standard error
    take over; that is said once, and never waited for longer than a moment.

    Args:
        systemd: the bus.
        stream: where people read; standard error, which may be closed.
        environ: the process's environment (NO_COLOR, JOURNAL_STREAM).
        socket: journald's, to see whether it is there.
    """

    def __init__(
        self,
        systemd: Systemd,
        stream: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
        socket: str = JOURNAL_SOCKET,
    ) -> None:
        self._systemd = systemd
        self._stream: TextIO | None = stream or sys.stderr
        self._bus = True
        self._told_nameless = False
        # What the bus has not got yet, and since when: connecting takes as long as a stage, and is
        # best done when the work is done.
        self._waiting: list[Mapping[str, str]] = []
        self._since = 0.0
        self._colour = _is_terminal(self._stream) and not environ.get("NO_COLOR")
        journald = _journald(socket)
        self._send: _Send | None = None if isinstance(journald, Record) else journald
        self._print = self._send is None or not goes_to_journal(self._stream, environ)
        if isinstance(journald, Record):
            self.send(journald)

    @property
    def prints(self) -> bool:
        """Whether records go to somebody's terminal, too."""
        return self._print

    def send(self, record: Record) -> None:
        """Send one record everywhere; never raises, and never waits, for want of a receiver."""
        entry = record.entry()
        if self._send:
            self._to_journald(self._send, entry)
        if self._print and self._stream:
            self._write(self._stream, record)
        if self._bus:
            self._since = self._since or time.monotonic()
            self._waiting.append(entry)
            if self._systemd.is_connected or time.monotonic() - self._since >= _HELD_SECONDS:
                self._to_bus()

    def rest(self) -> None:
        """Hand over what is waiting for the bus, and let other runs have nodefix's name there."""
        self._hand_over()
        self._systemd.give_name_back()

    def close(self, beside: bool = False) -> None:
        """Hand over what is still waiting for the bus.

        Args:
            beside: do so in a process of its own, if the bus is not connected to yet: whoever waits
                for the end of this one then does not wait for the bus.
        """
        late = bool(self._waiting) and not self._systemd.is_connected
        if not (beside and late and leave_to_child(self._hand_over)):
            self._hand_over()

    def _hand_over(self) -> None:
        self._to_bus()
        self._systemd.flush()

    def _to_journald(self, send: _Send, entry: Mapping[str, str]) -> None:
        try:
            with interrupted_after(_GRACE_SECONDS):
                send(entry)
        except OSError as error:
            # journald has gone down, refuses, or no longer reads: the run is worth more.
            self._send, self._print = None, True
            why = error.strerror or str(error)
            if isinstance(error, InterruptedError):
                why = f"it accepted no record within {_GRACE_SECONDS:g} s"
            self.send(_no_journal(why, limit_of(error, _RESTART)))

    def _to_bus(self) -> None:
        waiting, self._waiting, self._since = self._waiting, [], 0.0
        try:
            for entry in waiting:
                self._systemd.emit(entry)
        except BusError as error:
            self._bus = False
            self.send(_about_bus(NO_BUS, "no signals over D-Bus in this run", error))
            return
        nameless = self._systemd.nameless
        if nameless and not self._told_nameless:
            self._told_nameless = True
            self.send(_about_bus(NO_NAME, f"signals over D-Bus are not {BUS_NAME}'s", nameless))

    def _write(self, stream: TextIO, record: Record) -> None:
        colour = _COLOURS.get(record.priority, "") if self._colour else ""
        plain = _PLAIN if colour else ""
        try:
            _print(stream, f"{colour}{record.text}{plain}\n")
        except (OSError, ValueError):
            # A terminal that is closed, or stopped, is no reason to leave a node half repaired.
            self._print = False


def _about_bus(message_id: str, what: str, error: BusError) -> Record:
    fix = f"; fix: {error.hint}" if error.hint else ""
    hint = {"NODEFIX_HINT": error.hint} if error.hint else {}
    return Record(message_id, WARNING, f"{what}: {error.message}{fix}", hint)


def _no_journal(why: str, remedy: str) -> Record:
    message = f"no journal ({why}): records go to stderr; fix: {remedy}"
    return Record(NO_JOURNAL, WARNING, message, {"NODEFIX_HINT": remedy})


def _journald(socket: str) -> _Send | Record:
    """journald's entry point, or the record of why there is none.

    libsystemd itself drops entries without a word where there is no journald.
    """
    if not Path(socket).exists():
        return _no_journal(f"{socket} is not there", _RESTART)
    try:
        # The part of systemd.journal in C: the rest is for logging(3), and imports all of it.
        from systemd import _journal
    except Exception as error:  # byte code that is cut off is an EOFError, and so on
        verb = "install" if isinstance(error, ModuleNotFoundError) else "reinstall"
        return _no_journal(bounded(str(error)), for_this_node(f"dnf {verb} python3-systemd"))

    def send(entry: Mapping[str, str]) -> None:
        lines = (f"{name}={value}" for name, value in entry.items())
        _journal.sendv(*(line.encode("utf-8", "backslashreplace") for line in lines))

    return send


def _print(stream: TextIO, text: str) -> None:
    """Write to a stream past its buffer, which Python would wait for at its end."""
    try:
        descriptor = stream.fileno()
    except OSError:
        stream.write(text)
        return
    write(descriptor, text.encode(stream.encoding or "utf-8", "backslashreplace"), _GRACE_SECONDS)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def goes_to_journal(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether what is written to the stream ends in the journal (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno()) if stream else None
    except (OSError, ValueError):
        return False
    where = f"{status.st_dev}:{status.st_ino}" if status else ""
    return bool(where) and environ.get("JOURNAL_STREAM") == where
