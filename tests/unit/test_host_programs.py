"""nodefix/commands.py: the one place that runs other programs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nodefix.deadline import Deadline
from nodefix.errors import CommandError, DeadlineError
from nodefix.host.programs import ENVIRONMENT, MARK, Call, Programs, Result, quoted

SHELL = "/bin/sh"
real_commands = pytest.mark.real_commands


pytestmark = pytest.mark.usefixtures("both_doors")


@pytest.fixture
def commands() -> Programs:
    return Programs()


def sh(commands: Programs, script: str, stdin: bytes = b"", timeout: float = 10.0) -> Result:
    return commands.run(SHELL, "-c", script, stdin=stdin, timeout=timeout)


def alive(pid: int) -> bool:
    """Whether a process still does something; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@real_commands
def test_bytes_pass_undecoded_both_ways(commands: Programs) -> None:
    every = bytes(range(256))
    assert commands.run("/usr/bin/cat", stdin=every).stdout == every
    left = sh(commands, r"printf 'a\377b'; printf '\376' >&2")
    assert (left.stdout, left.stderr) == (b"a\xffb", b"\xfe")
    assert left.text == "a\ufffdb"


@real_commands
def test_in_a_folder_that_may_not_be_entered(
    commands: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refused(path: str, *flags: int, **folder: int) -> int:
        if path == ".":
            raise PermissionError(13, "Permission denied", path)
        return real(path, *flags, **folder)

    here = Path.cwd()
    monkeypatch.setattr(os, "open", refused)
    assert commands.run("/usr/bin/true").status == 0
    assert Path.cwd() == here


@real_commands
def test_large_output_and_input(commands: Programs) -> None:
    much = b"x" * 3_000_000
    assert commands.run("/usr/bin/cat", stdin=much).stdout == much


@real_commands
def test_a_program_that_does_not_read_its_input(commands: Programs) -> None:
    assert commands.run("/usr/bin/true", stdin=b"x" * 1_000_000).status == 0


@real_commands
def test_no_input_is_an_empty_one(commands: Programs) -> None:
    assert commands.run("/usr/bin/cat", timeout=5).stdout == b""


@real_commands
@pytest.mark.parametrize("status", [0, 1, 2, 77, 127, 255])
def test_status(commands: Programs, status: int) -> None:
    assert sh(commands, f"exit {status}").status == status


@real_commands
@pytest.mark.parametrize(("name", "number"), [("TERM", 15), ("KILL", 9), ("SEGV", 11)])
def test_death_by_signal(commands: Programs, name: str, number: int) -> None:
    assert sh(commands, f"ulimit -c 0; kill -{name} $$").status == -number


@real_commands
def test_arguments_reach_the_program_as_they_are(commands: Programs) -> None:
    odd = ("a b", "$HOME", "*", "'\"", "--x=", "größe", ";")
    left = commands.run("/usr/bin/printf", "%s\\n", *odd)
    assert left.text.split("\n")[:-1] == list(odd)
    assert left.argv == ("/usr/bin/printf", "%s\\n", *odd)


@real_commands
def test_environment_is_fixed(commands: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LD_PRELOAD", "")
    lines = commands.run("/usr/bin/env").text.splitlines()
    (mark,) = (line for line in lines if line.startswith(f"{MARK}="))
    assert mark.startswith(f"{MARK}={os.getpid()}.")
    assert {*lines} - {mark} == {f"{name}={value}" for name, value in ENVIRONMENT.items()}
    assert mark not in commands.run("/usr/bin/env").text
    assert ENVIRONMENT["LC_ALL"] == "C.UTF-8"


@real_commands
def test_folder_terminal_and_session_are_fixed(commands: Programs) -> None:
    assert sh(commands, "pwd").text == "/\n"
    left = sh(commands, "test -t 0 || test -t 1 || test -t 2; echo $?; cut -d' ' -f6 /proc/$$/stat")
    no_terminal, session = left.text.split()
    assert no_terminal == "1"
    assert int(session) != os.getsid(0)


@real_commands
def test_no_descriptor_leaks_either_way(commands: Programs) -> None:
    def opened() -> set[int]:
        return {int(path.name) for path in Path("/proc/self/fd").iterdir() if path.exists()}

    before = opened()
    with Path("/proc/self/status").open():
        inside = {int(name) for name in commands.run("/bin/ls", "/proc/self/fd").text.split()}
    assert opened() == before
    # What this process was itself given by others; its own three; the folder that it lists.
    given = {descriptor for descriptor in before if os.get_inheritable(descriptor)}
    assert len(inside - given - {0, 1, 2}) == 1


@real_commands
def test_deadline_kills_grandchildren_too(commands: Programs, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! >{pids}; (sleep 60 & echo $! >>{pids}; wait); wait"
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match=r"did not end within 0\.4 seconds and was killed"):
        sh(commands, script, timeout=0.4)
    assert time.monotonic() - begun < 3
    grandchildren = [int(pid) for pid in pids.read_text().split()]
    assert len(grandchildren) == 2
    end = time.monotonic() + 2
    while any(map(alive, grandchildren)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(alive, grandchildren))


@real_commands
def test_a_program_that_ignores_signals_is_killed_all_the_same(commands: Programs) -> None:
    with pytest.raises(DeadlineError) as caught:
        sh(commands, "trap '' TERM INT HUP; sleep 60 & wait; sleep 60", timeout=0.2)
    assert caught.value.hint == "journalctl -b -k -n 30; uptime"


@real_commands
def test_a_grandchild_that_keeps_the_output_open_holds_nobody(
    commands: Programs, tmp_path: Path
) -> None:
    begun = time.monotonic()
    left = sh(commands, "sleep 1.5 & echo done", timeout=10)
    assert left.text == "done\n"
    assert time.monotonic() - begun < 1.2


@real_commands
def test_the_stages_deadline_bounds_a_command(commands: Programs) -> None:
    commands.deadline = Deadline("stage swap", 0.2)
    with pytest.raises(DeadlineError, match="`/usr/bin/sleep 60` did not end"):
        commands.run("/usr/bin/sleep", "60", timeout=30)


@real_commands
def test_readings_go_on_at_the_same_time_each_with_its_own_end() -> None:
    begun = time.monotonic()
    slow, missing, fast, hung = Programs().read_all(
        [
            Call((SHELL, "-c", "cat; sleep 0.6; exit 3"), b"in"),
            Call(("/usr/bin/no-such-program",)),
            Call((SHELL, "-c", "sleep 0.6; head -c 3000000 /dev/zero")),
            Call(("/usr/bin/sleep", "60"), timeout=0.3),
        ]
    )
    assert time.monotonic() - begun < 1.5
    assert isinstance(slow, Result)
    assert (slow.status, slow.stdout) == (3, b"in")
    assert isinstance(missing, CommandError)
    assert isinstance(fast, Result)
    assert len(fast.stdout) == 3_000_000
    assert isinstance(hung, DeadlineError)


@real_commands
def test_readings_that_are_interrupted_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> bool:
        time.sleep(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr("nodefix.host.programs.collect", interrupt)
    scripts = [f"echo $$ >{tmp_path}/{number}; exec sleep 60" for number in range(2)]
    with pytest.raises(KeyboardInterrupt):
        Programs().read_all([Call((SHELL, "-c", script)) for script in scripts])
    assert not any(alive(int((tmp_path / f"{number}").read_text())) for number in range(2))


def test_nothing_is_started_once_the_deadline_has_passed(commands: Programs) -> None:
    commands.deadline = Deadline("stage swap", -1)
    with pytest.raises(DeadlineError, match="stage swap took longer"):
        commands.run("/usr/bin/true")


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "words"),
    [
        (1, b"out", b"  one\n\n two \n", "one; two"),
        (1, b"out\n", b"", "out"),
        (4, b"", b"", "exit status 4, no output"),
        (1, b"", b"caf\xe9", "caf\ufffd"),
        (1, b"", b"\n", "exit status 1, no output"),
    ],
)
def test_words(status: int, stdout: bytes, stderr: bytes, words: str) -> None:
    assert Result((), status, stdout, stderr).words == words


def test_quoted_can_be_typed() -> None:
    assert quoted(("/usr/sbin/swapoff", "/swap file")) == "/usr/sbin/swapoff '/swap file'"
