"""nodefix/outlet.py: what a program prints, up to a cap."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from nodefix.errors import CommandError
from nodefix.host import outlet
from nodefix.host.outlet import Outlet
from nodefix.host.programs import STDERR_CAP, STDOUT_CAP, Programs, Result

pytestmark = [pytest.mark.real_commands, pytest.mark.usefixtures("both_doors")]


def sh(script: str) -> Result:
    return Programs().run("/bin/sh", "-c", script)


def printed(count: int, to: str = "") -> str:
    """A script that prints so many bytes."""
    return f"head -c {count} /dev/zero {to}"


def memory() -> int:
    """This process's resident memory now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("cap", "to"), [(STDOUT_CAP, ""), (STDERR_CAP, ">&2")])
def test_output_up_to_the_cap_is_whole_and_beyond_it_an_error(cap: int, to: str) -> None:
    left = sh(printed(cap, to))
    assert len(left.stderr if to else left.stdout) == cap
    stream = "stderr" if to else "stdout"
    with pytest.raises(CommandError, match=f"printed more than {cap} bytes on {stream}"):
        sh(printed(cap + 1, to))


def test_message_of_too_much_output_shows_its_beginning() -> None:
    with pytest.raises(CommandError, match=r"it begins: first line; second \\x1b\[2J") as caught:
        sh(f"printf 'first line\\nsecond \\033[2J\\n' >&2; {printed(STDERR_CAP, '>&2')}")
    assert len(caught.value.message) < 1500
    assert caught.value.hint.endswith(" </dev/null 2>&1 | head -n 50")
    assert "\033" not in caught.value.message


def test_memory_is_bounded_and_the_program_comes_to_its_end(tmp_path: Path) -> None:
    before = memory()
    with pytest.raises(CommandError, match="printed more than"):
        sh(f"{printed(400_000_000)}; touch {tmp_path}/done")
    assert (tmp_path / "done").exists()
    assert memory() - before < 3 * STDOUT_CAP


def test_program_can_open_its_own_output(tmp_path: Path) -> None:
    left = sh("echo one; echo two >/dev/stdout; echo three >>/dev/stdout; echo four >/dev/stderr")
    assert (left.stdout, left.stderr) == (b"one\ntwo\nthree\n", b"four\n")


def test_grandchild_that_goes_on_printing_holds_nobody() -> None:
    begun = time.monotonic()
    with pytest.raises(CommandError, match="printed more than"):
        sh("yes & sleep 0.3")
    assert time.monotonic() - begun < 5


def test_draining_ends_though_somebody_prints_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Outlet(1000)
    monkeypatch.setattr(os, "read", lambda *_: b"x" * 300)
    made.drain()
    assert made.overflowed
    assert made.content == b"x" * 1000
    made.close()


def test_program_that_closed_its_output_is_waited_for_without_work() -> None:
    begun = time.process_time()
    sh("exec >&- 2>&-; sleep 0.5")
    assert time.process_time() - begun < 0.3


def test_kernel_that_gives_no_larger_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    made = Outlet(10, large=True)
    assert os.write(made.theirs, b"x") == 1
    assert made.take()
    assert made.content == b"x"
    made.close()


def test_piece_is_what_linux_gives_without_privilege() -> None:
    assert int(Path("/proc/sys/fs/pipe-max-size").read_text()) >= outlet._PIECE
