"""nodefix/around/metrics.py: the file for node_exporter's textfile collector."""

from __future__ import annotations

import re

import pytest

from nodefix.around.metrics import metrics
from nodefix.around.run import Ran
from nodefix.plan import Done, Problem
from nodefix.report import Course, Head, StageReport

STAGES = {
    "swap": StageReport(
        "swap", "required", "changed", (Done("a", "on", "off"),), (), (), 1_500_000
    ),
    "modules": StageReport("modules", "required", "failed", problems=(Problem("a", ""),)),
    "kube-proxy": StageReport("kube-proxy", "wanted", "changed"),
}
FAILED = Ran(
    Head("b", "", "1970-01-02T00:00:00Z"),
    "1970-01-02T00:00:10Z",
    "failed",
    STAGES,
    Course(2, "1970-01-02T00:00:00Z", 10, {"swap": 3}, 4),
    2_250_000,
)


def samples(text: str) -> dict[str, float]:
    """By name and labels, as Prometheus' own parser has them."""
    found: dict[str, float] = {}
    typed: set[str] = set()
    for line in text.splitlines():
        if line.startswith("#"):
            kind, name = re.fullmatch(r"# (HELP|TYPE) (nodefix_\w+) .+", line).groups()  # type: ignore[union-attr]
            assert (kind, name) not in typed
            typed.add((kind, name))  # type: ignore[arg-type]
        else:
            key, value = line.rsplit(" ", 1)
            assert key not in found
            found[key.removeprefix("nodefix_")] = float(value)
            assert ("TYPE", key.partition("{")[0]) in typed
    assert text.endswith("\n")
    return found


def test_each_figure() -> None:
    found = samples(metrics(FAILED, 5))
    stages = {key: value for key, value in found.items() if key.startswith("stage_")}
    plain = {key: value for key, value in found.items() if key not in stages}
    assert plain.pop(next(key for key in plain if key.startswith("info{version="))) == 1
    assert plain == {
        "ready": 0,
        'outcome{outcome="ready"}': 0,
        'outcome{outcome="degraded"}': 0,
        'outcome{outcome="failed"}': 1,
        'outcome{outcome="skipped"}': 0,
        "last_run_timestamp_seconds": 86410,
        "last_run_duration_seconds": 2.25,
        "tries": 2,
        "held_since_timestamp_seconds": 86400,
        "held_seconds": 10,
        "kube_proxy_restarts": 4,
        "undo_entries": 5,
    }
    assert [key for key, value in stages.items() if "outcome" in key and value] == [
        'stage_outcome{stage="swap",outcome="changed"}',
        'stage_outcome{stage="modules",outcome="failed"}',
    ]
    figures = {key: value for key, value in stages.items() if "outcome" not in key}
    assert figures == {
        'stage_duration_seconds{stage="swap"}': 1.5,
        'stage_duration_seconds{stage="modules"}': 0,
        'stage_changes{stage="swap"}': 1,
        'stage_changes{stage="modules"}': 0,
        'stage_problems{stage="swap"}': 0,
        'stage_problems{stage="modules"}': 1,
        'stage_repaired_boots{stage="swap"}': 3,
        'stage_repaired_boots{stage="modules"}': 0,
    }


@pytest.mark.parametrize(("outcome", "is_off"), [("ready", False), ("failed", True)])
def test_a_node_that_is_not_held(outcome: str, is_off: bool) -> None:
    found = samples(metrics(FAILED._replace(outcome=outcome, is_off=is_off), None))
    assert (found["ready"], found["held_since_timestamp_seconds"]) == (1, 0)
    # Unknown is not nought.
    assert "undo_entries" not in found
