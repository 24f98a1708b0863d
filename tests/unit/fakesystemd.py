"""A service manager that remembers what it was asked to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from nodefix.errors import NodefixError
from nodefix.host.systemd import Systemd
from nodefix.host.units import ServiceCommand, ServiceState, SwapUnit, UnitInfo, UnitState

INVOCATION_ID = "0123456789abcdef0123456789abcdef"

# How k3s and the like install their units.
_INSTALLED = {
    "k3s.service": ("/usr/local/bin/k3s", "server"),
    "k3s-agent.service": ("/usr/local/bin/k3s", "agent"),
    "rke2-server.service": ("/usr/local/bin/rke2", "server"),
    "rke2-agent.service": ("/usr/local/bin/rke2", "agent"),
    "k0scontroller.service": ("/usr/local/bin/k0s", "controller", "--enable-worker=true"),
    "k0sworker.service": ("/usr/local/bin/k0s", "worker", "--token-file=/etc/k0s/token"),
    "microshift.service": ("/usr/bin/microshift", "run"),
}


class FakeSystemd(Systemd):
    """A service manager whose swap units and failures the test sets.

    Attributes:
        units: swap units by name.
        active: other units that are active.
        kubelet: how it is started; on a node without it only that.
        loaded: other units that have a file; of k3s and the like as they are installed.
        commands: how those are started that are not as they are installed, by name.
        release: systemd's own.
        done: every request that changes something, in order.
        emitted: every signal.
        connects_late: whether it is connected to with the first record only.
        failing: requests, by their method's name, that raise.
        states: of other units, by name.
        services: more of other services, by name.
        infos: units with their drop-ins, by name; others are not there.
        on_restart: what restarting a unit does to the node.
        on_stop: what stopping a unit does to the node; False if it comes to nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[str, SwapUnit] = {}
        self.active: set[str] = set()
        self.kubelet = ServiceCommand("not-found")
        self.loaded: set[str] = set()
        self.commands: dict[str, ServiceCommand] = {}
        self.release = 257
        self.done: list[tuple[str, ...]] = []
        self.emitted: list[Mapping[str, str]] = []
        self.connects_late = False
        self.failing: dict[str, NodefixError] = {}
        self.on_stop: Callable[[SwapUnit], bool | None] = lambda unit: None
        self.states: dict[str, UnitState] = {}
        self.services: dict[str, ServiceState] = {}
        self.infos: dict[str, UnitInfo] = {}
        self.on_restart: Callable[[], object] = lambda: None
        self._disabled: set[str] = set()

    def _ask(self, method: str) -> None:
        if method in self.failing:
            raise self.failing[method]

    def _connected(self) -> Any:
        pytest.fail("the code under test asked systemd for what the stand-in does not know")

    def invocation_id(self) -> str:
        """Always the same one."""
        self._ask("invocation_id")
        return INVOCATION_ID

    def reload(self) -> None:
        """Remember it."""
        self._ask("reload")
        self.done.append(("reload",))

    def swap_units(self) -> tuple[SwapUnit, ...]:
        """The test's units."""
        self._ask("swap_units")
        return tuple(self.units.values())

    def service_command(self, name: str) -> ServiceCommand:
        """kubelet's, or that of a unit that a distribution installs."""
        self._ask("service_command")
        if name == "kubelet.service":
            return self.kubelet
        if name not in {*self.loaded, *self.commands}:
            return ServiceCommand("not-found")
        return self.commands.get(name) or started_by(*_INSTALLED[name])

    def version(self) -> int:
        """The test's."""
        self._ask("version")
        return self.release

    def known_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of which it is said how they are started, or that they cannot be."""
        self._ask("known_units")
        states = {name: self.service_command(name).load_state for name in names}
        return tuple(name for name in names if states[name] not in ("not-found", "masked"))

    def active_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """The test's."""
        self._ask("active_units")
        return tuple(name for name in names if name in self.active)

    def unit_state(self, name: str) -> UnitState:
        """The test's, by name."""
        self._ask("unit_state")
        return self.states.get(name, UnitState("loaded", "inactive", "dead"))

    def service_state(self, name: str) -> ServiceState:
        """The test's, by name; one of an enabled unit that was not started."""
        self._ask("service_state")
        return self.services.get(name, ServiceState(name, self.unit_state(name), "enabled"))

    def starting_services(self) -> tuple[str, ...]:
        """The test's services, all of them."""
        self._ask("starting_services")
        return tuple(sorted(self.services))

    def start_unit(self, name: str) -> None:
        """Remember it."""
        self._ask("start_unit")
        self.done.append(("start", name))

    def unit_info(self, name: str) -> UnitInfo:
        """The test's, by name."""
        self._ask("unit_info")
        return self.infos.get(name, UnitInfo("not-found"))

    def restart_unit(self, name: str) -> None:
        """Remember it, and do what the test wants."""
        self._ask("restart_unit")
        self.done.append(("restart", name))
        self.on_restart()

    def mask_unit(self, name: str) -> None:
        """Put a link into the place of its file."""
        self._ask("mask_unit")
        self.done.append(("mask", name))
        file = f"/etc/systemd/system/{name}"
        self.units[name] = self.units[name]._replace(
            load_state="masked", fragment_path=file, source_path=""
        )

    def disable_unit(self, name: str) -> None:
        """Nothing keeps it loaded any more once it is stopped."""
        self._ask("disable_unit")
        self.done.append(("disable", name))
        self._disabled.add(name)
        self.units[name] = self.units[name]._replace(file_state="disabled")
        self._forget(name)

    def stop_unit(self, name: str, seconds: float) -> None:
        """Do to the node what the test wants."""
        self._ask("stop_unit")
        self.done.append(("stop", name))
        if self.on_stop(self.units[name]) is False:
            return
        self.units[name] = self.units[name]._replace(active_state="inactive")
        self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._disabled and self.units[name].active_state == "inactive":
            del self.units[name]

    @property
    def is_connected(self) -> bool:
        """Whether records are taken at once."""
        return not self.connects_late

    def emit(self, record: Mapping[str, str]) -> None:
        """Remember it."""
        self._ask("emit")
        self.emitted.append(record)

    def flush(self) -> None:
        """Nothing is buffered."""


def started_by(
    *argv: str,
    environment: Sequence[str] = (),
    files: Sequence[tuple[str, bool]] = (),
    **other: Any,
) -> ServiceCommand:
    """How a unit with this ExecStart= is started."""
    return ServiceCommand(
        "loaded", argv[0], argv, environment=tuple(environment), files=tuple(files), **other
    )
