"""The last run as metrics for the textfile collector of Prometheus' node_exporter.

The folder is the admin's choice. No time stamps: the collector skips a file that has them.
Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/practices/naming/; node_exporter collector/textfile.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nodefix import __version__
from nodefix.around.run import Ran
from nodefix.report import StageReport
from nodefix.text import seconds_of
from nodefix.words import (
    CHANGED,
    DEGRADED,
    FAILED,
    KUBE_PROXY,
    NOT_RUN,
    PREPARED,
    READY,
    SKIPPED,
    UNCHANGED,
)

OUTCOMES = (READY, DEGRADED, FAILED, SKIPPED)
STAGE_OUTCOMES = (UNCHANGED, PREPARED, CHANGED, SKIPPED, DEGRADED, FAILED, NOT_RUN)

_Sample = tuple[Mapping[str, str], float]


def metrics(ran: Ran, to_undo: int | None) -> str:
    """The file's content.

    Args:
        ran: the run.
        to_undo: how many lasting changes could be undone; None where that is not known.
    """
    course = ran.course
    is_held = ran.outcome == FAILED and not ran.is_off
    stages = [report for name, report in ran.stages.items() if name != KUBE_PROXY]
    parts = [
        _gauge("info", "The version that ran last.", [({"version": __version__}, 1)]),
        _plain("ready", "Whether kubelet may start, by the last run.", not is_held),
        _gauge(
            "outcome",
            "What the last run came to.",
            [({"outcome": name}, name == ran.outcome) for name in OUTCOMES],
        ),
        _plain(
            "last_run_timestamp_seconds",
            "When the last run ended; before the node's boot if none has ended since.",
            seconds_of(ran.finished),
        ),
        _plain("last_run_duration_seconds", "How long the last run took.", ran.usec / 1e6),
        _plain("tries", "Runs in a row that ended as failed, or as degraded.", course.tries),
        _plain(
            "held_since_timestamp_seconds",
            "Since when kubelet is held; 0 if it is not.",
            seconds_of(course.since) if is_held else 0,
        ),
        _plain(
            "held_seconds",
            "How long kubelet was held in this boot, up to the last run.",
            course.held_seconds,
        ),
        _plain(
            "kube_proxy_restarts",
            "How often nodefix restarted kube-proxy in this boot.",
            course.restarts,
        ),
        *_of_stages(stages, course.repeated),
    ]
    if to_undo is not None:
        text = "Lasting changes that `nodefix rollback` would undo."
        parts.append(_plain("undo_entries", text, to_undo))
    return "".join(parts)


def _of_stages(stages: Iterable[StageReport], repeated: Mapping[str, int]) -> Iterable[str]:
    stages = list(stages)
    yield _gauge(
        "stage_outcome",
        "How each stage went.",
        [
            ({"stage": report.stage, "outcome": name}, name == report.outcome)
            for report in stages
            for name in STAGE_OUTCOMES
        ],
    )
    figures = (
        (
            "stage_duration_seconds",
            "How long each stage took.",
            lambda report: report.duration_usec / 1e6,
        ),
        ("stage_changes", "Changes that each stage made.", lambda report: len(report.changes)),
        ("stage_problems", "What is wrong, by stage.", lambda report: len(report.problems)),
        (
            "stage_repaired_boots",
            "Boots in a row, with this one, at which a stage had to repair something.",
            lambda report: repeated.get(report.stage, 0),
        ),
    )
    for name, text, value in figures:
        yield _gauge(name, text, [({"stage": report.stage}, value(report)) for report in stages])


def _plain(name: str, text: str, value: float) -> str:
    return _gauge(name, text, [({}, value)])


def _gauge(name: str, text: str, samples: Iterable[_Sample]) -> str:
    """One metric; labels hold nodefix's own words, in which nothing has to be escaped."""
    name = f"nodefix_{name}"
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        inner = ",".join(f'{key}="{word}"' for key, word in labels.items())
        lines.append(f"{name}{{{inner}}} {value:.15g}" if inner else f"{name} {value:.15g}")
    return "\n".join([*lines, ""])
