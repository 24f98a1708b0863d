"""nodefix/systemd.py: what is asked of systemd's manager."""

from __future__ import annotations

from typing import Any

import pytest
from fakebus import MANAGER, PROPERTIES, Connection, refuse

from nodefix.deadline import Deadline
from nodefix.errors import BusError, DeadlineError
from nodefix.host import systemd
from nodefix.host.systemd import Systemd
from nodefix.host.units import BootTimes, ServiceCommand, SwapUnit, UnitInfo, UnitState

pytest.importorskip("pydbus")


def test_invocation_id(bus: Connection) -> None:
    bus.answers[MANAGER, "GetUnitByPID"] = lambda given: ("/unit/nodefix",)
    bus.answers[PROPERTIES, "Get"] = lambda given: (list(range(16)),)
    assert Systemd().invocation_id() == "000102030405060708090a0b0c0d0e0f"
    assert bus.calls == [
        ("/org/freedesktop/systemd1", "GetUnitByPID", (0,)),
        ("/unit/nodefix", "Get", ("org.freedesktop.systemd1.Unit", "InvocationID")),
    ]


def test_swap_units(bus: Connection) -> None:
    names = ("dev-vda2.swap", "Swap", "loaded", "active", "active", "")
    links = ("by-uuid.swap", "", "loaded", "active", "active", "dev-vda2.swap")
    bus.answers[MANAGER, "ListUnitsByPatterns"] = lambda given: (
        [(*names, "/unit/vda2", 0, "", "/"), (*links, "/unit/uuid", 0, "", "/")],
    )
    bus.answers[PROPERTIES, "Get"] = lambda given: (f"the {given[1]}",)
    known = {"what": "the What", "fragment_path": "the FragmentPath"}
    known |= {"source_path": "the SourcePath", "file_state": "the UnitFileState"}
    assert Systemd().swap_units() == (
        SwapUnit("dev-vda2.swap", "loaded", "active", following="", **known),
        SwapUnit("by-uuid.swap", "loaded", "active", following="dev-vda2.swap", **known),
    )
    assert bus.calls[0][2] == ([], ["*.swap"])


def answering(bus: Connection, **values: Any) -> None:
    """Let properties have these values."""
    bus.answers[MANAGER, "LoadUnit"] = lambda given: (f"/unit/{given[0]}",)
    bus.answers[PROPERTIES, "Get"] = lambda given: (
        values[f"Manager{given[1]}" if given[0] == MANAGER else given[1]],
    )


def test_service_command(bus: Connection) -> None:
    argv = ["/usr/bin/kubelet", "--v=2", "$A"]
    answering(
        bus,
        LoadState="loaded",
        ExecStartEx=[("/usr/bin/kubelet", argv, ["no-env-expand"], 0, 0, 0, 0, 0, 0, 0)],
        ManagerEnvironment=["LANG=C"],
        Environment=["A=1"],
        EnvironmentFiles=[("/etc/sysconfig/kubelet", True)],
        UnsetEnvironment=["B"],
    )
    assert Systemd().service_command("kubelet.service") == ServiceCommand(
        load_state="loaded",
        program="/usr/bin/kubelet",
        argv=("/usr/bin/kubelet", "--v=2", "$A"),
        expands=False,
        environment=("LANG=C", "A=1"),
        files=(("/etc/sysconfig/kubelet", True),),
        unset=("B",),
    )


def test_service_that_is_not_loaded_has_no_command(bus: Connection) -> None:
    answering(bus, LoadState="not-found")
    assert Systemd().service_command("kubelet.service") == ServiceCommand("not-found")
    answering(bus, LoadState="loaded", ExecStartEx=[])
    assert Systemd().service_command("kubelet.service") == ServiceCommand("loaded")


@pytest.mark.parametrize(
    ("words", "release"),
    [("257-9.el10", 257), ("v258~rc1", 258), ("252.39-1~deb12u2", 252), ("x", 0)],
)
def test_version(bus: Connection, words: str, release: int) -> None:
    answering(bus, ManagerVersion=words)
    assert Systemd().version() == release


