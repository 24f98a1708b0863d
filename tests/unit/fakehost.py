"""Stand-ins for a node: a made-up tree, recorded commands, a service manager that remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakesystemd import FakeSystemd

from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.events import Record
from nodefix.host.node import Host
from nodefix.host.programs import Call, Outcome, Programs, Result
from nodefix.plan import Change, Plan
from nodefix.words import AUTO, IPTABLES, STAGE_NAMES

BOOT_ID = "11111111-2222-3333-4444-555555555555"
OTHER_BOOT_ID = "99999999-2222-3333-4444-555555555555"
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
    """What a program leaves; the caller's argv is filled in by FakePrograms."""
    return Result((), status, stdout.encode(), stderr.encode())


class FakePrograms(Programs):
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

    def read(self, *argv: str, stdin: bytes = b"", timeout: float = 10.0) -> Result:
        """Answer from the table."""
        return self.run(*argv, stdin=stdin, timeout=timeout)

    def read_all(self, calls: Sequence[Call]) -> list[Outcome]:
        """Answer each from the table."""
        outcomes: list[Outcome] = []
        for call in calls:
            try:
                outcomes.append(self.read(*call.argv, stdin=call.stdin, timeout=call.timeout))
            except NodefixError as error:
                outcomes.append(error)
        return outcomes


class Node:
    """A made-up node below a temporary folder.

    Attributes:
        root: where its tree begins.
        programs: its programs.
        systemd: its service manager.
        host: all three, as the code under test takes them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.programs = FakePrograms()
        self.systemd = FakeSystemd()
        self.host = Host(root, self.programs, self.systemd)
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


def modes(**given: str) -> Config:
    """A configuration with these stages' modes, the others required."""
    return Config(modes={**dict.fromkeys(STAGE_NAMES, "required"), **given})


def settled(config: Config | None = None) -> Config:
    """The settings as a stage sees them: kube-proxy's mode is found, its default one."""
    found = config or Config()
    return found._replace(kube_proxy=IPTABLES) if found.kube_proxy == AUTO else found


def planned(stage: Any, node: Node, config: Config | None = None) -> Plan:
    """A stage's plan for a node as it is now."""
    settings = settled(config)
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
        self.prints = self.is_left_to_child = False
        self.rests = 0

    def send(self, record: Record) -> None:
        """Keep it."""
        self.records.append(record)

    def rest(self) -> None:
        """Other runs may have the name."""
        self.rests += 1

    def close(self, beside: bool = False) -> None:
        """Nothing is buffered."""
        self.is_left_to_child = beside
