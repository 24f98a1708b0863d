"""Journals of boots for the tests of pictures: what systemd and nodefix say, by a clock."""

from __future__ import annotations

from nodefix import events
from nodefix.events import Record
from nodefix.host.journald import Entry
from nodefix.host.units import BootTimes
from nodefix.picture import tries
from nodefix.picture.reading import Material
from nodefix.words import KUBELET, UNIT

# A container begins when its host has been up for a while.
ORIGIN = 1000.0
CONTAINER = BootTimes(False, 0.0, ORIGIN)
WHY = "modules: xt_mark: absent"


class Boot:
    """A boot that is told by its methods; `at` is seconds since it began."""

    def __init__(self) -> None:
        self.manager: list[Entry] = []
        self.own: list[Entry] = []
        self.number = 0

    def systemd(self, at: float, kind: str, unit: str = KUBELET, **fields: str) -> None:
        """systemd says something of a unit."""
        given = {"MESSAGE_ID": kind, "UNIT": unit, **fields}
        self.manager.append(Entry(0.0, "b", given, ORIGIN + at))

    def said(self, at: float, record: Record, invocation: str = "", pid: str = "1") -> None:
        """nodefix says something."""
        fields = {**record.entry(), "_PID": pid, "_SYSTEMD_INVOCATION_ID": invocation}
        self.own.append(Entry(0.0, "b", fields, ORIGIN + at))

    def wait_said(self, at: float, text: str, invocation: str, unit: str = KUBELET) -> None:
        """`nodefix wait` says something in a unit's journal."""
        fields = {"MESSAGE": text, "_SYSTEMD_UNIT": unit, "_SYSTEMD_INVOCATION_ID": invocation}
        self.own.append(Entry(0.0, "b", fields, ORIGIN + at))

    def held(self, at: float, unit: str = KUBELET) -> None:
        """One start that the gate holds, for a tenth of a second."""
        self.number += 1
        name = unit.removesuffix(".service")
        invocation = f"{unit}-{self.number}"
        self.systemd(at, tries.UNIT_STARTING, unit, INVOCATION_ID=invocation)
        self.wait_said(
            at + 0.05, f"{name} is held: this node is not ready for it", invocation, unit
        )
        self.wait_said(at + 0.05, WHY, invocation, unit)
        self.systemd(at + 0.1, tries.UNIT_PROCESS_EXIT, unit, COMMAND="ExecStartPre")
        self.systemd(at + 0.1, tries.UNIT_FAILURE_RESULT, unit)
        self.systemd(at + 0.1, tries.UNIT_FAILED, unit)

    def up(self, at: float, unit: str = KUBELET) -> None:
        """One start that leads to a unit that is up a tenth of a second later."""
        self.systemd(at, tries.UNIT_STARTING, unit, INVOCATION_ID=f"up-{at}")
        self.systemd(at + 0.1, tries.UNIT_STARTED, unit)

    def run(self, at: float, *records: Record, fails: bool = False) -> None:
        """One run of nodefix.service, which takes half a second."""
        self.number += 1
        invocation = f"run-{self.number}"
        self.systemd(at, tries.UNIT_STARTING, UNIT, INVOCATION_ID=invocation)
        for place, record in enumerate(records, 1):
            self.said(at + 0.5 * place / (len(records) + 1), record, invocation, invocation)
        end = tries.UNIT_FAILED if fails else tries.UNIT_STARTED
        self.systemd(at + 0.5, end, UNIT)

    def material(self, now: float, **other: object) -> Material:
        """What is read of it."""
        first = min([*self.manager, *self.own], key=lambda one: one.monotonic, default=None)
        begun = [one.monotonic for one in self.manager if one.fields["UNIT"] == UNIT]
        found = Material(
            ORIGIN + now,
            1_700_000_000.0 + now,
            CONTAINER,
            first,
            tuple(self.own),
            tuple(one for one in self.manager if one.fields["UNIT"] in (UNIT, KUBELET)),
            tuple(one for one in self.manager if not begun or one.monotonic < begun[0]),
            frozenset({"early.service"}),
        )
        return found._replace(**other)  # type: ignore[arg-type]


def stage(name: str, outcome: str, usec: int = 100_000, message: str = "") -> Record:
    """A stage's record."""
    ids = {"failed": events.STAGE_FAILED, "unchanged": events.STAGE_UNCHANGED}
    fields = {"NODEFIX_STAGE": name, "NODEFIX_OUTCOME": outcome}
    fields["NODEFIX_DURATION_USEC"] = str(usec)
    kind = ids.get(outcome, events.STAGE_CHANGED)
    return Record(kind, events.INFO, message or f"{name}: {outcome}", fields)


def ended(outcome: str, usec: int = 0) -> Record:
    """The record of a run's end."""
    fields = {"NODEFIX_OUTCOME": outcome} | ({"NODEFIX_DURATION_USEC": str(usec)} if usec else {})
    kind = events.RUN_FAILED if outcome == "failed" else events.RUN_FINISHED
    return Record(kind, events.INFO, f"{outcome} after all", fields)


BEGUN = Record(events.RUN_STARTED, events.INFO, "nodefix started", {})
PROBLEM = Record(
    events.PROBLEM, events.ERROR, f"{WHY}\n  fix: dnf install x", {"NODEFIX_STAGE": "modules"}
)
FAILED_RUN = (BEGUN, stage("modules", "failed"), PROBLEM, stage("chains", "changed"))


def repaired(held: int = 2) -> Boot:
    """A boot whose kubelet was held so often, every ten seconds, then came up."""
    boot = Boot()
    boot.systemd(0.1, tries.UNIT_STARTING, "early.service")
    boot.systemd(0.3, tries.UNIT_STARTED, "early.service")
    boot.systemd(0.1, tries.UNIT_STARTING, "other.service")
    boot.systemd(0.4, tries.UNIT_STARTED, "other.service")
    boot.run(1.0, *FAILED_RUN, ended("failed", 400_000), fails=True)
    boot.held(1.5)
    for number in range(1, held):
        boot.run(10.0 * number + 1, ended("failed"), fails=True)
        boot.held(10.0 * number + 1.5)
    last = 10.0 * held + 1
    boot.run(last, BEGUN, stage("modules", "unchanged"), ended("ready", 300_000))
    boot.up(last + 0.6)
    return boot
