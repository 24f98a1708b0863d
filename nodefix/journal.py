"""Records: structured entries for journald, signals for the bus, lines for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from nodefix.errors import BusError
from nodefix.systemd import Systemd

# One constant id for each kind of event; systemd/nodefix.catalog explains each of them.
RUN_STARTED = "ce51b24a92424f629c83e00bd44edcd7"
RUN_FINISHED = "313b78f722904bbf8cb55a83a98b91e1"
RUN_FAILED = "8047b322ad08471bb96b31288d69e394"
NOT_RUN = "c50bae1e74ea482b8f95c42c9b73aac4"
OUT_OF_SCOPE = "361ac0932e104662a2036a5aa847ecda"
STAGE_UNCHANGED = "ee6db088686d4f918edc892426726b2a"
STAGE_CHANGED = "5b905a01589c4d38a07ad80a4c59d198"
STAGE_SKIPPED = "79bf2f1743154ad68630d4e167ee4d6c"
STAGE_FAILED = "77763214d8914d68b0effb0747f4a110"
PROBLEM = "ef717bdc48e04ca3be6c96e5b951af90"
NOTE = "2c697cc2cee04eb0927bd8b9619eda01"
NO_BUS = "dd58149b481648f0b636b685b74e470e"
NO_JOURNAL = "0460313f4d6f407488358841e555fb38"

# syslog(3)
ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6

JOURNAL_SOCKET = "/run/systemd/journal/socket"

_COLOURS = {ERROR: "\033[1;31m", WARNING: "\033[33m", NOTICE: "\033[32m"}
_PLAIN = "\033[0m"


def readable(text: str) -> str:
    """The text with what is no UTF-8 in a file's name shown as escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Record(NamedTuple):
    """One event.

    Attributes:
        message_id: one of the ids above.
        priority: as in syslog(3).
        message: one line, or several, for people.
        fields: further journal fields.
    """

    message_id: str
    priority: int
    message: str
    fields: Mapping[str, str]

    def entry(self) -> dict[str, str]:
        """All fields, as they go to journald and over the bus alike."""
        return {
            "MESSAGE": readable(self.message),
            "PRIORITY": str(self.priority),
            "MESSAGE_ID": self.message_id,
            "SYSLOG_IDENTIFIER": "nodefix",
            # So that a run from a shell shows under `journalctl -u nodefix` too.
            "OBJECT_SYSTEMD_UNIT": "nodefix.service",
            **{key: readable(value) for key, value in self.fields.items()},
        }


class Journal:
    """Sends each record to journald, to the bus and, if somebody watches, to the terminal.

    Where one of the first two is missing the other and standard error take over; that is said
    once.

    Args:
        systemd: the bus.
        stream: where people read; standard error.
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
        self._stream = stream or sys.stderr
        self._send = _journald(socket)
        self._bus = True
        self._print = self._send is None or not _goes_to_journal(self._stream, environ)
        self._colour = self._stream.isatty() and not environ.get("NO_COLOR")
        if self._send is None:
            self.send(
                Record(NO_JOURNAL, WARNING, f"no journal ({socket}): records go to stderr", {})
            )

    def send(self, record: Record) -> None:
        """Send one record everywhere; never raises for want of a receiver."""
        entry = record.entry()
        if self._send:
            self._to_journald(entry)
        if self._print:
            self._write(record)
        if self._bus:
            try:
                self._systemd.emit(entry)
            except BusError as error:
                self._bus = False
                self.send(
                    Record(
                        NO_BUS, WARNING, f"no signals over D-Bus in this run: {error.message}", {}
                    )
                )

    def close(self) -> None:
        """Hand over what is still buffered."""
        self._systemd.flush()

    def _to_journald(self, entry: Mapping[str, str]) -> None:
        try:
            self._send(entry)
        except OSError as error:
            # journald has gone down, or refuses: the run is worth more than its record.
            self._send, self._print = None, True
            message = f"no journal ({error.strerror}): records go to stderr"
            self.send(Record(NO_JOURNAL, WARNING, message, {}))

    def _write(self, record: Record) -> None:
        colour = _COLOURS.get(record.priority, "") if self._colour else ""
        plain = _PLAIN if colour else ""
        try:
            print(f"{colour}{readable(record.message)}{plain}", file=self._stream, flush=True)
        except OSError:
            # A closed terminal is no reason to leave a node half repaired.
            self._print = False


def _journald(socket: str) -> Any:
    """journald's entry point, or None. libsystemd itself drops entries without a word."""
    if not Path(socket).exists():
        return None
    try:
        from systemd import journal
    except ImportError:
        return None

    def send(entry: Mapping[str, str]) -> None:
        journal.send(**entry)

    return send


def _goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether what is written to the stream ends in the journal (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
