"""nodefix/journal.py: receivers that are closed, missing, or take nothing any more."""

from __future__ import annotations

import builtins
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakehost import FakeSystemd

from nodefix.events import FIELD_CAP, MESSAGE_CAP, NOTICE, Record
from nodefix.journal import Journal

RECORD = Record("0" * 32, NOTICE, "swap: changed", {"NODEFIX_STAGE": "swap"})


@pytest.fixture
def bus() -> FakeSystemd:
    return FakeSystemd()


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """A journal socket that is not there."""
    return str(tmp_path / "nothing")


def test_entry_is_bounded_and_harmless() -> None:
    odd = "\033]0;x\a\u202e" + "x" * 20_000_000
    entry = RECORD._replace(message=f"a\n\tb {odd}", fields={"NODEFIX_HINT": odd}).entry()
    assert entry["MESSAGE"].startswith("a\n\tb \\x1b]0;x\\x07\\u202exxx")
    assert len(entry["MESSAGE"]) <= MESSAGE_CAP
    assert len(entry["NODEFIX_HINT"]) <= FIELD_CAP
    assert entry["NODEFIX_HINT"].startswith("\\x1b]0;x")


def test_what_people_read_is_as_harmless(bus: FakeSystemd, nowhere: str) -> None:
    stream = io.StringIO()
    Journal(bus, stream, {}, nowhere).send(RECORD._replace(message="\033[2J" + "x" * 50_000))
    assert "\033" not in stream.getvalue()
    assert len(stream.getvalue()) < MESSAGE_CAP + 1000


def test_missing_python_module_is_not_called_a_missing_socket(
    bus: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "socket").touch()
    monkeypatch.setitem(sys.modules, "systemd", None)
    stream = io.StringIO()
    Journal(bus, stream, {}, str(tmp_path / "socket")).send(RECORD)
    first = stream.getvalue().splitlines()[0]
    assert str(tmp_path) not in first
    assert first.startswith("no journal (")
    assert first.endswith("records go to stderr; fix: dnf install python3-systemd")


def test_damaged_python_module(
    bus: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "socket").touch()
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "systemd":
            raise EOFError("marshal data too short")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    stream = io.StringIO()
    Journal(bus, stream, {}, str(tmp_path / "socket")).send(RECORD)
    assert stream.getvalue().splitlines()[0] == (
        "no journal (marshal data too short): records go to stderr;"
        " fix: dnf reinstall python3-systemd"
    )


def test_missing_socket_is_said_with_its_own_remedy(bus: FakeSystemd, nowhere: str) -> None:
    stream = io.StringIO()
    Journal(bus, stream, {}, nowhere)
    assert stream.getvalue() == (
        f"no journal ({nowhere} is not there): records go to stderr;"
        " fix: systemctl restart systemd-journald\n"
    )


