"""nodefix/holding.py: wait for a run, have the node mended again, or say why kubelet is held."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from fakehost import Node
from lastrun import failed, leave
from swaps import HEADER

from nodefix import gate, holding
from nodefix.answer import Answer
from nodefix.errors import BusError
from nodefix.host import spawn
from nodefix.host.lock import run_lock
from nodefix.host.units import UnitState
from nodefix.plan import Problem
from nodefix.report import StageReport

ACTIVE = UnitState("loaded", "active", "exited")
SWAP_ON = f"{HEADER}/dev/vda2 partition 1 0 -2\n"
SWAP = StageReport("swap", "required", "unchanged")


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can ask systemd for a run."""
    # Not in all of nodefix: settings have to be of whoever runs the tests.
    monkeypatch.setattr("nodefix.holding.os", SimpleNamespace(geteuid=lambda: 0))


@pytest.fixture
def told_of_swap(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool | None]:
    """What kubelet is told about swap; not to live with it unless the test says so."""
    found: dict[str, bool | None] = {"value": False}
    monkeypatch.setattr(
        "nodefix.facts.kubelet.wants_swap", lambda host: Answer(found["value"], "somewhere")
    )
    return found


def hold(node: Node, timeout: float = 0.0) -> str:
    return holding.hold(f"{node.root}/", timeout, node.systemd)


