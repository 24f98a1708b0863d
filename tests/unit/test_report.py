"""nodefix/report.py: the report, and the marker that opens the gate."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakehost import BOOT_ID, OTHER_BOOT_ID, Node
from fakesystemd import INVOCATION_ID

from nodefix import __version__, gate
from nodefix.plan import Done, Problem
from nodefix.report import Course, Head, StageReport, rechecked, run_outcome, stage_from_json
from nodefix.store import Earlier, ReportFiles
from nodefix.words import MARKER, REPORT

HEAD = Head(BOOT_ID, INVOCATION_ID, "2026-01-02T03:04:05Z")
FINISHED = "2026-01-02T03:04:06Z"
SWAP = StageReport(
    "swap",
    "required",
    "changed",
    (Done("swap /dev/vda2", "on", "off"),),
    (Problem("one", "do this", False), Problem("two", "")),
    ("a note",),
    1234,
)
CHAINS = StageReport("chains", "wanted", "degraded")
COURSE = Course(3, FINISHED, 40, {"swap": 4}, 1)
STAGES = {"swap": SWAP, "chains": CHAINS}


def read(node: Node, path: str) -> dict[str, Any]:
    found = json.loads((node.root / path).read_bytes())
    assert isinstance(found, dict)
    return found


def test_report(node: Node) -> None:
    course = COURSE._replace(tries=2)
    ReportFiles(node.root).write(HEAD, "degraded", STAGES, FINISHED, course=course)
    assert read(node, REPORT) == {
        "schema": 1,
        "version": __version__,
        "boot_id": BOOT_ID,
        "invocation_id": INVOCATION_ID,
        "started": "2026-01-02T03:04:05Z",
        "finished": FINISHED,
        "outcome": "degraded",
        "stage": "",
        "tries": 2,
        "since": FINISHED,
        "held_seconds": 40,
        "repeated": {"swap": 4},
        "restarts": 1,
        "stages": [
            {
                "stage": "swap",
                "mode": "required",
                "outcome": "changed",
                "changes": [
                    {"target": "swap /dev/vda2", "found": "on", "wanted": "off", "each_boot": False}
                ],
                "problems": [
                    {"message": "one", "hint": "do this", "required": False, "code": ""},
                    {"message": "two", "hint": "", "required": True, "code": ""},
                ],
                "notes": ["a note"],
                "duration_usec": 1234,
            },
            {
                "stage": "chains",
                "mode": "wanted",
                "outcome": "degraded",
                "changes": [],
                "problems": [],
                "notes": [],
                "duration_usec": 0,
            },
        ],
    }


def test_marker_has_the_same_head_and_each_stages_outcome(node: Node) -> None:
    files = ReportFiles(node.root)
    files.write(HEAD, "degraded", STAGES, FINISHED)
    files.open_gate(HEAD, "degraded", STAGES, FINISHED)
    marker, report = read(node, MARKER), read(node, REPORT)
    assert marker.pop("stages") == {"swap": "changed", "chains": "degraded"}
    assert marker.pop("recheck") == "swap"
    for key in ("stages", "stage", *Course._fields):
        del report[key]
    assert marker == report


def test_the_gate_knows_its_own_marker(node: Node) -> None:
    ReportFiles(node.root).open_gate(HEAD, "ready", STAGES, FINISHED)
    assert gate.is_ready(f"{node.root}/")
    assert gate._rechecked(f"{node.root}/") == ["swap"]


def test_round_trip(node: Node) -> None:
    files = ReportFiles(node.root)
    files.write(HEAD, "degraded", STAGES, FINISHED, course=COURSE)
    assert files.earlier(BOOT_ID) == Earlier(
        "degraded",
        STAGES,
        COURSE,
        started=HEAD.started,
        finished=FINISHED,
        invocation_id=HEAD.invocation_id,
    )


def test_files_are_for_everybody_to_read_and_for_root_to_write(node: Node) -> None:
    files = ReportFiles(node.root)
    files.write(HEAD, "ready", STAGES)
    files.open_gate(HEAD, "ready", STAGES, FINISHED)
    assert [(node.root / name).stat().st_mode & 0o777 for name in (REPORT, MARKER)] == [0o644] * 2


def test_report_of_another_boot_does_not_count(node: Node) -> None:
    files = ReportFiles(node.root)
    files.write(HEAD, "ready", STAGES)
    assert files.earlier(OTHER_BOOT_ID) == Earlier()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"\xff",
        b"[]",
        b"{}",
        b'{"schema": 2, "boot_id": "%s", "stages": []}',
        b'{"schema": 1, "boot_id": "%s"}',
        b'{"schema": 1, "boot_id": "%s", "stages": 5}',
        b'{"schema": 1, "boot_id": "%s", "stages": [{}]}',
        b'{"schema": 1, "boot_id": "%s", "stages": ["swap"]}',
        b'{"schema": 1, "boot_id": "%s", "stages": []}',
        b'{"schema": 1, "boot_id": "%s", "outcome": 5, "stages": []}',
        b'{"schema": 1, "boot_id": "%s", "outcome": "failed", "stages": [], "tries": "x"}',
        b"[" * 100_000,
    ],
)
def test_report_that_cannot_be_understood_does_not_count(node: Node, content: bytes) -> None:
    node.file(REPORT, content.replace(b"%s", BOOT_ID.encode()))
    assert ReportFiles(node.root).earlier(BOOT_ID) == Earlier()


def test_a_count_that_python_could_not_write_one_higher(node: Node) -> None:
    """Each later run of this boot would end by it."""
    files = ReportFiles(node.root)
    files.write(HEAD, "degraded", STAGES, FINISHED, course=Course(int("9" * 4300), FINISHED))
    course = Course(files.earlier(BOOT_ID).course.tries + 1)
    files.write(HEAD, "degraded", STAGES, FINISHED, course=course)


def test_no_report(node: Node) -> None:
    assert ReportFiles(node.root).earlier(BOOT_ID) == Earlier()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("mode",), None),
        (("outcome",), []),
        (("changes",), {}),
        (("changes", 0), "x"),
        (("changes", 0, "target"), 5),
        (("changes", 0, "each_boot"), "x"),
        (("problems", 0, "message"), None),
        (("problems", 0, "required"), "yes"),
        (("notes", 0), {}),
        (("duration_usec",), "long"),
    ],
)
def test_a_stage_with_other_kinds_of_values_does_not_count(
    node: Node, path: tuple[Any, ...], value: object
) -> None:
    files = ReportFiles(node.root)
    files.write(HEAD, "degraded", STAGES, FINISHED)
    report = read(node, REPORT)
    *above, last = path
    place = report["stages"][0]
    for key in above:
        place = place[key]
    place[last] = value
    node.file(REPORT, json.dumps(report))
    assert files.earlier(BOOT_ID) == Earlier()


def test_what_holds_kubelet_is_never_cut() -> None:
    problems = (*(Problem(str(n), "", False) for n in range(60)), Problem("the one", "do it"))
    report = StageReport("swap", "required", "failed", problems=problems).bounded()
    assert report.problems[0] == problems[-1]
    assert len(report.problems) == 50
    assert report.notes == ("11 more problems are not shown",)


@pytest.mark.parametrize(
    ("mode", "outcome", "counts"),
    [
        ("required", "unchanged", True),
        ("required", "prepared", True),
        ("required", "changed", True),
        ("required", "skipped", False),
        # By kubelet's next try it may be known whether it may be on.
        ("required", "degraded", True),
        ("required", "failed", False),
        ("required", "off", False),
        ("wanted", "changed", False),
    ],
)
def test_what_the_gate_looks_at_again(mode: str, outcome: str, counts: bool) -> None:
    assert rechecked({"swap": StageReport("swap", mode, outcome)}) == ("swap" if counts else "")


def test_degraded_chains_are_not_looked_at_again() -> None:
    assert rechecked({"chains": StageReport("chains", "required", "degraded")}) == ""


@pytest.mark.parametrize(
    ("content", "boot_id", "is_open"),
    [
        (json.dumps({"boot_id": BOOT_ID}), BOOT_ID, True),
        (json.dumps({"boot_id": OTHER_BOOT_ID}), BOOT_ID, False),
        ('{"boot_id": ""}', "", False),
        ("[]", BOOT_ID, False),
        ("x", BOOT_ID, False),
    ],
)
def test_marker_of_this_boot(node: Node, content: str, boot_id: str, is_open: bool) -> None:
    files = ReportFiles(node.root)
    assert not files.is_open(boot_id)
    node.file(MARKER, content)
    assert files.is_open(boot_id) == is_open


def test_closing_the_gate(node: Node) -> None:
    files = ReportFiles(node.root)
    files.close_gate()
    files.open_gate(HEAD, "ready", STAGES, FINISHED)
    files.close_gate()
    assert not (node.root / MARKER).exists()


@pytest.mark.parametrize("field", ["stage", "mode", "outcome", "changes", "problems", "notes"])
def test_a_stage_that_lacks_a_field_is_of_another_schema(field: str) -> None:
    found = SWAP.as_json()
    del found[field]
    with pytest.raises(KeyError):
        stage_from_json(found)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["unchanged", "changed", "skipped", "off"], "ready"),
        (["unchanged", "degraded", "changed"], "degraded"),
        (["degraded", "failed", "changed"], "failed"),
        (["unchanged", "not run"], "failed"),
        ([], "ready"),
    ],
)
def test_run_outcome(outcomes: list[str], expected: str) -> None:
    stages = {str(n): StageReport(str(n), "required", out) for n, out in enumerate(outcomes)}
    assert run_outcome(stages) == expected


def test_stage_that_is_only_wanted_may_be_left_out() -> None:
    assert run_outcome({"swap": StageReport("swap", "wanted", "not run")}) == "ready"
