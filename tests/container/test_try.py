"""packaging/try --shell, as somebody at a terminal sees it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time

import pytest
from nodes import TOP


@pytest.mark.usefixtures("rpm")
def test_a_prompt_on_the_node_that_is_gone_afterwards() -> None:
    master, slave = pty.openpty()
    argv = [str(TOP / "packaging/try"), "--shell", "--break", "lockfile"]
    program = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        said = until(master, b"root@node:~#")
        assert b"`exit` or ^D leaves it, and the node is gone then" in said
        os.write(master, b"nodefix --version; stat -c %F:$(tty | cut -c1-9) /run/xtables.lock\n")
        os.write(master, b"sleep 60 & kill %1; systemctl is-active nodefix kubelet\n")
        os.write(master, b"echo over-$((6*7))\n")
        said = until(master, b"over-42")
        for words in (
            b"nodefix 0.",
            b"regular empty file:/dev/pts/",
            b"Terminated",
            b"active\r\nactive",
        ):
            assert words in said, said.decode()
        assert b"no job control" not in said
        os.write(master, b"exit\n")
        assert b"The node is gone." in until(master, b"The node is gone.")
        assert program.wait(30) == 0
    finally:
        program.terminate()
        program.wait(30)
        os.close(master)


def until(master: int, end: bytes, seconds: float = 120) -> bytes:
    """What appears on a terminal up to `end`, or until nothing more can."""
    said = b""
    deadline = time.monotonic() + seconds
    while end not in said and (left := deadline - time.monotonic()) > 0:
        if select.select([master], [], [], left)[0]:
            try:
                said += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
    assert end in said, said.decode(errors="replace")
    return said
