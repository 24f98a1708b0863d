"""How a boot goes on with each run: tries, how long kubelet was held, repairs at every boot."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from nodefix.host.reading import read_file
from nodefix.host.writing import make_folder, write_atomic
from nodefix.report import Course, Head, StageReport
from nodefix.shape import an, items, mapping, parsed
from nodefix.store import MOST, Earlier
from nodefix.text import seconds_of, uptime
from nodefix.words import CHANGED, DEGRADED, FAILED, KUBE_PROXY, REPAIRED


def go_on(
    earlier: Earlier,
    head: Head,
    finished: str,
    outcome: str,
    now: Mapping[str, StageReport],
    repeated: Mapping[str, int],
) -> Course:
    """The course of this boot with one more run.

    Args:
        earlier: the last run of this boot.
        head: what this run's report begins with.
        finished: when it ended.
        outcome: what it came to.
        now: what was run.
        repeated: what repeated() says.
    """
    before = earlier.course
    tries, since = 0, ""
    if outcome in (FAILED, DEGRADED):
        again = outcome == earlier.outcome
        tries, since = (before.tries + 1, before.since) if again else (1, "")
        since = since or head.started
    held = before.held_seconds
    if FAILED in (outcome, earlier.outcome):
        # From the first of the runs that failed to the end of this one, each second once.
        begun = earlier.finished if earlier.outcome == FAILED else head.started
        held += max(round(seconds_of(finished) - seconds_of(begun)), 0)
        # A clock that was years behind is set while kubelet is held: nobody is held for longer than
        # the node is up.
        held = min(held, round(uptime()))
    restarted = KUBE_PROXY in now and now[KUBE_PROXY].outcome == CHANGED
    return Course(tries, since, held, repeated, before.restarts + restarted)


def repeated(root: Path, boot_id: str, stages: Mapping[str, StageReport]) -> Mapping[str, int]:
    """In how many boots in a row, with this one, each stage had to repair something.

    Kept in a file, since `/run` does not outlast a boot and the journal may not either. A node that
    needs no repairs never has one, and nothing is written there where nothing changes.

    Args:
        root: the node's.
        boot_id: this boot's.
        stages: what was run.
    """
    file = root / REPAIRED
    boot, before, repaired = _kept(file)
    if boot != boot_id:
        before = {stage: before.get(stage, 0) + 1 for stage in repaired}
        repaired = frozenset()
    now = repaired | {
        name for name, report in stages.items() if report.outcome == CHANGED and name != KUBE_PROXY
    }
    if (now or before) and (boot, repaired) != (boot_id, now):
        content = {"boot_id": boot_id, "before": before, "repaired": sorted(now)}
        # What the run did is worth more than how often it did so.
        with contextlib.suppress(OSError):
            make_folder(file.parent, 0o700)
            write_atomic(file, json.dumps(content).encode() + b"\n")
    return {stage: min(before.get(stage, 0) + 1, MOST) for stage in sorted(now)}


def _kept(file: Path) -> tuple[str, Mapping[str, int], frozenset[str]]:
    """The boot that wrote the file, the boots before it by stage, and what it repaired."""
    try:
        found = parsed(read_file(file))
        before = {name: an(int, count) for name, count in mapping(found["before"]).items()}
        repaired = frozenset(an(str, name) for name in items(found["repaired"]))
        return an(str, found["boot_id"]), before, repaired
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", {}, frozenset()
