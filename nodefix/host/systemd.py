"""What nodefix asks of systemd's manager, all of it over the system bus."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Sequence
from typing import Any

from nodefix.deadline import Deadline
from nodefix.errors import BusError
from nodefix.host.bus import CALL_SECONDS, Bus
from nodefix.host.kubelets import started_by_systemd
from nodefix.host.units import (
    BootTimes,
    ServiceCommand,
    ServiceState,
    SwapUnit,
    UnitInfo,
    UnitState,
    invocation_of_group,
    may_be_active,
)

_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_UNIT = "org.freedesktop.systemd1.Unit"
_SERVICE = "org.freedesktop.systemd1.Service"
_SWAP = "org.freedesktop.systemd1.Swap"

# Seconds.
_JOB_POLL_SECONDS = 0.05

_USEC = 1_000_000
# Services that are asked about; a boot queues some eighty.
_MOST_SERVICES = 500


class Systemd(Bus):
    """systemd's manager over the system bus.

    Every method raises BusError where there is no bus, or no answer in time.
    """

    def invocation_id(self) -> str:
        """The invocation id of the unit that this process runs in, 32 hexadecimal digits.

        Source: org.freedesktop.systemd1(5), GetUnitByPID with 0 for the caller. What systemd itself
        has started knows by its environment, systemd.exec(5).
        """
        own = os.environ.get("INVOCATION_ID", "")
        if len(own) == 32 and started_by_systemd():
            return own
        if found := invocation_of_group():
            return found
        (path,) = self._manager("GetUnitByPID", "(u)", (0,))
        return bytes(self._property(path, _UNIT, "InvocationID")).hex()

    def reload(self) -> None:
        """Make systemd read its units and run its generators again."""
        self._manager("Reload", timeout=60.0)

    def swap_units(self) -> tuple[SwapUnit, ...]:
        """All .swap units that the manager has loaded."""
        (units,) = self._manager("ListUnitsByPatterns", "(asas)", ([], ["*.swap"]))
        return tuple(
            SwapUnit(
                name=unit[0],
                load_state=unit[2],
                active_state=unit[3],
                what=self._property(unit[6], _SWAP, "What"),
                following=unit[5],
                fragment_path=self._property(unit[6], _UNIT, "FragmentPath"),
                source_path=self._property(unit[6], _UNIT, "SourcePath"),
                file_state=self._property(unit[6], _UNIT, "UnitFileState"),
            )
            for unit in units
        )

    def service_command(self, name: str) -> ServiceCommand:
        """How a service is started; only its load state for one that is not loaded."""
        (path,) = self._manager("LoadUnit", "(s)", (name,))
        state = self._property(path, _UNIT, "LoadState")
        # ExecStart itself does not tell the prefixes.
        commands = self._property(path, _SERVICE, "ExecStartEx") if state == "loaded" else []
        if not commands:
            return ServiceCommand(state)
        program, argv, flags = commands[0][:3]
        own = self._property(path, _SERVICE, "Environment")
        return ServiceCommand(
            state,
            program,
            tuple(argv),
            "no-env-expand" not in flags,
            (*self._property(_PATH, _MANAGER, "Environment"), *own),
            tuple(tuple(file) for file in self._property(path, _SERVICE, "EnvironmentFiles")),
            tuple(self._property(path, _SERVICE, "UnsetEnvironment")),
        )

    def version(self) -> int:
        """systemd's release; 0 if it calls itself something without a number."""
        digits = re.match(r"\d+", self._property(_PATH, _MANAGER, "Version").lstrip("v"))
        return int(digits[0]) if digits else 0

    def boot_times(self) -> BootTimes:
        """When the parts of this boot began."""

        def told(name: str) -> float:
            return float(self._property(_PATH, _MANAGER, name)) / _USEC

        # That by the monotonic clock is 0 anyway.
        is_machine = bool(told("KernelTimestamp"))
        parts = (told(f"{name}TimestampMonotonic") for name in ("InitRD", "Userspace"))
        return BootTimes(is_machine, *parts)

    def after(self, name: str) -> tuple[str, ...]:
        """The units that a unit is ordered after, of those that are loaded."""
        (path,) = self._manager("LoadUnit", "(s)", (name,))
        return tuple(self._property(path, _UNIT, "After"))

    def known_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the named units that are there and not masked, in the names' order.

        One that systemd cannot load is among them.
        """
        (units,) = self._manager("ListUnitsByNames", "(as)", (list(names),))
        known = {unit[0] for unit in units if unit[2] not in ("not-found", "masked")}
        return tuple(name for name in names if name in known)

    def active_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the named units that are active, in the order of the names."""
        if not self.is_connected and not may_be_active(names):
            return ()
        (units,) = self._manager("ListUnitsByNames", "(as)", (list(names),))
        active = {unit[0] for unit in units if unit[3] == "active"}
        return tuple(name for name in names if name in active)

    def unit_state(self, name: str) -> UnitState:
        """What the manager knows of a unit, whether it is loaded or not.

        Source: org.freedesktop.systemd1(5), ListUnitsByNames.
        """
        return self._listed(name)[0]

    def _listed(self, name: str) -> tuple[UnitState, str]:
        ((unit,),) = self._manager("ListUnitsByNames", "(as)", ([name],))
        return UnitState(unit[2], unit[3], unit[4], bool(unit[7])), unit[6]

    def service_state(self, name: str) -> ServiceState:
        """What the manager knows of a service, whether it is loaded or not."""
        state, path = self._listed(name)

        def since(what: str) -> float:
            return float(self._property(path, _UNIT, f"{what}Timestamp")) / _USEC

        if state.load != "loaded":
            return ServiceState(name, state, self._property(path, _UNIT, "UnitFileState"))
        return ServiceState(
            name,
            state,
            self._property(path, _UNIT, "UnitFileState"),
            self._property(path, _SERVICE, "Result"),
            int(self._property(path, _SERVICE, "NRestarts")),
            since("ActiveExit"),
            since("InactiveExit"),
            since("StateChange"),
            self._pause(path),
            _waits(self._property(path, _SERVICE, "ExecStartPre")),
        )

    def _pause(self, path: str) -> float:
        try:
            # From 254 on pauses grow.
            pause = self._property(path, _SERVICE, "RestartUSecNext")
        except BusError:
            pause = self._property(path, _SERVICE, "RestartUSec")
        return float(pause) / _USEC

    def starting_services(self) -> tuple[str, ...]:
        """The services that are being started, tried again, or queued for that, by name."""
        (units,) = self._manager("ListUnitsFiltered", "(as)", (["activating"],))
        (jobs,) = self._manager("ListJobs")
        names = {unit[0] for unit in units}
        names |= {job[1] for job in jobs if job[2] in ("start", "restart")}
        return tuple(sorted(name for name in names if name.endswith(".service"))[:_MOST_SERVICES])

    def start_unit(self, name: str) -> None:
        """Ask for the start of a unit without waiting for it."""
        self._manager("StartUnit", "(ss)", (name, "replace"))

    def unit_info(self, name: str) -> UnitInfo:
        """A unit with its drop-ins; loads its file if need be, which any user may ask for.

        Source: org.freedesktop.systemd1(5), DropInPaths, ExecStartPre, Restart and StartLimitBurst.
        """
        (path,) = self._manager("LoadUnit", "(s)", (name,))
        load, active, file_state = (
            str(self._property(path, _UNIT, key))
            for key in ("LoadState", "ActiveState", "UnitFileState")
        )
        if load != "loaded":
            return UnitInfo(load, active, file_state)
        info = UnitInfo(load, active, file_state, tuple(self._property(path, _UNIT, "DropInPaths")))
        if not name.endswith(".service"):
            return info
        before = self._property(path, _SERVICE, "ExecStartPre")
        return info._replace(
            before=tuple(tuple(command[1]) for command in before),
            restart=str(self._property(path, _SERVICE, "Restart")),
            pause=float(self._property(path, _SERVICE, "RestartUSec")) / _USEC,
            interval=float(self._property(path, _UNIT, "StartLimitIntervalUSec")) / _USEC,
            burst=int(self._property(path, _UNIT, "StartLimitBurst")),
        )

    def restart_unit(self, name: str) -> None:
        """Ask for a restart of a unit without waiting for it."""
        self._manager("RestartUnit", "(ss)", (name, "replace"))

    def restart_if_active(self, name: str) -> None:
        """Have a unit that thinks that all is well begin anew, without waiting for it.

        One that has failed tries again by itself, and one that is busy was asked by somebody else.
        """
        if self.unit_state(name).active == "active":
            self.restart_unit(name)

    def mask_unit(self, name: str) -> None:
        """Mask a unit for good, by a link in /etc/systemd/system, as `systemctl mask` does."""
        self._manager("MaskUnitFiles", "(asbb)", ([name], False, False))

    def disable_unit(self, name: str) -> None:
        """Take away the links that start a unit at boot, as `systemctl disable` does."""
        self._manager("DisableUnitFiles", "(asb)", ([name], False))

    def stop_unit(self, name: str, seconds: float) -> None:
        """Stop a unit and wait until its job is gone.

        Args:
            name: the unit, with its suffix.
            seconds: how long the job may take.

        Raises:
            BusError: the job could not be made, or is still there.
        """
        (job,) = self._manager("StopUnit", "(ss)", (name, "replace"))
        hint = f"systemctl status {shlex.quote(name)}; systemctl list-jobs"
        deadline = Deadline(f"stopping {name}", seconds, hint)
        while self._job_exists(job):
            deadline.left(seconds)
            if self.deadline:
                self.deadline.left(seconds)
            time.sleep(_JOB_POLL_SECONDS)

    def _job_exists(self, path: str) -> bool:
        number = int(path.rsplit("/", 1)[1])
        try:
            self._manager("GetJob", "(u)", (number,))
        except BusError as error:
            if "NoSuchJob" in error.message:
                return False
            raise
        return True

    def _manager(
        self,
        method: str,
        signature: str = "()",
        arguments: tuple[Any, ...] = (),
        timeout: float = CALL_SECONDS,
    ) -> tuple[Any, ...]:
        return self._call(_PATH, _MANAGER, method, signature, arguments, timeout)


def _waits(commands: Sequence[Sequence[Any]]) -> bool:
    """Whether one of a unit's commands is `nodefix wait`; each is (path, argv, …)."""
    return any(
        command[0].rsplit("/", 1)[-1] == "nodefix" and "wait" in command[1][1:2]
        for command in commands
    )
