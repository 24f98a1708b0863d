"""nodefix/host/systemd.py: what `nodefix status` asks of services."""

from __future__ import annotations

from typing import Any

import pytest
from fakebus import MANAGER, PROPERTIES, Connection, refuse

from nodefix.errors import BusError
from nodefix.host.systemd import Systemd
from nodefix.host.units import ServiceState, UnitState

pytest.importorskip("pydbus")

KUBELET = ("kubelet.service", "", "loaded", "activating", "auto-restart", "", "/unit/k", 0, "", "/")
VALUES: dict[str, Any] = {
    "UnitFileState": "enabled",
    "Result": "exit-code",
    "NRestarts": 14,
    "ActiveExitTimestamp": 1_000_000,
    "InactiveExitTimestamp": 2_500_000,
    "StateChangeTimestamp": 3_000_000,
    "RestartUSec": 10_000_000,
    # As systemd 252 gives it.
    "ExecStartPre": [
        ("/usr/bin/mkdir", ["/usr/bin/mkdir", "-p", "/x"], False, 0, 0, 0, 0, 0, 0, 0),
        ("/usr/bin/nodefix", ["/usr/bin/nodefix", "wait"], False, 0, 0, 0, 0, 1485, 1, 1),
    ],
}


def answering(bus: Connection, unit: tuple[Any, ...] = KUBELET, **other: Any) -> None:
    """Let the unit have these properties."""
    values = {**VALUES, **other}

    def get(given: tuple[Any, ...]) -> Any:
        if given[1] not in values:
            raise RuntimeError(f"GDBus.Error:UnknownProperty: {given[1]}")
        return (values[given[1]],)

    bus.answers[MANAGER, "ListUnitsByNames"] = lambda given: ([unit],)
    bus.answers[PROPERTIES, "Get"] = get


def test_a_service_between_two_tries(bus: Connection) -> None:
    answering(bus)
    state = UnitState("loaded", "activating", "auto-restart")
    assert Systemd().service_state("kubelet.service") == ServiceState(
        "kubelet.service", state, "enabled", "exit-code", 14, 1.0, 2.5, 3.0, 10.0, waits=True
    )
    assert {path for path, method, _ in bus.calls if method == "Get"} == {"/unit/k"}


def test_pauses_that_grow(bus: Connection) -> None:
    answering(bus, RestartUSecNext=80_000_000)
    assert Systemd().service_state("kubelet.service").pause == 80.0


@pytest.mark.parametrize(
    ("argv", "waits"),
    [
        (["/usr/bin/nodefix", "wait", "--timeout", "5"], True),
        (["nodefix", "wait"], True),
        (["/usr/bin/nodefix", "run"], False),
        (["/usr/bin/nodefix"], False),
        (["/usr/bin/x", "wait"], False),
    ],
)
def test_who_waits(bus: Connection, argv: list[str], waits: bool) -> None:
    answering(bus, ExecStartPre=[(argv[0], argv, False, 0, 0, 0, 0, 0, 0, 0)])
    assert Systemd().service_state("kubelet.service").waits is waits


def test_a_service_without_a_file(bus: Connection) -> None:
    masked = ("a.service", "", "masked", "inactive", "dead", "", "/unit/a", 0, "", "/")
    answering(bus, masked, UnitFileState="masked")
    state = UnitState("masked", "inactive", "dead")
    assert Systemd().service_state("a.service") == ServiceState("a.service", state, "masked")


def test_services_that_are_being_started(bus: Connection) -> None:
    bus.answers[MANAGER, "ListUnitsFiltered"] = lambda given: (
        [("b.service", "", "loaded", "activating"), ("x.mount", "", "loaded", "activating")],
    )
    bus.answers[MANAGER, "ListJobs"] = lambda given: (
        [
            (1, "kubelet.service", "start", "waiting", "/job/1", "/unit/k"),
            (2, "c.service", "stop", "waiting", "/job/2", "/unit/c"),
            (3, "a.target", "start", "waiting", "/job/3", "/unit/a"),
            (4, "a.service", "restart", "waiting", "/job/4", "/unit/a"),
        ],
    )
    assert Systemd().starting_services() == ("a.service", "b.service", "kubelet.service")
    assert bus.calls[0][2] == (["activating"],)


def test_start_is_asked_for_and_not_waited_for(bus: Connection) -> None:
    bus.answers[MANAGER, "StartUnit"] = lambda given: ("/job/1",)
    Systemd().start_unit("nodefix.service")
    assert bus.calls[0][1:] == ("StartUnit", ("nodefix.service", "replace"))


@pytest.mark.parametrize(
    ("state", "is_busy"),
    [
        (UnitState("loaded", "activating", "start"), True),
        (UnitState("loaded", "inactive", "dead", job=True), True),
        # systemd 252 has a job there through the whole pause, 257 only at its end.
        (UnitState("loaded", "activating", "auto-restart", job=True), False),
        (UnitState("loaded", "activating", "auto-restart-queued", job=True), True),
        (UnitState("loaded", "active", "exited"), False),
        (UnitState("loaded", "failed", "failed"), False),
    ],
)
def test_busy(state: UnitState, is_busy: bool) -> None:
    assert state.is_busy is is_busy


def test_systemd_that_does_not_answer(bus: Connection) -> None:
    bus.answers[MANAGER, "ListUnitsByNames"] = refuse("Timeout was reached")
    with pytest.raises(BusError, match="Timeout was reached"):
        Systemd().service_state("kubelet.service")
