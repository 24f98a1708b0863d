"""What a run leaves behind, for the tests of the gate."""

from __future__ import annotations

from fakehost import BOOT_ID, Node

from nodefix.plan import Problem
from nodefix.report import Head, StageReport
from nodefix.store import ReportFiles


def leave(
    node: Node,
    outcome: str,
    *stages: StageReport,
    boot_id: str = BOOT_ID,
    stage: str = "",
) -> None:
    """Leave the report of a run, and the marker if it opened the gate."""
    files, head = ReportFiles(node.root), Head(boot_id, "", "2026-01-02T03:04:05Z")
    known = {stage.stage: stage for stage in stages}
    files.write(head, outcome, known, stage=stage)
    if outcome not in ("failed", "running"):
        files.open_gate(head, outcome, known, "2026-01-02T03:04:06Z")


def failed(name: str, *problems: Problem) -> StageReport:
    """A stage that failed."""
    return StageReport(name, "required", "failed", problems=problems)
