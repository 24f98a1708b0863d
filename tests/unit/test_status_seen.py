"""nodefix/status/seen.py: what can be seen of a boot, by anybody."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from boots import kubelet, service
from fakehost import OTHER_BOOT_ID, Node
from lastrun import leave

from nodefix.config import Config
from nodefix.errors import BusError, ConfigError
from nodefix.host.units import UnitState
from nodefix.report import StageReport
from nodefix.status import seen
from nodefix.status.verdict import judge
from nodefix.words import KUBELET_UNITS

SWAP = StageReport("swap", "required", "unchanged")


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    # Configuration files of a made-up node belong to whoever runs the tests.
    monkeypatch.setattr(seen, "load", lambda root: Config())


@pytest.fixture
def locked(el10: Node) -> Iterator[Path]:
    """The run lock, held by a run."""
    file = el10.file("/run/nodefix/lock")
    descriptor = os.open(file, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield file
    os.close(descriptor)


def state(node: Node) -> str:
    return judge(seen.look(node.root, node.systemd)).state


def test_a_run_from_its_beginning_to_its_end(el10: Node, locked: Path) -> None:
    el10.systemd.services["nodefix.service"] = service("activating", "start")
    leave(el10, "running", SWAP, stage="modules")
    found = seen.look(el10.root, el10.systemd)
    assert (found.is_locked, found.last.stage, found.is_open) == (True, "modules", False)
    assert judge(found).state == "running"
    leave(el10, "ready", SWAP)
    locked.unlink()
    el10.systemd.services["nodefix.service"] = service()
    found = seen.look(el10.root, el10.systemd)
    assert (found.last.outcome, found.is_open, found.unread) == ("ready", True, ())
    assert found.last.started == "2026-01-02T03:04:05Z"
    assert judge(found).state == "ready"


def test_running_in_the_report_while_nobody_holds_the_lock(el10: Node) -> None:
    leave(el10, "running", stage="modules")
    assert state(el10) == "aborted"


def test_a_report_of_an_earlier_boot_is_not_this_boots(el10: Node) -> None:
    leave(el10, "ready", SWAP, boot_id=OTHER_BOOT_ID)
    found = seen.look(el10.root, el10.systemd)
    assert (found.last.outcome, found.is_open) == ("", False)
    assert judge(found).state == "not started"


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[" * 100000, b'{"boot_id": 5}'])
def test_whatever_stands_in_the_files(el10: Node, content: bytes) -> None:
    for name in ("report.json", "ready"):
        el10.file(f"/run/nodefix/{name}", content)
    assert state(el10) == "not started"


def test_out_of_scope_unless_forced(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state(node) == "out of scope"
    monkeypatch.setattr(seen, "load", lambda root: Config(scope="force"))
    assert state(node) == "not started"


def test_settings_that_are_not_valid(el10: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(root: Path) -> None:
        raise ConfigError(["a.yaml: x", "b.yaml: y"])

    monkeypatch.setattr(seen, "load", fail)
    assert seen.look(el10.root, el10.systemd).settings == "a.yaml: x\nb.yaml: y"


def test_settings_that_this_user_may_not_read(el10: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(root: Path) -> None:
        raise ConfigError(["a.yaml: cannot be read: Permission denied"], is_hidden=True)

    monkeypatch.setattr(seen, "load", fail)
    found = seen.look(el10.root, el10.systemd)
    told = "a.yaml: cannot be read: Permission denied; try: sudo nodefix config check"
    assert (found.settings, found.unread) == ("", (told,))


def test_switched_off(el10: Node) -> None:
    el10.file("/etc/nodefix/disabled", "no time\n")
    assert state(el10) == "switched off"


def test_without_a_bus_the_files_tell(el10: Node) -> None:
    leave(el10, "ready", SWAP)
    el10.systemd.failing["service_state"] = BusError("no bus")
    found = seen.look(el10.root, el10.systemd)
    assert (found.service, found.unread) == (None, ("systemd could not be asked: no bus",))
    assert judge(found).state == "ready"
    assert el10.systemd.deadline is None


HELD = {
    "between two tries": (kubelet("activating", "auto-restart"), True),
    "in nodefix wait": (kubelet("activating", "start-pre"), True),
    "its job waits for nodefix": (kubelet("inactive", "dead", job=True), True),
    "past it": (kubelet("activating", "start"), False),
    "without the drop-in": (kubelet("activating", "auto-restart")._replace(waits=False), False),
    "another service that waits": (
        kubelet("activating", "start-pre")._replace(name="mine.service"),
        True,
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_who_is_held(el10: Node, name: str) -> None:
    unit, is_held = HELD[name]
    el10.systemd.services[unit.name] = unit
    found = seen.look(el10.root, el10.systemd).waiting
    assert [one.name for one in found] == [unit.name] * is_held
    leave(el10, "ready", SWAP)
    # kubelet that is tried again for reasons of its own is not held.
    assert seen.look(el10.root, el10.systemd).waiting == ()


@pytest.mark.parametrize("unit", KUBELET_UNITS)
def test_each_kubelet_unit_counts(el10: Node, unit: str) -> None:
    el10.file(f"/etc/systemd/system/{unit}", "[Service]\n")
    found = seen.look(el10.root, el10.systemd)
    assert (found.kubelets, found.kubelet_runs, found.given_up) == ((unit,), False, ())
    el10.systemd.states[unit] = UnitState("loaded", "failed", "failed")
    (given_up,) = seen.look(el10.root, el10.systemd).given_up
    assert given_up.name == unit
    el10.systemd.active = {unit}
    assert seen.look(el10.root, el10.systemd).kubelet_runs is True


def test_kubernetes_services_come_first(el10: Node) -> None:
    for name in ("a.service", "k3s.service", "kubelet.service", "nodefix.service"):
        el10.systemd.services[name] = kubelet("activating", "start-pre")._replace(name=name)
    names = [one.name for one in seen.look(el10.root, el10.systemd).waiting]
    assert names == ["kubelet.service", "k3s.service", "a.service"]
