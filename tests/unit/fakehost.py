"""Stand-ins for a node: a made-up tree, recorded commands, a service manager that remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from nodefix.commands import Commands, Result
from nodefix.config import STAGE_NAMES, Config
from nodefix.errors import NodefixError
from nodefix.host import Host
from nodefix.journal import Record
from nodefix.plan import Change, Plan
from nodefix.systemd import ServiceCommand, SwapUnit, Systemd, UnitState

BOOT_ID = "11111111-2222-3333-4444-555555555555"
OTHER_BOOT_ID = "99999999-2222-3333-4444-555555555555"
INVOCATION_ID = "0123456789abcdef0123456789abcdef"
KERNEL = "6.12.0-55.9.1.el10_0.x86_64"

RHEL10 = """\
NAME="Red Hat Enterprise Linux"
VERSION="10.0 (Coughlan)"
ID="rhel"
ID_LIKE="centos fedora"
VERSION_ID="10.0"
PLATFORM_ID="platform:el10"
PRETTY_NAME="Red Hat Enterprise Linux 10.0 (Coughlan)"
ANSI_COLOR="0;31"
CPE_NAME="cpe:/o:redhat:enterprise_linux:10::baseos"
"""

# Answers one command: from its arguments and its standard input.
Program = Callable[[tuple[str, ...], bytes], Result]


def result(status: int = 0, stdout: str = "", stderr: str = "") -> Result:
    """What a program leaves; the caller's argv is filled in by FakeCommands."""
    return Result((), status, stdout.encode(), stderr.encode())


class FakeCommands(Commands):
    """Answers from a table and fails the test on a command that is not in it.

    Attributes:
        calls: every argv, in order.
        table: an argv, or a program alone for all its arguments, to a result or to code.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, ...]] = []
        self.table: dict[tuple[str, ...], Result | NodefixError | Program] = {}

    def run(self, *argv: str, stdin: bytes = b"", timeout: float = 10.0) -> Result:
        """Answer from the table."""
        assert timeout > 0
        self.calls.append(argv)
        answer = self.table.get(argv, self.table.get(argv[:1]))
        if answer is None:
            pytest.fail(f"the code under test ran an unexpected command: {argv}")
        if isinstance(answer, NodefixError):
            raise answer
        done = answer if isinstance(answer, Result) else answer(argv, stdin)
        return done._replace(argv=argv)


class FakeSystemd(Systemd):
    """A service manager whose swap units and failures the test sets.

    Attributes:
        units: swap units by name.
        active: other units that are active.
        kubelet: how it is started; on a node without it only that.
        loaded: other units that have a file.
        release: systemd's own.
        done: every request that changes something, in order.
        emitted: every signal.
        failing: requests, by their method's name, that raise.
        states: of other units, by name.
        on_restart: what restarting a unit does to the node.
        on_stop: what stopping a unit does to the node; False if it comes to nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[str, SwapUnit] = {}
        self.active: set[str] = set()
        self.kubelet = ServiceCommand("not-found")
        self.loaded: set[str] = set()
        self.release = 257
        self.done: list[tuple[str, ...]] = []
        self.emitted: list[Mapping[str, str]] = []
        self.failing: dict[str, NodefixError] = {}
        self.on_stop: Callable[[SwapUnit], bool | None] = lambda unit: None
        self.states: dict[str, UnitState] = {}
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
        """kubelet's."""
        self._ask("service_command")
        assert name == "kubelet.service"
        return self.kubelet

    def version(self) -> int:
        """The test's."""
        self._ask("version")
        return self.release

    def loaded_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """The test's."""
        self._ask("loaded_units")
        return tuple(name for name in names if name in self.loaded)

    def active_units(self, names: Sequence[str]) -> tuple[str, ...]:
        """The test's."""
        self._ask("active_units")
        return tuple(name for name in names if name in self.active)

    def unit_state(self, name: str) -> UnitState:
        """The test's, by name."""
        self._ask("unit_state")
        return self.states.get(name, UnitState("loaded", "inactive", "dead"))

    def restart_unit(self, name: str) -> None:
        """Remember it, and do what the test wants."""
        self._ask("restart_unit")
        self.done.append(("restart", name))
        self.on_restart()

    def reload_or_restart_unit(self, name: str) -> None:
        """Remember it."""
        self._ask("reload_or_restart_unit")
        self.done.append(("reload or restart", name))

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

    def emit(self, record: Mapping[str, str]) -> None:
        """Remember it."""
        self._ask("emit")
        self.emitted.append(record)

    def flush(self) -> None:
        """Nothing is buffered."""


class Node:
    """A made-up node below a temporary folder.

    Attributes:
        root: where its tree begins.
        commands: its programs.
        systemd: its service manager.
        host: all three, as the code under test takes them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands = FakeCommands()
        self.systemd = FakeSystemd()
        self.host = Host(root, self.commands, self.systemd)
        self.file("/proc/sys/kernel/random/boot_id", f"{BOOT_ID}\n")
        self.file("/proc/sys/kernel/osrelease", f"{KERNEL}\n")
        self.file("/proc/net/if_inet6")
        self.file("/proc/meminfo", "MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n")

    def file(self, path: str, content: str | bytes = "", mode: int = 0o644) -> Path:
        """Make a file with all its folders."""
        place = self.host.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)
        return place

    def link(self, path: str, target: str) -> Path:
        """Make a symbolic link with all its folders."""
        place = self.host.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
        return place

    def end(self, path: str) -> str:
        """Where a path ends, all links followed as if the root were the root."""
        found = Path(path)
        while (place := self.host.path(str(found))).is_symlink():
            found = found.parent / place.readlink()
        return str(found)

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """Everything below the root: path to mode and content or link target."""
        found: dict[str, tuple[int, bytes]] = {}
        for place in sorted(self.root.rglob("*")):
            content = b""
            if place.is_symlink():
                content = bytes(place.readlink())
            elif place.is_file():
                content = place.read_bytes()
            found[str(place.relative_to(self.root))] = (place.lstat().st_mode, content)
        return found


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


def modes(**given: str) -> Config:
    """A configuration with these stages' modes, the others required."""
    return Config(modes={**dict.fromkeys(STAGE_NAMES, "required"), **given})


def planned(stage: Any, node: Node, config: Config | None = None) -> Plan:
    """A stage's plan for a node as it is now."""
    settings = config or Config()
    plan: Plan = stage.plan(stage.read(node.host, settings), settings)
    return plan


def repair(stage: Any, node: Node, config: Config | None = None, rounds: int = 2) -> Plan:
    """Plan, apply and plan again, as the engine does; the plan that is left is the verdict.

    What apply raises is dropped, as the engine drops it: reading again tells what came of it.
    """
    plan = planned(stage, node, config)
    for _ in range(rounds):
        if not plan.changes:
            break
        for change in plan.changes:
            attempt(stage, change, node)
        plan = planned(stage, node, config)
    return plan


def attempt(stage: Any, change: Change, node: Node) -> str:
    """Apply one change; the message of the refusal, empty if there is none."""
    try:
        stage.apply(change, node.host)
    except NodefixError as error:
        return error.message
    return ""


class Recorder:
    """A journal that keeps its records."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.prints = False

    def send(self, record: Record) -> None:
        """Keep it."""
        self.records.append(record)

    def close(self) -> None:
        """Nothing is buffered."""
