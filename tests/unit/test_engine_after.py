"""nodefix/engine.py: what is done after the stages."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fakehost import Node, Recorder
from fakestage import INSIDE, PROBLEM, FakeStage, change
from lastrun import leave

from nodefix import engine, events
from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.plan import Plan, Problem
from nodefix.report import Due, StageReport
from nodefix.store import ReportFiles
from nodefix.words import MARKER, REPORT

DEGRADED = StageReport(
    "kube-proxy", "wanted", "degraded", problems=(Problem("it is down", "mend it", False),)
)
Stages = Mapping[str, StageReport]


def run(
    node: Node,
    after: engine.After,
    *stages: FakeStage,
    let_go: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> tuple[str, Recorder]:
    """A run with something after it."""
    modes = {stage.NAME: "required" for stage in stages}
    journal = Recorder()
    outcome = engine.run(
        node.host,
        Config(modes=modes),
        INSIDE,
        journal,  # type: ignore[arg-type]
        stages=stages,
        after=after,
        let_go=let_go,
    )
    return outcome, journal


def test_gate_is_open_while_it_is_done_and_its_failure_degrades(node: Node) -> None:
    def work() -> StageReport:
        assert (node.root / MARKER).exists()
        report = json.loads((node.root / REPORT).read_bytes())
        assert (report["outcome"], report["stage"]) == ("running", "kube-proxy")
        return DEGRADED

    outcome, journal = run(node, lambda config, before, now: work, FakeStage("swap"))
    assert outcome == "degraded"
    report = json.loads((node.root / REPORT).read_bytes())
    assert report["outcome"] == "degraded"
    assert [stage["stage"] for stage in report["stages"]] == ["swap", "kube-proxy"]
    assert json.loads((node.root / MARKER).read_bytes())["outcome"] == "degraded"
    assert [record.message_id for record in journal.records][-3:] == [
        events.STAGE_FAILED,
        events.PROBLEM,
        events.RUN_FINISHED,
    ]


def test_a_gate_that_is_open_by_then_stays_so_where_the_marker_cannot_be_written(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ReportFiles._write

    def full(path: Path, content: Mapping[str, object]) -> None:
        if path.name == "ready":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    def work() -> StageReport:
        monkeypatch.setattr(ReportFiles, "_write", staticmethod(full))
        return DEGRADED

    with pytest.raises(OSError, match="No space"):
        run(node, lambda config, before, now: work, FakeStage("swap"))
    assert (node.root / MARKER).exists()


def test_gate_stays_closed_behind_a_stage_that_failed(node: Node) -> None:
    done = DEGRADED._replace(outcome="changed", problems=())

    def work() -> StageReport:
        assert not (node.root / MARKER).exists()
        return done

    outcome, _ = run(
        node, lambda config, before, now: work, FakeStage("swap", Plan(problems=(PROBLEM,)))
    )
    assert outcome == "failed"
    assert not (node.root / MARKER).exists()


def due(node: Node, *came: StageReport | None) -> tuple[str, Recorder, list[str]]:
    """Runs after which something is due, and what was going on as it was done."""
    seen: list[str] = []
    left = list(came)

    @contextlib.contextmanager
    def let_go() -> Iterator[None]:
        seen.append("free")
        yield
        seen.append("held")

    def do() -> StageReport | None:
        report = json.loads((node.root / REPORT).read_bytes())
        stages = {stage["stage"]: stage["outcome"] for stage in report["stages"]}
        seen.append(f"{report['outcome']}, {stages['kube-proxy']}, {report['finished'] != ''}")
        assert json.loads((node.root / MARKER).read_bytes())["outcome"] == report["outcome"]
        return left.pop(0)

    waits = StageReport("kube-proxy", "wanted", "not run", notes=("restart due",))
    for _ in came:
        outcome, journal = run(
            node, lambda *_: lambda: Due(waits, do), FakeStage("swap"), let_go=let_go
        )
    return outcome, journal, seen


def test_what_is_due_is_done_when_report_and_marker_are_whole_and_the_lock_is_free(
    node: Node,
) -> None:
    done = DEGRADED._replace(outcome="changed", problems=())
    outcome, journal, seen = due(node, done)
    assert (outcome, seen) == ("ready", ["free", "ready, not run, True", "held"])
    report = json.loads((node.root / REPORT).read_bytes())
    assert [stage["outcome"] for stage in report["stages"]] == ["unchanged", "changed"]
    assert journal.records[-3].message.endswith(": swap unchanged")
    assert [record.message_id for record in journal.records][-3:] == [
        # Whoever waits for the node learns of it before.
        events.RUN_FINISHED,
        events.STAGE_CHANGED,
        events.RUN_FINISHED,
    ]


def test_what_was_wrong_is_so_until_it_is_done_and_told_once(node: Node) -> None:
    outcome, journal, seen = due(node, DEGRADED, DEGRADED)
    assert outcome == "degraded"
    assert seen[1::3] == ["ready, not run, True", "degraded, degraded, True"]
    report = json.loads((node.root / REPORT).read_bytes())
    assert report["tries"] == 2
    (record,) = journal.records
    assert record.message.startswith("degraded as before (try 2 since ")


def test_nothing_was_due_any_more(node: Node) -> None:
    outcome, journal, _ = due(node, None)
    assert outcome == "ready"
    assert "kube-proxy" not in (node.root / REPORT).read_text()
    assert [record.message_id for record in journal.records].count(events.RUN_FINISHED) == 1


def test_another_run_that_does_not_end_is_named(node: Node) -> None:
    @contextlib.contextmanager
    def let_go() -> Iterator[None]:
        yield
        raise NodefixError("waited 10 seconds for the run lock", "look at it")

    waits = StageReport("kube-proxy", "wanted", "not run")
    outcome, journal = run(
        node, lambda *_: lambda: Due(waits, lambda: DEGRADED), FakeStage("swap"), let_go=let_go
    )
    assert outcome == "degraded"
    messages = [record.message for record in journal.records]
    assert messages[-2].startswith("kube-proxy: it is down")
    assert messages[-1] == (
        "the report does not tell what came of kube-proxy's restart: waited 10 seconds for the run"
        " lock; fix: look at it"
    )
    assert json.loads((node.root / REPORT).read_bytes())["outcome"] == "ready"


def test_another_run_that_was_aborted_meanwhile_is_not_called_ready(node: Node) -> None:
    done = DEGRADED._replace(outcome="changed", problems=())

    def do() -> StageReport:
        leave(node, "running", StageReport("swap", "required", "unchanged"), stage="swap")
        return done

    waits = StageReport("kube-proxy", "wanted", "not run")
    _, journal = run(node, lambda *_: lambda: Due(waits, do), FakeStage("swap"))
    assert json.loads((node.root / REPORT).read_bytes())["outcome"] == "running"
    assert [record.message_id for record in journal.records][-2:] == [
        events.RUN_FINISHED,
        events.STAGE_CHANGED,
    ]


def test_nothing_that_was_due_is_told_nowhere(node: Node) -> None:
    outcome, journal = run(node, lambda config, before, now: lambda: None, FakeStage("swap"))
    assert outcome == "ready"
    assert "kube-proxy" not in (node.root / REPORT).read_text()
    assert not [record for record in journal.records if "kube-proxy" in record.message]


DUE = StageReport("kube-proxy", "wanted", "skipped", notes=("as soon as modules has not failed",))
DONE = DEGRADED._replace(outcome="changed", problems=())


@pytest.mark.parametrize(("earlier", "outcome"), [(DEGRADED, "degraded"), (DUE, "ready")])
def test_what_is_still_due_is_kept_where_nobody_looks(
    node: Node, earlier: StageReport, outcome: str
) -> None:
    run(node, lambda config, before, now: lambda: earlier, FakeStage("swap"))
    ran, _ = run(node, lambda config, before, now: None, FakeStage("swap"))
    # The stages that were run are fine; the node is not.
    assert ran == "ready"
    report = json.loads((node.root / REPORT).read_bytes())
    assert (report["outcome"], report["stages"][-1]["outcome"]) == (outcome, earlier.outcome)
    assert json.loads((node.root / MARKER).read_bytes())["outcome"] == outcome


@pytest.mark.parametrize("earlier", [DEGRADED, DONE])
def test_what_is_done_is_not_kept(node: Node, earlier: StageReport) -> None:
    run(node, lambda config, before, now: lambda: earlier, FakeStage("swap"))
    run(
        node,
        lambda config, before, now: None if earlier is DONE else lambda: None,
        FakeStage("swap"),
    )
    assert "kube-proxy" not in (node.root / REPORT).read_text()


def test_it_is_asked_once_with_what_was_and_what_is(node: Node) -> None:
    asked: list[tuple[Stages, Stages]] = []

    def after(config: Config, before: Stages, now: Stages) -> None:
        assert not (node.root / MARKER).exists() or asked
        asked.append((before, now))

    run(node, after, FakeStage("swap", Plan((change("a"),)), Plan()))
    run(node, after, FakeStage("swap"))
    assert [(list(before), now["swap"].outcome) for before, now in asked] == [
        ([], "changed"),
        (["swap"], "unchanged"),
    ]