def test_stderr_that_is_closed(
    bus: FakeSystemd, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    Journal(bus, None, {"JOURNAL_STREAM": "1:2"}, nowhere).send(RECORD)
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    Journal(bus, closed, {"JOURNAL_STREAM": "1:2"}, nowhere).send(RECORD)
    assert [entry["MESSAGE"] for entry in bus.emitted].count("swap: changed") == 2


def test_descriptor_that_was_closed(bus: FakeSystemd, nowhere: str, tmp_path: Path) -> None:
    stream = (tmp_path / "stderr").open("w")
    os.close(stream.fileno())
    Journal(bus, stream, {}, nowhere).send(RECORD)
    assert bus.emitted[-1]["MESSAGE"] == "swap: changed"
    with pytest.raises(OSError, match="Bad file descriptor"):
        stream.close()


def test_reader_of_stderr_that_stopped_is_waited_for_once(bus: FakeSystemd, nowhere: str) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        while os.write(theirs, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(theirs, True)
    begun = time.monotonic()
    with os.fdopen(theirs, "w") as stream:
        records = Journal(bus, stream, {}, nowhere)
        for _ in range(20):
            records.send(RECORD)
        # Python flushes at its end: nothing may be left in the buffer.
    assert time.monotonic() - begun < 2.5
    assert len(bus.emitted) == 21
    os.close(ours)


# A journald that has stopped to read: its socket is there, its queue is full.
STUCK = """
import io, socket, sys, time
sys.path[:0] = {path!r}
sys.path.append({tests!r})
from fakehost import FakeSystemd
from nodefix.journal import JOURNAL_SOCKET, Journal, Record
journald = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journald.bind(JOURNAL_SOCKET)
bus, stream = FakeSystemd(), io.StringIO()
records = Journal(bus, stream, {{}})
records.send(Record("0" * 32, 5, "first", {{}}))
assert b"MESSAGE=first" in journald.recv(65536), "the test reads what journald would"
took = 1
# A sender can have only so much on its way, so it takes several to fill the queue.
while took:
    filler, took = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), 0
    filler.setblocking(False)
    try:
        while True: took += filler.sendto(b"x", JOURNAL_SOCKET)
    except BlockingIOError: pass
begun = time.monotonic()
for number in range(30): records.send(Record("0" * 32, 5, f"record {{number}}", {{}}))
print(time.monotonic() - begun)
print(stream.getvalue(), end="")
print("bus", len(bus.emitted))
"""


@pytest.mark.real_commands
def test_journald_that_no_longer_reads_does_not_hold_the_run(tmp_path: Path) -> None:
    pytest.importorskip("systemd.journal")
    if os.geteuid() != 0:
        pytest.skip("needs root, for a /run of its own")
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("this machine lets nobody have mounts of their own")
    code = STUCK.format(path=sys.path, tests=str(Path(__file__).parent))
    (tmp_path / "code.py").write_text(code)
    script = (
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal"
        f" && exec timeout -s KILL 20 {sys.executable} {tmp_path}/code.py"
    )
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seconds, *lines = done.stdout.splitlines()
    assert float(seconds) < 2
    printed = [line for line in lines if re.fullmatch(r"record \d+", line)]
    assert printed == [f"record {number}" for number in range(30)]
    assert sum("no journal (it accepted no record within 1 s)" in line for line in lines) == 1
    # The first one, all others, and that there is no journal.
    assert lines[-1] == "bus 32"


def test_sending_does_not_wait_for_the_bus(nowhere: str) -> None:
    class Slow(FakeSystemd):
        def flush(self) -> None:
            raise AssertionError("only close() may wait, and that is bounded")

    Journal(Slow(), io.StringIO(), {}, nowhere).send(RECORD)


def test_records_wait_for_a_bus_that_is_not_connected_to(
    nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = FakeSystemd()
    bus.connects_late = True
    journal = Journal(bus, io.StringIO(), {}, nowhere)
    journal.send(RECORD)
    assert bus.emitted == []
    # But not for long: somebody may follow the run.
    monkeypatch.setattr("nodefix.journal._HELD_SECONDS", 0)
    journal.send(RECORD._replace(message="second"))
    said = [entry["MESSAGE"] for entry in bus.emitted]
    assert said[-2:] == [RECORD.message, "second"]
    monkeypatch.setattr("nodefix.journal._HELD_SECONDS", 60)
    journal.send(RECORD._replace(message="third"))
    journal.close()
    assert bus.emitted[-1]["MESSAGE"] == "third"


@pytest.mark.real_commands
def test_a_process_of_its_own_hands_over_what_waits(nowhere: str, tmp_path: Path) -> None:
    told = tmp_path / "told"

    class Late(FakeSystemd):
        def flush(self) -> None:
            told.write_text(f"{os.getpid()} {self.emitted[-1]['MESSAGE']}")

    bus = Late()
    bus.connects_late = True
    journal = Journal(bus, io.StringIO(), {}, nowhere)
    journal.send(RECORD)
    journal.close(beside=True)
    assert bus.emitted == []
    child, status = os.wait()
    assert (status, told.read_text()) == (0, f"{child} {RECORD.message}")