def test_known_units(bus: Connection) -> None:
    bus.answers[MANAGER, "ListUnitsByNames"] = lambda given: (
        [
            ("k3s.service", "", "loaded", "inactive", "dead", ""),
            ("k0sworker.service", "", "masked", "inactive", "dead", ""),
            ("rke2-agent.service", "", "not-found", "inactive", "dead", ""),
            ("microshift.service", "", "bad-setting", "inactive", "dead", ""),
        ],
    )
    names = ["microshift.service", "rke2-agent.service", "k0sworker.service", "k3s.service"]
    assert Systemd().known_units(names) == ("microshift.service", "k3s.service")
    assert bus.calls[0][2] == (names,)


def test_active_units(bus: Connection) -> None:
    bus.answers[MANAGER, "ListUnitsByNames"] = lambda given: (
        [
            ("nftables.service", "", "loaded", "active", "exited", ""),
            ("firewalld.service", "", "loaded", "inactive", "dead", ""),
            ("iptables.service", "", "not-found", "active", "running", ""),
        ],
    )
    names = ["iptables.service", "firewalld.service", "nftables.service", "gone.service"]
    assert Systemd().active_units(names) == ("iptables.service", "nftables.service")
    assert bus.calls[0][2] == (names,)


def test_mask_and_disable_last_over_a_boot(bus: Connection) -> None:
    bus.answers[MANAGER, "MaskUnitFiles"] = lambda given: ([],)
    bus.answers[MANAGER, "DisableUnitFiles"] = lambda given: ([],)
    Systemd().mask_unit("a.swap")
    Systemd().disable_unit("b.swap")
    # The False after the names is `runtime`.
    assert [given[:2] for _, _, given in bus.calls] == [(["a.swap"], False), (["b.swap"], False)]


def test_stopping_waits_until_the_job_is_gone(
    bus: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "_JOB_POLL_SECONDS", 0.001)
    left = [3]

    def job(given: tuple[Any, ...]) -> Any:
        assert given == (77,)
        left[0] -= 1
        if not left[0]:
            raise RuntimeError("GDBus.Error:org.freedesktop.systemd1.NoSuchJob: Job 77 is gone")
        return ("/job/77",)

    bus.answers[MANAGER, "StopUnit"] = lambda given: ("/org/freedesktop/systemd1/job/77",)
    bus.answers[MANAGER, "GetJob"] = job
    Systemd().stop_unit("dev-vda2.swap", 5)
    assert left == [0]
    assert bus.calls[0][2] == ("dev-vda2.swap", "replace")


@pytest.mark.parametrize("by_stage", [True, False])
def test_stopping_does_not_wait_for_ever(
    bus: Connection, monkeypatch: pytest.MonkeyPatch, by_stage: bool
) -> None:
    monkeypatch.setattr(systemd, "_JOB_POLL_SECONDS", 0.001)
    bus.answers[MANAGER, "StopUnit"] = lambda given: ("/job/77",)
    bus.answers[MANAGER, "GetJob"] = lambda given: ("/job/77",)
    manager = Systemd()
    manager.deadline = Deadline("stage swap", 0.05) if by_stage else None
    with pytest.raises(
        DeadlineError, match="stage swap" if by_stage else "stopping dev-vda2"
    ) as caught:
        manager.stop_unit("dev-vda2.swap", 60 if by_stage else 0.05)
    look = "journalctl -b" if by_stage else "systemctl status dev-vda2.swap; systemctl list-jobs"
    assert caught.value.hint.startswith(look)


def test_stopping_while_systemd_goes_away(bus: Connection) -> None:
    bus.answers[MANAGER, "StopUnit"] = lambda given: ("/job/77",)
    bus.answers[MANAGER, "GetJob"] = refuse("The connection is closed")
    with pytest.raises(BusError, match="The connection is closed"):
        Systemd().stop_unit("dev-vda2.swap", 5)


def test_stopping_a_unit_that_is_not_there(bus: Connection) -> None:
    bus.answers[MANAGER, "StopUnit"] = refuse("GDBus.Error:NoSuchUnit: not loaded")
    with pytest.raises(BusError, match=r"the D-Bus call StopUnit to systemd failed.*not loaded"):
        Systemd().stop_unit("dev-vda2.swap", 5)


