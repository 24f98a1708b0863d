"""Make faults on the booted node, some at once, each in a process and a world of its own.

    drive.py prepare                    make the node one on which faults can be made; once
    drive.py points                     print each call of a run that changes something
    drive.py trace OPTIONS              print what strace(1) sees of such a run
    drive.py make FAULTS.json WORKERS   make faults

FAULTS.json is a list of objects; see tests/faults/faultlist.py. For each a line of JSON is printed:
its number, what did not hold, and how long it took. For boots in a row a line is printed for each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import booting
import breaking
import course
import judging
import killing
import world

_SECONDS = 900
COURSES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "at-once": course.at_once,
    "signals": course.signalled,
    "meddling": course.meddled,
    "users": course.as_user,
    "kill": killing.killed,
}


def prepare() -> None:
    """Give the node something to do, and have nothing else at work on it."""
    import subprocess

    for argv in (
        ["systemctl", "stop", "kubelet.service", "nodefix-watch.service", "nodefix.service"],
        ["update-alternatives", "--quiet", "--set", "iptables", "/usr/sbin/iptables-legacy"],
        ["rm", "-rf", "/var/lib/nodefix", "/etc/tmpfiles.d/nodefix.conf"],
    ):
        subprocess.run(argv, check=True)
    Path("/var/lib/nodefix").mkdir(0o700)
    Path("/etc/fstab").write_text(judging.FSTAB)
    world.make_base()


def one(fault: Mapping[str, Any]) -> Iterator[list[str]]:
    """What did not hold under one fault; a line that begins with `-` says why it was not made."""
    try:
        if fault["group"] == "boots":
            yield from booting.boots(fault)
        else:
            yield COURSES.get(fault["group"], course.broken)(fault)
    except breaking.CannotBe as error:
        yield [f"-{error}"]
    except Exception:
        yield [f"the harness failed: {traceback.format_exc()}"]


def _work(number: int, fault: Mapping[str, Any]) -> None:
    """In a child: one fault, its lines, and the end of all that was started."""
    signal.alarm(_SECONDS)
    begun = time.monotonic()
    for found in one(fault):
        now = time.monotonic()
        os.write(1, f"{json.dumps([number, found, round(now - begun, 2)])}\n".encode())
        # For each boot of a row anew.
        signal.alarm(_SECONDS)
        begun = now
    for process in world.others():
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:
            continue
    os._exit(0)


def main() -> None:
    """See above."""
    if sys.argv[1] == "prepare":
        prepare()
    elif sys.argv[1] == "trace":
        print(killing.trace(*sys.argv[2:]))
    elif sys.argv[1] == "points":
        print(json.dumps(killing.points()))
    else:
        make(json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3]))


def make(faults: list[Mapping[str, Any]], workers: int) -> None:
    """Make faults, so many at once, and four in the place of one where they only wait."""
    running: dict[int, int] = {}
    for number, fault in enumerate(faults):
        while sum(0.25 if faults[one].get("waits") else 1 for one in running.values()) >= workers:
            _reap(running)
        if child := os.fork():
            running[child] = number
        else:
            _work(number, fault)
    while running:
        _reap(running)


def _reap(running: dict[int, int]) -> None:
    child, status = os.wait()
    number = running.pop(child, None)
    if status and number is not None:
        line = json.dumps([number, [f"the harness ended with {status}"], 0])
        os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
