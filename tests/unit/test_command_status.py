"""nodefix/commands/status.py: `nodefix status`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from boots import FAILED, READY, RUNNING, last, seen, service
from commandline import below_root, journals, on_node
from commandline import status as nodefix

from nodefix.commands import status
from nodefix.errors import BusError
from nodefix.host.systemd import Systemd
from nodefix.status.seen import Seen
from nodefix.switch import Switch

__all__ = ["below_root", "journals", "on_node"]

QUEUED = seen(service=service("inactive", "dead", job=True))


class Bus(Systemd):
    """A bus on which the test says what is heard when."""

    def __init__(self, *heard: str, broken: bool = False) -> None:
        super().__init__()
        self.heard, self.broken = list(heard), broken

    def records(self, take: Callable[[Mapping[str, str]], None]) -> Callable[[float], None]:
        """One record at each pause."""
        if self.broken:
            raise BusError("no bus")

        def hear(seconds: float) -> None:
            if self.heard:
                take({"MESSAGE": self.heard.pop(0)})

        return hear


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What is seen, one after the other; the last one stays."""
    found: list[Seen] = []

    def look(root: Path, systemd: Systemd) -> Seen:
        return found.pop(0) if len(found) > 1 else found[0]

    monkeypatch.setattr(status, "look", look)
    monkeypatch.setattr(status, "_POLL_SECONDS", 0.001)
    return found


@pytest.mark.parametrize(
    ("boot", "code"),
    [
        (READY, 0),
        (seen(switch=Switch("/x")), 0),
        (seen(outside="found Debian"), 0),
        (FAILED, 1),
        (RUNNING._replace(is_locked=False, service=None), 1),
        (READY._replace(last=last("degraded")), 2),
        (seen(), 3),
        (RUNNING, 3),
    ],
)
@pytest.mark.usefixtures("on_node")
def test_exit_status_in_each_state(boots: list[Seen], boot: Seen, code: int) -> None:
    boots.append(boot)
    assert nodefix("status") == code
    assert nodefix("status", "--format", "json") == code


@pytest.mark.usefixtures("on_node")
def test_formats(boots: list[Seen], capsys: pytest.CaptureFixture[str]) -> None:
    boots.append(READY)
    nodefix("status", "--format", "json")
    assert json.loads(capsys.readouterr().out)["state"] == "ready"
    nodefix("status", "--format", "yaml")
    assert capsys.readouterr().out.startswith("state: ready\n")
    nodefix("status")
    said = capsys.readouterr().out
    assert said.startswith("ready since ")
    nodefix("status", "--long")
    assert "\nboot: b\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--wait", "--timeout", "x"],
        ["--wait", "--timeout", "-1"],
        ["--timeout", "5"],
        ["--format", "xml"],
    ],
)
@pytest.mark.usefixtures("on_node")
def test_usage(options: list[str]) -> None:
    assert nodefix("status", *options) == 64


def wait(bus: Systemd, timeout: float = 60.0) -> tuple[str, list[str]]:
    """The state at the end, and what was said."""
    said: list[str] = []
    begun = time.monotonic()
    _, verdict = status.wait(Path("/"), bus, timeout, said.append)
    assert time.monotonic() - begun < 1
    return verdict.state, said


def test_waits_for_the_end_and_shows_each_record(boots: list[Seen]) -> None:
    boots += [QUEUED, QUEUED, RUNNING, RUNNING, READY]
    records = ["started", "swap: \x1b[2J", "modules: unchanged", "ready", "late"]
    bus = Bus(*records)
    assert wait(bus) == (
        "ready",
        ["started", "swap: \\x1b[2J", "stage modules is running", *records[2:]],
    )


def test_without_a_bus_the_report_tells_of_each_stage(boots: list[Seen]) -> None:
    chains = RUNNING._replace(last=last("running", stage="chains"))
    boots += [RUNNING, RUNNING, chains, FAILED]
    assert wait(Bus(broken=True)) == (
        "failed",
        ["stage modules is running", "stage chains is running"],
    )


def test_with_a_bus_a_stage_is_not_told_twice(boots: list[Seen]) -> None:
    chains = RUNNING._replace(last=last("running", stage="chains"))
    boots += [RUNNING, chains, FAILED]
    assert wait(Bus())[1] == ["stage modules is running"]


@pytest.mark.parametrize("boot", [RUNNING, QUEUED, seen(service=None)])
def test_no_longer_than_it_may(boots: list[Seen], boot: Seen) -> None:
    boots.append(boot)
    state, said = wait(Bus(), timeout=0.02)
    assert said[-1] == f"nodefix: no longer waiting, after 0 s: it is {state}"


@pytest.mark.usefixtures("on_node")
def test_late_is_not_finished(boots: list[Seen], monkeypatch: pytest.MonkeyPatch) -> None:
    boots.append(RUNNING)
    monkeypatch.setattr(status, "Systemd", Bus)
    assert nodefix("status", "--wait", "--timeout", "0") == 3


@pytest.mark.parametrize(
    "boot",
    [
        seen(),
        seen(service=service("inactive", "dead", load="masked")),
        seen(service=service("failed", "failed", result="timeout")),
        seen(switch=Switch("/x")),
        seen(outside="found Debian"),
        FAILED,
        READY,
    ],
)
def test_a_run_that_does_not_come_is_not_waited_for(boots: list[Seen], boot: Seen) -> None:
    boots.append(boot)
    assert wait(Bus())[1] == []


def test_a_run_that_was_stopped_is_told_once(boots: list[Seen]) -> None:
    stopped = RUNNING._replace(stopped=(7,))
    boots += [RUNNING, stopped, stopped, RUNNING, READY]
    said = wait(Bus())[1]
    assert [line for line in said if "kill -CONT 7" in line] == said[1:]


@pytest.mark.usefixtures("on_node")
def test_interrupted(
    boots: list[Seen], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> Iterator[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "wait", interrupt)
    assert nodefix("status", "--wait") == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "nodefix: no longer waiting; a run that is going on goes on\n"