def test_every_call_has_a_timeout_within_the_stages_deadline(bus: Connection) -> None:
    bus.answers[MANAGER, "Reload"] = lambda given: ()
    manager = Systemd()
    manager.reload()
    assert 0 < bus.timeouts[0] <= 60_000
    manager.deadline = Deadline("stage swap", 2)
    manager.reload()
    assert 0 < bus.timeouts[1] <= 2_000
    manager.deadline = Deadline("stage swap", -1)
    with pytest.raises(DeadlineError):
        manager.reload()


@pytest.mark.parametrize(
    ("listed", "state"),
    [
        (("loaded", "active", "exited", 0), UnitState("loaded", "active", "exited")),
        (("loaded", "inactive", "dead", 7), UnitState("loaded", "inactive", "dead", job=True)),
        (("not-found", "inactive", "dead", 0), UnitState("not-found", "inactive", "dead")),
    ],
)
def test_unit_state(bus: Connection, listed: tuple[Any, ...], state: UnitState) -> None:
    load, active, sub, job = listed
    unit = ("nodefix.service", "Prepare", load, active, sub, "", "/unit/x", job, "", "/")
    bus.answers[MANAGER, "ListUnitsByNames"] = lambda given: ([unit],)
    assert Systemd().unit_state("nodefix.service") == state
    assert bus.calls[-1][2] == (["nodefix.service"],)


def test_restart_is_asked_for_and_not_waited_for(bus: Connection) -> None:
    bus.answers[MANAGER, "RestartUnit"] = lambda given: ("/job/1",)
    Systemd().restart_unit("nodefix.service")
    assert bus.calls == [
        ("/org/freedesktop/systemd1", "RestartUnit", ("nodefix.service", "replace"))
    ]


def test_unit_info(bus: Connection) -> None:
    wait = ["/usr/bin/nodefix", "wait"]
    answering(
        bus,
        LoadState="loaded",
        ActiveState="active",
        UnitFileState="enabled",
        DropInPaths=["/usr/lib/systemd/system/kubelet.service.d/20-nodefix.conf"],
        ExecStartPre=[("/usr/bin/nodefix", wait, False, 0, 0, 0, 0, 0, 0, 0)],
        Restart="always",
        RestartUSec=100_000,
        StartLimitIntervalUSec=10_000_000,
        StartLimitBurst=5,
    )
    assert Systemd().unit_info("kubelet.service") == UnitInfo(
        load="loaded",
        active="active",
        file_state="enabled",
        drop_ins=("/usr/lib/systemd/system/kubelet.service.d/20-nodefix.conf",),
        before=(("/usr/bin/nodefix", "wait"),),
        restart="always",
        pause=0.1,
        interval=10.0,
        burst=5,
    )


@pytest.mark.parametrize("load", ["masked", "not-found", "bad-setting"])
def test_info_of_a_unit_that_cannot_be_loaded(bus: Connection, load: str) -> None:
    answering(bus, LoadState=load, ActiveState="inactive", UnitFileState="")
    assert Systemd().unit_info("kubelet.service") == UnitInfo(load)


def test_info_of_a_timer_has_no_commands(bus: Connection) -> None:
    answering(
        bus, LoadState="loaded", ActiveState="active", UnitFileState="enabled", DropInPaths=[]
    )
    assert Systemd().unit_info("x.timer") == UnitInfo("loaded", "active", "enabled")


@pytest.mark.parametrize("kernel", [0, 1_700_000_000_000_000])
def test_when_the_boot_began(bus: Connection, kernel: int) -> None:
    answering(
        bus,
        ManagerKernelTimestamp=kernel,
        ManagerInitRDTimestampMonotonic=1_500_000,
        ManagerUserspaceTimestampMonotonic=2_000_000,
    )
    assert Systemd().boot_times() == BootTimes(bool(kernel), 1.5, 2.0)


def test_what_a_unit_is_ordered_after(bus: Connection) -> None:
    answering(bus, After=["a.service", "b.target"])
    assert Systemd().after("nodefix.service") == ("a.service", "b.target")
    assert bus.calls[0][1:] == ("LoadUnit", ("nodefix.service",))
