"""What runs beside the tests: it ends with them, breaks nothing off, and leaves them room."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import ahead
import pytest
import testnode
from testnode.qemu import Scenario, disk, farm

PLENTY = 30.0


class Terminal:
    """Keeps the lines that a plugin adds to pytest's summary."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str, **_: bool) -> None:
        """As TerminalReporter's."""
        self.lines.append(text)


def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> ahead.Ahead:
    """One with a program of the test's own."""
    monkeypatch.setattr(ahead, "LOG", ahead.TOP / "build/testnode/test-ahead.log")
    file = tmp_path / "program.py"
    file.write_text(program)
    return ahead.Ahead(str(file))


def told(plugin: ahead.Ahead) -> list[str]:
    """What it adds to the summary."""
    terminal = Terminal()
    plugin.pytest_terminal_summary(terminal)
    return terminal.lines


def test_it_ends_with_the_tests_and_is_no_failure_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = started(tmp_path, monkeypatch, "import time; time.sleep(600)")
    assert not plugin.over()
    plugin.pytest_sessionfinish()
    assert plugin.over()
    assert told(plugin) == []


@pytest.mark.parametrize("status", [0, 1])
def test_only_its_own_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    plugin = started(tmp_path, monkeypatch, f"raise SystemExit({status})")
    end = time.monotonic() + PLENTY
    while not plugin.over() and time.monotonic() < end:
        time.sleep(0.02)
    plugin.pytest_sessionfinish()
    assert len(told(plugin)) == status


def test_what_must_not_be_broken_off_comes_to_its_end(tmp_path: Path) -> None:
    script = f"sleep 0.5; touch {tmp_path}/whole"
    with pytest.raises(testnode.Failed, match="still running"):
        testnode.run(["sh", "-c", script], timeout=0.1, patience=PLENTY)
    assert (tmp_path / "whole").exists()
    with pytest.raises(testnode.Failed, match="still running"):
        testnode.run(["sh", "-c", f"sleep 60; touch {tmp_path}/half"], timeout=0.1)
    assert not (tmp_path / "half").exists()


def test_machines_leave_a_processor_until_they_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = 0
    seen: list[int] = []
    order: list[str] = []
    change = threading.Condition()
    go_on = threading.Semaphore(0)

    class Machine:
        def __init__(self, _base: object, _kind: object, scenario: Scenario, *_: Path) -> None:
            self.name = scenario.name

        def run(self, _start: object) -> list[object]:
            nonlocal running
            with change:
                running += 1
                order.append(self.name)
                seen.append(running)
                change.notify_all()
            assert go_on.acquire(timeout=PLENTY)
            with change:
                running -= 1
            return []

    nothing = disk.Base(tmp_path, tmp_path, b"")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(testnode, "need", lambda *_: None)
    monkeypatch.setattr(testnode, "build_rpm", lambda _: tmp_path)
    monkeypatch.setattr(disk, "base", lambda *_: nothing)
    monkeypatch.setattr(farm, "accelerator", lambda _: "none")
    monkeypatch.setattr(farm, "Machine", Machine)
    monkeypatch.setattr(farm, "RESULTS", tmp_path)
    monkeypatch.setattr(farm, "_NEEDED_KIB", 1)
    scenarios = [Scenario(f"room-{number}", boots=()) for number in range(4)]
    machines = farm.Farm(scenarios)

    def wait_for(count: int) -> None:
        with change:
            assert change.wait_for(lambda: len(seen) >= count, PLENTY)
        # Time for one more that must not come.
        time.sleep(0.2)
        assert len(seen) == count

    try:
        wait_for(1)
        go_on.release()
        wait_for(2)
        asking = threading.Thread(target=machines.ran, args=(scenarios[3],))
        asking.start()
        wait_for(3)
        go_on.release()
        wait_for(4)
        go_on.release(2)
        asking.join(PLENTY)
        assert seen == [1, 1, 2, 2]
        # As their tests come.
        assert order == [scenario.name for scenario in scenarios]
    finally:
        go_on.release(9)
        machines.close()