@pytest.mark.parametrize("what", ["repair", "switch", "nothing"])
def test_one_start_is_held(el10: Node, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    clock = [0.0]
    said: list[str] = []

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        if clock[0] == 30.0:
            leave(el10, "failed", failed("chains", Problem("they are gone", "x")))
        if clock[0] == 60.0 and what == "repair":
            leave(el10, "ready")
        if clock[0] == 60.0 and what == "switch":
            el10.file("/etc/nodefix/disabled")

    fake = SimpleNamespace(sleep=sleep, monotonic=lambda: clock[0])
    monkeypatch.setattr("nodefix.holding.time", fake)
    monkeypatch.setattr("nodefix.holding.Systemd", lambda: el10.systemd)
    leave(el10, "failed", failed("swap"))
    told = gate.wait(f"{el10.root}/", 0.0)
    went = holding.go_on(f"{el10.root}/", 60.0, 200.0, told, said.append)
    assert (went, clock[0]) == ((True, 60.0) if what != "nothing" else (False, 200.0))
    # Another reason is told, the same is not told again.
    assert len(said) == 1


def test_out_of_scope(el10: Node) -> None:
    el10.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
    assert hold(el10) == ""
    el10.file("/etc/nodefix/nodefix.yaml", "scope: force\n")
    assert "has not run" in hold(el10)


def test_configuration_that_is_not_valid_does_not_open_the_gate(el10: Node) -> None:
    el10.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
    el10.file("/etc/nodefix/nodefix.yaml", "scpoe: auto\n")
    assert "kubelet is held" in hold(el10)


def test_failed_run_fails_at_once(el10: Node) -> None:
    leave(el10, "failed", failed("swap"))
    begun = time.monotonic()
    assert hold(el10, 60)
    assert time.monotonic() - begun < 1
    assert el10.systemd.done == []


def test_run_that_is_going_on_is_waited_for(el10: Node) -> None:
    leave(el10, "running", stage="swap")
    answers: list[str] = []
    with run_lock(el10.root, 0):
        waiting = threading.Thread(target=lambda: answers.append(hold(el10, 10)))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        leave(el10, "ready")
    waiting.join(5)
    assert answers == [""]


def test_run_that_takes_too_long(el10: Node) -> None:
    leave(el10, "running", stage="modules")
    with run_lock(el10.root, 0):
        told = hold(el10, 0.05)
    assert told == (
        "kubelet is held: nodefix is still running (stage modules) after 0.05 seconds\n"
        "  see: journalctl -u nodefix -b"
    )


def test_run_that_was_stopped(el10: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.reasons.stopped_holders", lambda root: [4711])
    with run_lock(el10.root, 0):
        told = hold(el10, 0.05)
    assert told.endswith(
        "  it was stopped by a signal, such as ^Z; to continue it: kill -CONT 4711\n"
        "  see: journalctl -u nodefix -b"
    )


def test_marker_of_this_boot_wins_over_a_lock(el10: Node) -> None:
    leave(el10, "ready")
    with run_lock(el10.root, 0):
        assert gate.wait(f"{el10.root}/", 0) == ""


def test_a_lock_that_nobody_holds_is_no_run(el10: Node) -> None:
    el10.file("/run/nodefix/lock")
    assert "has not run since this boot" in hold(el10, 60)


def test_a_service_that_thinks_all_is_well_is_asked_again(el10: Node) -> None:
    """A run by hand failed, or was killed, after the service's own had come through."""
    leave(el10, "failed", failed("chains"))
    el10.systemd.states["nodefix.service"] = ACTIVE
    el10.systemd.on_restart = lambda: leave(el10, "ready")
    assert hold(el10, 10) == ""
    assert el10.systemd.done == [("restart", "nodefix.service")]


def test_it_is_asked_once_and_its_end_is_waited_for(el10: Node) -> None:
    leave(el10, "failed", failed("chains"))
    el10.systemd.states["nodefix.service"] = ACTIVE
    steps = [
        UnitState("loaded", "inactive", "dead", job=True),
        UnitState("loaded", "activating", "start"),
        UnitState("loaded", "activating", "auto-restart"),
    ]

    def restart() -> None:
        el10.systemd.unit_state = lambda name: steps.pop(0)  # type: ignore[method-assign]

    el10.systemd.on_restart = restart
    assert "chains" in hold(el10, 10) or not steps
    assert steps == []
    assert el10.systemd.done == [("restart", "nodefix.service")]


@pytest.mark.parametrize(
    "state",
    [
        UnitState("loaded", "activating", "start"),
        UnitState("loaded", "reloading", "reload"),
        UnitState("loaded", "inactive", "dead", job=True),
    ],
)
def test_a_run_that_has_only_just_begun_is_waited_for(el10: Node, state: UnitState) -> None:
    """Somebody else asked for it, and it does not hold the run lock yet."""
    leave(el10, "failed", failed("chains"))
    states = [state, state, ACTIVE]

    def unit_state(name: str) -> UnitState:
        if states[0] is ACTIVE:
            leave(el10, "ready")
            return ACTIVE
        return states.pop(0)

    el10.systemd.unit_state = unit_state  # type: ignore[method-assign]
    assert hold(el10, 10) == ""
    assert el10.systemd.done == []


@pytest.mark.parametrize(
    "state",
    [
        # kubelet's own Wants= starts it, or it tries again by itself.
        UnitState("loaded", "failed", "failed"),
        UnitState("loaded", "inactive", "dead"),
        UnitState("loaded", "activating", "auto-restart"),
        UnitState("masked", "inactive", "dead"),
        UnitState("not-found", "inactive", "dead"),
    ],
)
def test_a_service_that_is_not_active_is_left_alone(el10: Node, state: UnitState) -> None:
    leave(el10, "failed", failed("chains"))
    el10.systemd.states["nodefix.service"] = state
    assert "kubelet is held" in hold(el10, 10)
    assert el10.systemd.done == []


@pytest.mark.parametrize("request_that_fails", ["unit_state", "restart_unit"])
def test_without_a_bus_the_reason_is_told(el10: Node, request_that_fails: str) -> None:
    leave(el10, "failed", failed("chains"))
    el10.systemd.states["nodefix.service"] = ACTIVE
    el10.systemd.failing[request_that_fails] = BusError("no bus")
    assert "kubelet is held" in hold(el10, 10)


def test_an_ordinary_user_only_asks(el10: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.holding.os", SimpleNamespace(geteuid=lambda: 1000))
    leave(el10, "failed", failed("chains"))
    el10.systemd.states["nodefix.service"] = ACTIVE
    assert "kubelet is held" in hold(el10, 10)
    assert el10.systemd.done == []


def test_swap_that_came_late_is_turned_off_by_another_run(
    el10: Node, told_of_swap: dict[str, bool | None]
) -> None:
    leave(el10, "ready", SWAP)
    el10.file("/proc/swaps", SWAP_ON)
    el10.systemd.states["nodefix.service"] = ACTIVE
    el10.systemd.on_restart = lambda: el10.file("/proc/swaps", HEADER)
    assert gate.undone(f"{el10.root}/") == ("swap",)
    assert hold(el10, 10) == ""
    assert el10.systemd.done == [("restart", "nodefix.service")]


def test_swap_that_stays_on_holds_kubelet(el10: Node, told_of_swap: dict[str, bool | None]) -> None:
    leave(el10, "ready", SWAP)
    el10.file("/proc/swaps", SWAP_ON)
    el10.systemd.states["nodefix.service"] = ACTIVE
    told = hold(el10, 10)
    assert "swap: found /dev/vda2 on after nodefix found none" in told
    assert el10.systemd.done == [("restart", "nodefix.service")]


@pytest.mark.parametrize("value", [True, None])
def test_swap_that_kubelet_may_be_told_to_live_with_does_not_hold_it(
    el10: Node, told_of_swap: dict[str, bool | None], value: bool | None
) -> None:
    """Turned on after the run, as the settings want it; or nobody can tell, but kubelet can."""
    told_of_swap["value"] = value
    leave(el10, "ready", SWAP)
    el10.file("/proc/swaps", SWAP_ON)
    el10.systemd.states["nodefix.service"] = ACTIVE
    assert hold(el10, 10) == ""
    assert el10.systemd.done == []


@pytest.mark.parametrize(
    ("setting", "held"), [("off", True), ("keep", False), ("auto", True), ("nonsense", False)]
)
def test_swap_by_the_setting(
    el10: Node, told_of_swap: dict[str, bool | None], setting: str, held: bool
) -> None:
    el10.file("/etc/nodefix/nodefix.yaml", f"swap: {setting}\n")
    leave(el10, "ready", SWAP)
    el10.file("/proc/swaps", SWAP_ON)
    assert bool(hold(el10)) == held


def test_chains_that_were_flushed_are_made_by_another_run(
    el10: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [b"Error: No such file or directory"]
    monkeypatch.setattr(spawn, "errors_of", lambda *_: gone[-1])
    leave(el10, "ready", StageReport("chains", "required", "prepared"))
    el10.systemd.states["nodefix.service"] = ACTIVE
    el10.systemd.on_restart = lambda: gone.append(b"")
    assert hold(el10, 10) == ""
    gone.append(gone[0])
    el10.systemd.on_restart = lambda: None
    assert "chains: found no chain KUBE-IPTABLES-HINT" in hold(el10, 10)
