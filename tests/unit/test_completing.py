"""nodefix/completing.py: a restart of kube-proxy in the report of the last run."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakehost import BOOT_ID, Node
from lastrun import leave

from nodefix.completing import complete
from nodefix.plan import Done, Problem
from nodefix.report import Head, StageReport
from nodefix.store import ReportFiles
from nodefix.words import MARKER, REPORT

CHAINS = StageReport("chains", "required", "changed", (Done("a", "b", "c"),))
WAITS = StageReport("kube-proxy", "wanted", "not run", notes=("restart due",))
DONE = StageReport("kube-proxy", "wanted", "changed", (Done("kube-proxy", "why", "restarted"),))
DOWN = StageReport(
    "kube-proxy", "wanted", "degraded", problems=(Problem("it is down", "mend it", False),)
)


def read(node: Node, path: str) -> dict[str, Any]:
    found = json.loads((node.root / path).read_bytes())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("before", "done", "outcome", "after"),
    [
        (WAITS, DONE, "ready", "changed"),
        (WAITS, DOWN, "degraded", "degraded"),
        (DOWN, DONE, "ready", "changed"),
        (WAITS, None, "ready", None),
        # By hand, while a run waited.
        (DONE, None, "ready", "changed"),
    ],
)
def test_it_stands_beside_what_other_runs_have_left(
    node: Node, before: StageReport, done: StageReport | None, outcome: str, after: str | None
) -> None:
    leave(node, "degraded" if before is DOWN else "ready", before, CHAINS)
    ran = complete(node.host, done)
    report, marker = read(node, REPORT), read(node, MARKER)
    assert ran.outcome == report["outcome"] == marker["outcome"] == outcome
    stages = {stage["stage"]: stage["outcome"] for stage in report["stages"]}
    assert stages == {"chains": "changed"} | ({"kube-proxy": after} if after else {})
    assert report["started"] == "2026-01-02T03:04:05Z"
    assert report["restarts"] == (done is DONE)
    # It is no try of its own.
    assert report["tries"] == (outcome == "degraded")


@pytest.mark.parametrize(("left", "outcome"), [(DOWN, "ready"), (WAITS, "degraded")])
def test_what_another_run_has_found_since_stays(
    node: Node, left: StageReport, outcome: str
) -> None:
    leave(node, "degraded", CHAINS, DOWN)
    assert complete(node.host, None, left=left).outcome == outcome
    assert ("kube-proxy" in (node.root / REPORT).read_text()) == (outcome == "degraded")


def test_only_its_own_run_is_finished_by_it(node: Node) -> None:
    leave(node, "ready", CHAINS)
    assert complete(node.host, DONE).finished == ""
    assert complete(node.host, DONE, Head(BOOT_ID, "", "2026-01-02T03:04:05Z")).finished != ""


def test_a_gate_that_was_closed_since_stays_closed(node: Node) -> None:
    leave(node, "ready", CHAINS)
    (node.root / MARKER).unlink()
    complete(node.host, DONE)
    assert not (node.root / MARKER).exists()
    assert read(node, REPORT)["restarts"] == 1


def test_a_gate_that_is_open_stays_so_where_the_marker_cannot_be_written(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(node, "ready", CHAINS)
    write = ReportFiles._write

    def full(path: Path, content: Mapping[str, object]) -> None:
        if path.name == "ready":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(ReportFiles, "_write", staticmethod(full))
    with pytest.raises(OSError, match="No space"):
        complete(node.host, DONE)
    assert ReportFiles(node.root).is_open(BOOT_ID)


def test_a_run_that_was_aborted_since_is_not_made_whole(node: Node) -> None:
    leave(node, "running", CHAINS, stage="chains")
    before = node.snapshot()
    assert complete(node.host, DONE).outcome == "running"
    assert node.snapshot() == before


def test_no_run_in_this_boot(node: Node) -> None:
    assert complete(node.host, DONE).stages == {"kube-proxy": DONE}
    assert not (node.root / REPORT).exists()
