"""Runs machines beside each other, and ends them all when the tests end."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import testnode
from testnode.qemu import disk
from testnode.qemu.accel import accelerator
from testnode.qemu.machine import MEMORY_MIB, Machine
from testnode.qemu.results import Booted
from testnode.qemu.scenario import Scenario
from testnode.store import PROJECT, scratch
from testnode.undo import later

RESULTS = PROJECT / "build" / "vm"
_AT_ONCE = 2
# Beside its memory a machine takes about as much for translated code.
_NEEDED_KIB = 2 * MEMORY_MIB * 1024


@dataclass(frozen=True)
class Ran:
    """A scenario and what came of it."""

    scenario: Scenario
    boots: list[Booted]


class Farm:
    """All machines of a test session; close() ends what still runs.

    Until the first that ran() is asked for, one processor is left to what goes on beside them.
    """

    def __init__(self, scenarios: Iterable[Scenario]) -> None:
        """Build what the machines have in common, and start with the first scenarios."""
        self._lock = threading.Lock()
        self._closed = False
        self._running: set[subprocess.Popen[bytes]] = set()
        testnode.need(*disk.HOST_PACKAGES)
        self._scratch, remove = scratch("vm")
        at_once = _beside_each_other()
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="vm")
        self._kept = max(0, at_once + 1 - len(os.sched_getaffinity(0)))
        self._room = threading.Semaphore(at_once - self._kept)
        self._waiting = deque(scenarios)
        self._done: dict[str, Future[Ran]] = {scenario.name: Future() for scenario in self._waiting}

        def end() -> None:
            self._end()
            remove()

        self.close = later(end)
        rpm = testnode.build_rpm(self._scratch / "rpm")
        self._base = disk.base(rpm, self._scratch)
        self.accelerator = accelerator(self._base.kernel)
        for _ in self._done:
            self._pool.submit(self._run_next)

    def ran(self, scenario: Scenario) -> Ran:
        """What came of a scenario, waited for; raises what went wrong with its machine."""
        self._give_room()
        return self._done[scenario.name].result()

    def _give_room(self) -> None:
        """Use all processors from now on."""
        if self._kept:
            self._room.release(self._kept)
            self._kept = 0

    def _run_next(self) -> None:
        with self._room:
            # Only now: whoever gets room next is to take the one that is asked for first.
            scenario = self._waiting.popleft()
            done = self._done[scenario.name]
            try:
                done.set_result(self._run(scenario))
            except BaseException as error:
                done.set_exception(error)

    def _run(self, scenario: Scenario) -> Ran:
        folder, results = self._scratch / scenario.name, RESULTS / scenario.name
        folder.mkdir()
        shutil.rmtree(results, ignore_errors=True)
        machine = Machine(self._base, self.accelerator, scenario, folder, results)
        try:
            return Ran(scenario, machine.run(self._start))
        finally:
            shutil.rmtree(folder)

    def _start(self, argv: list[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise testnode.Failed("the tests are at their end")
            # The starting thread waits for the process. What goes on beside has tighter deadlines.
            process = testnode.command.start(["nice", "--adjustment=5", *argv], bound_by="KILL")
            self._running = {other for other in self._running if other.poll() is None} | {process}
        return process

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()
        self._give_room()
        self._pool.shutdown(cancel_futures=True)


def _beside_each_other() -> int:
    """How many machines run at once: as many as there are processors and there is memory for."""
    words = Path("/proc/meminfo").read_text().split()
    available = int(words[words.index("MemAvailable:") + 1])
    return max(1, min(_AT_ONCE, len(os.sched_getaffinity(0)), available // _NEEDED_KIB))
