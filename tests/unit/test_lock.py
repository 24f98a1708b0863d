"""nodefix/lock.py: one run at a time."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.errors import NodefixError
from nodefix.lock import LOCK, run_lock


def test_folder_and_lock_are_made(node: Node) -> None:
    with run_lock(node.root, "nodefix run", 0):
        assert (node.root / LOCK).read_text() == f"pid {os.getpid()} (nodefix run)"


def test_second_run_waits_and_names_the_first(node: Node) -> None:
    with (
        run_lock(node.root, "nodefix run swap", 0),
        pytest.raises(NodefixError) as caught,
        run_lock(node.root, "nodefix run", 0.15),
    ):
        pytest.fail("two runs at once")
    assert caught.value.message == (
        f"waited 0.15 seconds for another run: pid {os.getpid()} (nodefix run swap)"
    )
    assert caught.value.hint == "journalctl -u nodefix -b"


def test_who_waits_does_not_overwrite_the_holders_name(node: Node) -> None:
    with run_lock(node.root, "first", 0):
        for _ in range(2):
            with pytest.raises(NodefixError, match="first"), run_lock(node.root, "second", 0):
                pass


def test_second_run_begins_when_the_first_ends(node: Node) -> None:
    got = threading.Event()

    def second() -> None:
        with run_lock(node.root, "second", 10):
            got.set()

    thread = threading.Thread(target=second)
    with run_lock(node.root, "first, with a long name", 0):
        thread.start()
        assert not got.wait(0.15)
    thread.join(5)
    assert got.is_set()
    # A short name leaves nothing of a longer one.
    assert (node.root / LOCK).read_text() == f"pid {os.getpid()} (second)"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_it_is_free_again_however_a_run_ends(node: Node, error: type[BaseException]) -> None:
    with pytest.raises(error), run_lock(node.root, "first", 0):
        raise error
    with run_lock(node.root, "second", 0):
        pass


def test_a_holder_that_left_no_name(node: Node) -> None:
    file = node.file(LOCK)
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with (
            pytest.raises(NodefixError, match="another run: an unknown process"),
            run_lock(node.root, "second", 0),
        ):
            pass


def test_a_link_in_its_place_is_not_followed(node: Node) -> None:
    victim = node.file("/etc/shadow", "precious")
    node.link(LOCK, "../../etc/shadow")
    with pytest.raises(OSError), run_lock(node.root, "first", 0):
        pass
    assert victim.read_text() == "precious"


def test_programs_that_are_started_do_not_inherit_it(node: Node) -> None:
    with run_lock(node.root, "first", 0):
        (held,) = (
            int(path.name)
            for path in Path("/proc/self/fd").iterdir()
            if path.is_symlink() and path.readlink() == node.root / LOCK
        )
        assert not os.get_inheritable(held)
