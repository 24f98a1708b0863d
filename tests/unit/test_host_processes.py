"""nodefix/processes.py: killed with all that it started, wherever that went."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nodefix.errors import DeadlineError
from nodefix.host import processes
from nodefix.host import programs as commands
from nodefix.host.processes import kill_all
from nodefix.host.programs import Programs

pytestmark = [pytest.mark.real_commands, pytest.mark.usefixtures("both_doors")]

# Leaves group and session, has two parents that end, and writes down its number.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {then}
        open(sys.argv[1], "a").write(f"{{os.getpid()}} ")
        time.sleep(60)
    os._exit(0)
os.wait()
time.sleep(60)
"""


def left_behind(tmp_path: Path, then: str = "pass") -> list[int]:
    """Run such a program over its time; the numbers that its children wrote down."""
    pids = tmp_path / "pids"
    program = ("-I", "-S", "-c", DAEMON.format(then=then), str(pids))
    with pytest.raises(DeadlineError, match=r"and was killed$"):
        Programs().run("/usr/bin/python3", *program, timeout=1)
    return [int(pid) for pid in pids.read_text().split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_daemon_of_its_own_session_is_killed(tmp_path: Path) -> None:
    pids = left_behind(tmp_path)
    assert len(pids) == 1
    assert not any(map(alive, pids))


def test_child_in_the_session_whose_environment_is_empty_is_killed(tmp_path: Path) -> None:
    script = f"env -i /bin/sh -c 'echo $$ >>{tmp_path}/pids; exec sleep 60' & sleep 60"
    with pytest.raises(DeadlineError):
        Programs().run("/bin/sh", "-c", script, timeout=0.5)
    assert not alive(int((tmp_path / "pids").read_text()))


def test_child_of_another_session_without_the_mark_is_found_by_its_parent(tmp_path: Path) -> None:
    script = f"env -i setsid /bin/sh -c 'echo $$ >>{tmp_path}/pids; sleep 60; true' & sleep 60"
    with pytest.raises(DeadlineError):
        Programs().run("/bin/sh", "-c", script, timeout=0.5)
    assert not alive(int((tmp_path / "pids").read_text()))


def test_orphan_of_the_session_without_the_mark_is_found_by_its_session(tmp_path: Path) -> None:
    script = f"(env -i /bin/sh -c 'echo $$ >>{tmp_path}/pids; exec sleep 60' &); sleep 60"
    with pytest.raises(DeadlineError):
        Programs().run("/bin/sh", "-c", script, timeout=0.5)
    assert not alive(int((tmp_path / "pids").read_text()))


def test_number_that_was_given_out_again_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    init = processes._Process(pid=1, state="S", parent=0, session=1, started=200)
    monkeypatch.setattr(processes, "_process", lambda pid: init if pid == 1 else None)
    assert processes._family({1: 100}, set(), b"X=1", 100) == []
    assert processes._family({1: 200}, set(), b"X=1", 100) == [init]


def test_those_that_keep_starting_others_are_killed(tmp_path: Path) -> None:
    # Each copy forks anew before the last one is gone.
    then = "end = time.time() + 8\n        while time.time() < end and os.fork(): os._exit(0)"
    left_behind(tmp_path, then)
    own = f"{commands.MARK}={os.getpid()}.".encode()
    environments = (path for path in Path("/proc").glob("[0-9]*/environ"))
    assert not any(own in read(path) for path in environments)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_others_are_left_alone(tmp_path: Path) -> None:
    mark = f"{commands.MARK}={os.getpid()}.0"
    other = subprocess.Popen(["/usr/bin/sleep", "60"], env={mark[:-1].partition("=")[0]: "1.1"})
    left_behind(tmp_path)
    assert other.poll() is None
    assert kill_all(mark.encode(), 1) == []
    assert other.poll() is None
    other.kill()
    other.wait()


def test_what_cannot_be_killed_is_named_and_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "_KILL_SECONDS", 0.2)
    monkeypatch.setattr(processes, "_kill", lambda process: None)
    begun = time.monotonic()
    with pytest.raises(DeadlineError) as caught:
        Programs().run("/usr/bin/sleep", "60", timeout=0.1)
    assert time.monotonic() - begun < 2
    found = re.search(r"was killed, which did not end (\d+)", caught.value.message)
    assert found
    assert caught.value.hint == f"ps -o pid,stat,wchan:32,args -p {found[1]}"
    os.kill(int(found[1]), signal.SIGKILL)


def test_looking_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_KILL_SECONDS", -0.9)
    monkeypatch.setattr(processes, "kill_all", lambda *_: time.sleep(3))
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="which did not end") as caught:
        Programs().run("/usr/bin/sleep", "2", timeout=0.1)
    assert time.monotonic() - begun < 1
    assert caught.value.hint.startswith("ps ")


def test_what_was_said_until_then_is_told_at_once() -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="and was killed; it said: waiting for the lock"):
        Programs().run("/bin/sh", "-c", "echo waiting for the lock >&2; sleep 60", timeout=0.3)
    # The program itself, not yet waited for, is no reason to go on killing.
    assert time.monotonic() - begun < 1.2


def test_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> bool:
        time.sleep(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "collect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Programs().run("/bin/sh", "-c", f"echo $$ >{tmp_path}/pids; exec sleep 60")
    assert not alive(int((tmp_path / "pids").read_text()))


def test_real_limit_of_processes_is_an_error_with_a_hint() -> None:
    # Root may have more than the limit, so this is somebody else.
    code = (
        "import os, sys, resource\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from nodefix.host.programs import Programs\n"
        "from nodefix.errors import CommandError\n"
        "os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "for limit in (1, 2, 3):\n"
        "    resource.setrlimit(resource.RLIMIT_NPROC, (limit, 8))\n"
        "    try: Programs().run('/bin/sh', '-c', 'echo done')\n"
        "    except CommandError as error: print(error.message, '|', error.hint)\n"
        "    else: print('done')\n"
    )
    if os.geteuid() != 0:
        pytest.skip("needs root, to become a user without processes")
    argv = ["/usr/bin/python3", "-I", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    first, *others = done.stdout.splitlines()
    assert re.search(r"could not be started: .*Resource temporarily unavailable.*\| free -m", first)
    assert all("could not be started" in line or line == "done" for line in others)
