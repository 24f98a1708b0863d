"""The course of each group of faults: what is broken, run, judged, mended and run again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import breaking
import forms
import judging
import surroundings
import world

Fault = Mapping[str, Any]
_SWITCHES = ("/etc/nodefix/disabled",)
# What nodefix writes: it may replace what it finds there.
_OWN = (
    "/run/nodefix",
    "/var/lib/nodefix",
    "/run/motd.d/nodefix",
    "/run/xtables.lock",
    "/etc/alternatives",
    "/etc/fstab",
)
_BOUND = 200.0
# How commands of an ordinary user end: before the first run of a boot, and after it.
AS_USER = {
    "run": (77, 77),
    "run --dry-run": (77, 77),
    "disable": (77, 77),
    "rollback": (77, 77),
    "wait --timeout 0": (1, 0),
    "status": (3, 0),
    "--version": (0, 0),
}


def begin(target: str = "") -> None:
    """A node that has just booted, with something to do for each stage that writes."""
    world.enter(target)
    Path("/run/xtables.lock").mkdir()


def broken(fault: Fault) -> list[str]:
    """Something stands in the place of a tool, a file or a folder, or of what is around."""
    begin(str(fault.get("target", "")))
    if fault.get("after"):
        world.nodefix("run")
    how: dict[str, Any] = {}
    undo = _SETUPS[fault["group"]](fault, how)
    return list(_judged(fault, how, undo))


def _judged(fault: Fault, how: dict[str, Any], undo: Callable[[], None]) -> Iterator[str]:
    group, target = fault["group"], str(fault.get("target", ""))
    is_own = target.startswith(_OWN)
    before = judging.Before()
    of_target = world.signature(Path(target)) if group == "files" else ()
    ran = world.nodefix("run", seconds=_BOUND, **how)
    # What one call was refused, and who is killed by a limit, leaves it to those without.
    is_over = group == "refused" or (ran.status or 0) < 0
    gone_on = {} if is_over else how
    waited = world.nodefix("wait", "--timeout", "0", seconds=60, **gone_on)
    if group == "refused" and not surroundings.were_refused():
        raise breaking.CannotBe(f"this run made no such call: {fault['call']} {fault['value']}")
    yield from _left_running(fault)
    limited = group in ("limits", "refused")
    yield from judging.judge(ran, _BOUND, may_die=limited)
    yield from judging.judge(waited, 45, may_die=limited and not is_over)
    yield from judging.remedies(ran)
    yield from judging.remedies(waited)
    if limited and not is_over:
        # Under a limit the gate may be shut for want of what it takes to see that it is open.
        waited = world.nodefix("wait", "--timeout", "0")
    yield from judging.gate(ran, waited, target in _SWITCHES)
    yield from before.lost(target)
    if of_target and not is_own and world.signature(Path(target)) != of_target:
        yield f"{target} was changed: {of_target} -> {world.signature(Path(target))}"
    undo()
    yield from healed(full=False)


def _left_running(fault: Fault) -> Iterator[str]:
    """What of a run still runs after it.

    A program that has ended by itself may have left a service behind, which is not nodefix's to
    kill. Under systemd it ends with nodefix.service, test_faults_left_running.py; by hand it is
    whose who typed the command.
    """
    for process in world.others():
        is_service = fault["kind"] == "leaves-a-session" and _is_marked(process)
        if not _is_ours(process) and not is_service:
            yield f"process {process} was left running: {_words(process)}"
            os.kill(process, signal.SIGKILL)


def healed(full: bool) -> Iterator[str]:
    """Whether the next run without the fault makes the node ready, and loses nothing."""
    again = world.nodefix("run")
    yield from judging.judge(again, 60)
    yield from judging.ready(again, "the run without the fault")
    waited = world.nodefix("wait", "--timeout", "0")
    if waited.status:
        yield f"wait without the fault ended with {waited.status}: {waited.said[:300]!r}"
    yield from judging.fstab_lost()
    yield from judging.left_behind()
    if full:
        yield from judging.ready(world.nodefix("run"), "one more run")
        yield from judging.converged()


def at_once(fault: Fault) -> list[str]:
    """Many runs and waits at the same time: one after the other, and no two at odds."""
    begin()
    argvs = [("run",), ("wait", "--timeout", "90")]
    started = [
        subprocess.Popen(
            ["/usr/bin/nodefix", *argvs[number % 2 if fault["kind"] == "mixed" else 0]],
            env=world.ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for number in range(20)
    ]
    found = []
    for process in started:
        said, _ = process.communicate(timeout=300)
        ran = world.Ran(process.returncode, said, 0)
        found += [*judging.judge(ran, 300)]
        # One that waits for the lock in vain says so; a wait may come before the first run.
        if ran.status and b"waited 30 seconds" not in said and b"run" in process.args[1].encode():
            found.append(f"one of 20 ended with {ran.status}: {said[-300:]!r}")
    return [*found, *healed(full=True)]


def signalled(fault: Fault) -> list[str]:
    """A signal at some time of the run."""
    begin()
    process = subprocess.Popen(
        ["/usr/bin/nodefix", "run"],
        env=world.ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    time.sleep(fault["value"])
    number = getattr(signal, fault["kind"])
    process.send_signal(number)
    if number == signal.SIGSTOP:
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=200)
    ran = world.Ran(process.returncode, said, 0)
    found = [*judging.judge(ran, 200, may_die=True)]
    for left in _still_running(10):
        found.append(f"process {left} was left running: {_words(left)}")
        os.kill(left, signal.SIGKILL)
    return [*found, *judging.fstab_lost(), *healed(full=True)]


def _still_running(seconds: float) -> list[int]:
    """What of a run that a signal has ended does not come to its end by itself.

    Who is killed can end nobody else: a program that was at work finishes that, a moment later.
    """
    end = time.monotonic() + seconds
    while (left := world.others()) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def meddled(fault: Fault) -> list[str]:
    """An ordinary user does what they can, before and during a run."""
    begin()
    world.nodefix("run")
    Path("/run/xtables.lock").unlink()
    child = surroundings.as_nobody(lambda: surroundings.meddle(fault["kind"]))
    time.sleep(0.3)
    found = [*judging.ready(world.nodefix("run"), "the run beside an ordinary user")]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return [*found, *healed(full=True)]


def as_user(fault: Fault) -> list[str]:
    """Commands of an ordinary user: they say what they may not, and change nothing."""
    begin()
    if fault["value"]:
        world.nodefix("run")
    before = judging.Before()
    ran = world.nodefix(*fault["kind"].split(), user=65534, group=65534, extra_groups=[])
    statuses = [AS_USER[fault["kind"]][fault["value"]]]
    return [*judging.judge(ran, 70, statuses=statuses), *before.lost(), *healed(full=False)]


def _is_ours(process: int) -> bool:
    """Whether it is a listener that stands in for bus or journal: a fork of this program."""
    return "/root/faults/drive.py" in _words(process)


def _is_marked(process: int) -> bool:
    """Whether a program of a run has started it."""
    try:
        return b"NODEFIX_COMMAND=" in Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        # Gone.
        return True


def _words(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return "(gone)"


def _of_kind(fault: Fault) -> Callable[[], None]:
    path = Path(fault["target"])
    return {
        "tools": breaking.tool,
        "files": breaking.file,
        "folders": breaking.folder,
        "entries": breaking.entries,
    }[fault["group"]](path, fault["kind"])


def _limits(fault: Fault, how: dict[str, Any]) -> Callable[[], None]:
    how.update(surroundings.limit(fault["kind"], fault["value"]))
    return lambda: None


def _refused(fault: Fault, how: dict[str, Any]) -> Callable[[], None]:
    later = bool(fault.get("and_later"))
    how.update(surroundings.refused(fault["kind"], fault["call"], fault["value"], later))
    return lambda: None


def _streams(fault: Fault, how: dict[str, Any]) -> Callable[[], None]:
    more, undo = surroundings.streams(fault["kind"])
    how.update(more)
    return undo


_SETUPS: Mapping[str, Callable[[Fault, dict[str, Any]], Callable[[], None]]] = {
    **dict.fromkeys(("tools", "files", "folders", "entries"), lambda fault, _: _of_kind(fault)),
    "crowds": lambda fault, _: breaking.crowd(Path(fault["target"])),
    "places": lambda fault, _: surroundings.place(
        Path(fault["target"]), fault["kind"], fault["value"]
    ),
    "sockets": lambda fault, _: surroundings.socket_of(Path(fault["target"]), fault["kind"]),
    "limits": _limits,
    "refused": _refused,
    "streams": _streams,
    "forms": lambda fault, _: forms.write(Path(fault["target"]), fault["kind"]),
}
