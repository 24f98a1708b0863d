"""Made-up stages, and a run of the engine over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from fakehost import Node, Recorder

from nodefix import engine
from nodefix.config import Config
from nodefix.facts.system import Scope
from nodefix.host.node import Host
from nodefix.plan import Change, Plan, Problem
from nodefix.words import MARKER, REPORT

INSIDE = Scope(True, "found EL 10")
OUTSIDE = Scope(False, "found Debian")
PROBLEM = Problem("the thing is broken", "mend the thing")


def change(target: str, required: bool = True) -> Change:
    """A change that is due."""
    return Change(target, "wrong", "right", f"mend {target}", None, required)


class FakeStage:
    """A stage whose plans the test sets: one for each reading, the last one again and again.

    Attributes:
        applied: targets of changes, in order.
    """

    DEADLINE = 5.0
    NEEDS: tuple[str, ...] = ()

    def __init__(self, name: str, *plans: Plan) -> None:
        self.NAME = name
        self.plans = list(plans) or [Plan()]
        self.applied: list[str] = []
        self.on_read: Callable[[Host], object] = lambda host: None
        self.on_apply: Callable[[Change], object] = lambda change: None

    def read(self, host: Host, config: Config, /) -> Plan:
        """Facts are the plan to come."""
        assert host.programs.deadline is not None
        self.on_read(host)
        return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    def plan(self, facts: Any, config: Config, /) -> Plan:
        """What was read."""
        found: Plan = facts
        return found

    def apply(self, change: Change, host: Host, /) -> None:
        """Remember it."""
        self.applied.append(change.target)
        self.on_apply(change)


class Run:
    """A run of the engine over made-up stages."""

    def __init__(self, node: Node, *stages: FakeStage) -> None:
        self.node = node
        self.stages: Sequence[FakeStage] = stages
        self.journal = Recorder()
        self.status: list[str] = []

    def __call__(self, config: Config | None = None, scope: Scope = INSIDE, *names: str) -> str:
        """Run; the outcome."""
        self.journal.records.clear()
        known = {stage.NAME: "required" for stage in self.stages}
        settings = config or Config()
        settings = settings._replace(modes={**known, **settings.modes})
        return engine.run(
            self.node.host,
            settings,
            scope,
            self.journal,  # type: ignore[arg-type]
            names,
            self.stages,
            self.status.append,
        )

    @property
    def report(self) -> dict[str, Any]:
        """What was written."""
        found = json.loads((self.node.root / REPORT).read_bytes())
        assert isinstance(found, dict)
        return found

    def stage(self, name: str) -> dict[str, Any]:
        """One stage of the report."""
        (found,) = (stage for stage in self.report["stages"] if stage["stage"] == name)
        assert isinstance(found, dict)
        return found

    @property
    def is_open(self) -> bool:
        """Whether the marker is there."""
        return (self.node.root / MARKER).exists()

    def said(self, message_id: str) -> list[str]:
        """The messages of records of a kind."""
        return [
            record.message for record in self.journal.records if record.message_id == message_id
        ]
