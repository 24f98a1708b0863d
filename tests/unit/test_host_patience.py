"""nodefix/patience.py: nobody is waited for who no longer takes anything; and Status: lines."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from nodefix.host import patience
from nodefix.host.patience import interrupted_after, notify_status, write


def full_pipe() -> tuple[int, int]:
    """A pipe that takes nothing more."""
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    fill(lambda: os.write(ends[1], b"x" * 4096))
    fill(lambda: os.write(ends[1], b"x"))
    os.set_blocking(ends[1], True)
    return ends


def fill(more: object) -> None:
    assert callable(more)
    try:
        while True:
            more()
    except BlockingIOError:
        return


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """systemd's end of NOTIFY_SOCKET."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(tmp_path / "notify"))
    made.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return made


def test_write_hands_over_all_of_it() -> None:
    ours, theirs = os.pipe()
    write(theirs, b"x" * 5000, 1)
    assert os.read(ours, 10_000) == b"x" * 5000
    os.close(ours)
    with pytest.raises(BrokenPipeError):
        write(theirs, b"x", 1)
    os.close(theirs)


def test_write_does_not_wait_for_a_pipe_that_nobody_reads() -> None:
    ours, theirs = full_pipe()
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"it was not read within 0\.1 seconds"):
        write(theirs, b"x", 0.1)
    assert time.monotonic() - begun < 1
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("make", ["socket", "terminal"])
def test_write_does_not_wait_for_anything_else_that_nobody_reads(make: str) -> None:
    if make == "socket":
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours, theirs = one.detach(), other.detach()
    else:
        ours, theirs = os.openpty()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        write(theirs, b"x" * 2_000_000, 0.2)
    assert time.monotonic() - begun < 1
    os.close(ours)
    os.close(theirs)


def test_write_past_a_reader_that_is_slow() -> None:
    ours, theirs = full_pipe()

    def read(*_: object) -> None:
        os.read(ours, 65536)

    before = signal.signal(signal.SIGALRM, read)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    write(theirs, b"x", 2)
    signal.signal(signal.SIGALRM, before)
    os.close(ours)
    os.close(theirs)


def test_alarm_is_put_away_afterwards() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with interrupted_after(5):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 4
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


@pytest.mark.real_commands
def test_status_is_one_short_harmless_line(daemon: socket.socket) -> None:
    pytest.importorskip("systemd.daemon")
    notify_status("kubelet is held: swap\n  fix: \033[2J" + "x" * 5000)
    sent = daemon.recv(65536).decode()
    # Doubled for systemd, which takes one away.
    assert sent.startswith("STATUS=kubelet is held: swap; fix: \\\\x1b[2Jxxx")
    assert "\n" not in sent
    assert len(sent) < 2020


@pytest.mark.real_commands
def test_systemd_that_no_longer_reads_is_not_waited_for(
    daemon: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("systemd.daemon")
    took = 1
    # A sender can have only so much on its way, so it takes several to fill the queue.
    while took:
        took = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    took += sender.sendto(b"x", str(tmp_path / "notify"))
    begun = time.monotonic()
    notify_status("ready")
    assert time.monotonic() - begun < 3


def test_nothing_is_notified_outside_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "systemd", None)
    notify_status("ready")


def test_notifying_never_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify_status("ready \udcff")
    monkeypatch.setitem(__import__("sys").modules, "systemd", None)
    notify_status("ready")


def test_kernel_says_that_it_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a C library's sendmsg(2) gets; Python's own calls begin again."""
    monkeypatch.setattr(patience, "_AGAIN_SECONDS", 0.05)
    seen = list[int]()
    set_handler = signal.signal

    def counted(number: int, handler: object) -> object:
        if callable(handler):
            return set_handler(number, lambda *_: seen.append(number))
        return set_handler(number, handler)  # type: ignore[arg-type]

    monkeypatch.setattr(signal, "signal", counted)
    with interrupted_after(0.05):
        time.sleep(0.3)
    assert len(seen) >= 2
