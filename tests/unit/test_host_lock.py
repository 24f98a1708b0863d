"""nodefix/lock.py: one run at a time."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.errors import NodefixError
from nodefix.host.lock import Lock, is_held, restart_lock, run_lock, stopped_holders
from nodefix.words import LOCK, RESTART_LOCK


def shown_in_proc(
    node: Node, pid: int, command: str, holds: bool = True, place: str = LOCK
) -> None:
    """Let /proc show a process that has the lock file open."""
    status = (node.root / place).stat()
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lock = f"1: FLOCK  ADVISORY  WRITE {pid} {device} 0 EOF\n"
    node.file("/proc/locks", f"1: POSIX  ADVISORY  WRITE 7 00:19:1 0 EOF\n{lock}")
    node.file(f"/proc/{pid}/cmdline", command.replace(" ", "\0") + "\0")
    node.link(f"/proc/{pid}/fd/2", "/dev/null")
    node.link(f"/proc/{pid}/fd/5", str(node.root / place))
    node.file(f"/proc/{pid}/fdinfo/5", f"pos:\t0\nlock:\t{lock}" if holds else "pos:\t0\n")


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_nobody_but_root_can_open_it(node: Node, before: int | None) -> None:
    """flock(2) works on a descriptor that may only read, so any user could keep nodefix out."""
    if before:
        node.file(LOCK, mode=before)
    with run_lock(node.root, 0):
        assert (node.root / LOCK).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("/usr/bin/python3 -I /usr/bin/nodefix run", "journalctl -u nodefix -b -n 20"),
        ("flock /run/nodefix/lock sleep 99", "kill 4711; systemctl restart nodefix"),
    ],
)
def test_who_holds_it_is_told_by_the_kernel(node: Node, command: str, hint: str) -> None:
    with run_lock(node.root, 0):
        shown_in_proc(node, 4711, command)
        with pytest.raises(NodefixError) as caught, run_lock(node.root, 0.15):
            pytest.fail("two runs at once")
    assert caught.value.message == (
        f"waited 0.15 seconds for the run lock, held by pid 4711 ({command})"
    )
    assert caught.value.hint == hint


def test_a_run_that_was_stopped_is_told_to_go_on(node: Node) -> None:
    """^Z at a prompt, and forgotten."""
    with run_lock(node.root, 0):
        assert stopped_holders(node.root) == []
        shown_in_proc(node, 4710, "/usr/bin/python3 -I /usr/bin/nodefix run")
        node.file("/proc/4710/status", "Name:\tnodefix\nState:\tS (sleeping)\n")
        shown_in_proc(node, 4711, "/usr/bin/python3 -I /usr/bin/nodefix run")
        node.file("/proc/4711/status", "Name:\tnodefix\nState:\tT (stopped)\n")
        assert stopped_holders(node.root) == [4711]
        with pytest.raises(NodefixError) as caught, run_lock(node.root, 0):
            pass
    assert caught.value.message.endswith("; stopped by a signal: 4711")
    assert caught.value.hint == "kill -CONT 4711; systemctl restart nodefix"


def test_who_got_it_from_a_process_that_is_gone_is_named_and_who_waits_is_not(node: Node) -> None:
    with run_lock(node.root, 0):
        shown_in_proc(node, 4712, "sleep 300")
        shown_in_proc(node, 4713, "tail -f x")
        shown_in_proc(node, 4714, "/usr/bin/nodefix run", holds=False)
        with pytest.raises(NodefixError) as caught, run_lock(node.root, 0):
            pass
    assert "pid 4712 (sleep 300), pid 4713 (tail -f x)" in caught.value.message
    assert "4714" not in caught.value.message
    assert caught.value.hint == "kill 4712 4713; systemctl restart nodefix"


def test_a_holder_that_proc_does_not_show(node: Node) -> None:
    with (
        run_lock(node.root, 0),
        pytest.raises(NodefixError, match="a process that /proc does not show") as caught,
        run_lock(node.root, 0),
    ):
        pass
    assert caught.value.hint == "lslocks --output-all | grep run/nodefix/lock"


def test_a_holder_that_has_gone_meanwhile(node: Node) -> None:
    with run_lock(node.root, 0):
        shown_in_proc(node, 4711, "x")
        (node.root / "proc/4711/cmdline").unlink()
        with pytest.raises(NodefixError, match="an unknown program"), run_lock(node.root, 0):
            pass


def test_second_run_begins_when_the_first_ends(node: Node) -> None:
    got = threading.Event()

    def second() -> None:
        with run_lock(node.root, 10):
            got.set()

    thread = threading.Thread(target=second)
    with run_lock(node.root, 0):
        thread.start()
        assert not got.wait(0.15)
    thread.join(5)
    assert got.is_set()


def test_who_does_not_give_it_back_is_named(node: Node) -> None:
    other = Lock(node.root, LOCK, "the run lock")
    with (
        pytest.raises(NodefixError) as caught,
        run_lock(node.root, 0) as lock,
        lock.let_go(0.1),
    ):
        other.take(0)
        shown_in_proc(node, 4711, "/usr/bin/nodefix run")
    assert caught.value.message == (
        "waited 0.1 seconds for the run lock, held by pid 4711 (/usr/bin/nodefix run)"
    )
    other.close()


def test_two_locks_that_do_not_hinder_each_other(node: Node) -> None:
    with restart_lock(node.root, 0), run_lock(node.root, 0):
        shown_in_proc(node, 4711, "/usr/bin/nodefix run", place=RESTART_LOCK)
        with pytest.raises(NodefixError) as caught, restart_lock(node.root, 0):
            pass
    assert caught.value.message == (
        "waited 0 seconds for the restart of kube-proxy, held by pid 4711 (/usr/bin/nodefix run)"
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_it_is_free_again_however_a_run_ends(node: Node, error: type[BaseException]) -> None:
    with pytest.raises(error), run_lock(node.root, 0):
        raise error
    with run_lock(node.root, 0):
        pass


def test_a_link_in_its_place_is_not_followed(node: Node) -> None:
    victim = node.file("/etc/shadow", "precious", mode=0o640)
    node.link(LOCK, "../../etc/shadow")
    with pytest.raises(NodefixError, match="found a symbolic link"), run_lock(node.root, 0):
        pass
    assert victim.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_a_lock_has_a_way_out(node: Node) -> None:
    (node.root / LOCK).parent.mkdir(parents=True)
    os.mkfifo(node.root / LOCK)
    with pytest.raises(NodefixError, match="found a named pipe") as caught, run_lock(node.root, 0):
        pass
    path = node.root / LOCK
    assert caught.value.hint == f"mv {path} {path}.saved && systemctl restart nodefix"


def test_programs_that_are_started_do_not_inherit_it(node: Node) -> None:
    with run_lock(node.root, 0):
        (held,) = (
            int(path.name)
            for path in Path("/proc/self/fd").iterdir()
            if path.is_symlink() and path.readlink() == node.root / LOCK
        )
        assert not os.get_inheritable(held)


def test_whether_a_run_is_going_on(node: Node) -> None:
    assert not is_held(node.root)
    with run_lock(node.root, 0):
        assert is_held(node.root)
    assert not is_held(node.root)


def test_an_ordinary_user_sees_it_too(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with run_lock(node.root, 0):
        shown_in_proc(node, 4711, "nodefix run")
        monkeypatch.setattr("nodefix.host.lock.os.open", refuse)
        monkeypatch.setattr("nodefix.host.lock.read_file", lambda path: Path(path).read_bytes())
        assert is_held(node.root)
        (node.root / "proc/locks").write_text("")
        assert not is_held(node.root)
