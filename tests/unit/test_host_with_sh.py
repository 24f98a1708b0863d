"""nodefix/host/with_sh.py: what only sh does; all else is tested by both doors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nodefix.errors import NO_ROOM, CommandError
from nodefix.host.programs import Programs

pytestmark = pytest.mark.real_commands

TOP = Path(__file__).resolve().parents[2]


def test_what_sh_does_not_use_is_not_imported_for_it() -> None:
    code = (
        "import sys\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from nodefix.host.programs import Programs\n"
        "assert 'sh' not in sys.modules\n"
        "print(Programs().run('/bin/echo', 'done').text)\n"
        "from nodefix.host.stand_ins import OF_SH\n"
        "print({'ssl', 'email', *OF_SH} & sys.modules.keys())\n"
        "import asyncio, importlib.metadata, inspect, logging\n"
        "print(asyncio.run, importlib.metadata.version('sh'), inspect.stack, logging.Logger)\n"
    )
    argv = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    # Whoever wants them afterwards gets the real ones.
    assert done.stdout.startswith("done\n\nset()\n<function run "), done.stdout


def test_no_thread_for_sh_after_the_program_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    start, fork, forked = threading.Thread.start, os.fork, list[int]()

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("background thread for pid"):
            raise RuntimeError("can't start new thread")
        start(thread)

    def remembered() -> int:
        forked.append(fork())
        return forked[-1]

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(os, "fork", remembered)
    with pytest.raises(CommandError, match="could not be started: can't start new") as caught:
        Programs().run("/usr/bin/sleep", "60")
    assert caught.value.hint == NO_ROOM
    # Killed, and waited for.
    assert not Path(f"/proc/{forked[0]}").exists()


def test_no_thread_for_sh_once_the_program_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoTimer:
        def __init__(self, *_: object) -> None: ...

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "Timer", NoTimer)
    assert Programs().run("/bin/sh", "-c", "echo done; exit 3")[1:] == (3, b"done\n", b"")
