"""nodefix/course.py: how a boot goes on with each run."""

from __future__ import annotations

import json

import pytest
from fakehost import BOOT_ID, OTHER_BOOT_ID, Node

from nodefix.course import go_on, repeated
from nodefix.report import Course, Head, StageReport
from nodefix.store import Earlier
from nodefix.words import REPAIRED

SWAP = StageReport("swap", "required", "changed")
CHAINS = StageReport("chains", "required", "unchanged")
RESTARTED = StageReport("kube-proxy", "wanted", "changed")
REPAIR = {"swap": SWAP, "chains": CHAINS, "kube-proxy": RESTARTED}


def at(minute: int) -> str:
    return f"2026-01-02T03:{minute:02}:00Z"


def after(*runs: tuple[str, int, int]) -> Course:
    """The course after these runs: what each came to, the minutes in which it began and ended."""
    earlier = Earlier()
    for outcome, begun, ended in runs:
        head = Head(BOOT_ID, "", at(begun))
        course = go_on(earlier, head, at(ended), outcome, {}, {})
        earlier = Earlier(outcome, course=course, started=at(begun), finished=at(ended))
    return earlier.course


@pytest.mark.parametrize(
    ("runs", "tries", "since", "held"),
    [
        ([("ready", 0, 1)], 0, "", 0),
        ([("degraded", 0, 1), ("degraded", 2, 3)], 2, at(0), 0),
        ([("failed", 0, 1)], 1, at(0), 60),
        # Each second once, and the pause between two tries with them.
        ([("failed", 0, 1), ("failed", 5, 6)], 2, at(0), 360),
        ([("failed", 0, 1), ("failed", 5, 6), ("ready", 8, 9)], 0, "", 540),
        ([("failed", 0, 1), ("ready", 8, 9), ("ready", 20, 21)], 0, "", 540),
        ([("failed", 0, 1), ("ready", 8, 9), ("failed", 20, 21)], 1, at(20), 600),
        ([("failed", 0, 1), ("degraded", 2, 3)], 1, at(2), 180),
        # A clock that was set back.
        ([("failed", 30, 31), ("ready", 1, 2)], 0, "", 60),
    ],
)
def test_tries_and_time(
    runs: list[tuple[str, int, int]], tries: int, since: str, held: int
) -> None:
    assert after(*runs)[:3] == (tries, since, held)


def test_nobody_is_held_for_longer_than_the_node_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.course.uptime", lambda: 90.4)
    # The clock began in 1970, say, and was set between two tries.
    assert after(("failed", 0, 1), ("failed", 50, 51)).held_seconds == 90


@pytest.fixture(autouse=True)
def long_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has been up for long, whatever this machine is."""
    monkeypatch.setattr("nodefix.course.uptime", lambda: 1e6)


def test_restarts_add_up() -> None:
    before = Earlier("ready", course=Course(restarts=2))
    head = Head(BOOT_ID, "", at(0))
    assert go_on(before, head, at(1), "ready", REPAIR, {}).restarts == 3
    assert go_on(before, head, at(1), "ready", {"swap": SWAP}, {}).restarts == 2


def test_repaired_boot_after_boot(node: Node) -> None:
    assert repeated(node.root, "boot 1", REPAIR) == {"swap": 1}
    # Twice in one boot is one boot, and what a later run need not repair stays repaired.
    assert repeated(node.root, "boot 1", REPAIR) == {"swap": 1}
    assert repeated(node.root, "boot 1", {"swap": CHAINS}) == {"swap": 1}
    assert repeated(node.root, "boot 2", REPAIR) == {"swap": 2}
    assert repeated(node.root, "boot 3", {"chains": SWAP}) == {"chains": 1}
    assert repeated(node.root, "boot 4", REPAIR) == {"swap": 1}


def test_a_node_that_needs_nothing_gets_no_file(node: Node) -> None:
    assert repeated(node.root, BOOT_ID, {"chains": CHAINS}) == {}
    assert not (node.root / REPAIRED).exists()
    repeated(node.root, BOOT_ID, REPAIR)
    before = (node.root / REPAIRED).stat()
    repeated(node.root, BOOT_ID, REPAIR)
    assert (node.root / REPAIRED).stat() == before
    repeated(node.root, OTHER_BOOT_ID, {})
    assert json.loads((node.root / REPAIRED).read_text())["before"] == {"swap": 1}
    assert repeated(node.root, "a third boot's", {}) == {}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"boot_id": "a", "before": 1, "repaired": []}', "[" * 9999]
)
def test_a_file_that_cannot_be_understood_counts_for_nothing(node: Node, content: str) -> None:
    node.file(REPAIRED, content)
    assert repeated(node.root, BOOT_ID, REPAIR) == {"swap": 1}
    assert json.loads((node.root / REPAIRED).read_text())["repaired"] == ["swap"]


def test_a_file_that_cannot_be_written_is_no_reason_to_fail(node: Node) -> None:
    (node.root / REPAIRED).mkdir(parents=True)
    assert repeated(node.root, BOOT_ID, REPAIR) == {"swap": 1}
