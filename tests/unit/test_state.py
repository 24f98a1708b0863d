"""nodefix/state.py: the report in short, as a shell reads it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.plan import Done, Problem
from nodefix.report import Course, Head, StageReport
from nodefix.state import VERSION, state
from nodefix.store import ReportFiles
from nodefix.words import (
    CHANGED,
    DEGRADED,
    FAILED,
    NOT_RUN,
    PREPARED,
    READY,
    RUNNING,
    SKIPPED,
    STATE_FILE,
    UNCHANGED,
)

HEAD = Head("b" * 32, "ab12", "2026-01-02T03:04:05Z")
FINISHED = "2026-01-02T03:04:06Z"
WORST = Problem('it\'s $(gone) `now`\n"quoted" \\ \x1b[31m', "mend 'it' && again", code="gone")
STAGES = {
    "swap": StageReport("swap", "required", "changed", (Done("swap /dev/vda2", "on", "off"),)),
    "modules": StageReport("modules", "required", "failed", problems=(WORST,)),
    "chains": StageReport("chains", "wanted", "degraded", problems=(Problem("b", "", False),)),
    "lockfile": StageReport("lockfile", "required", "not run"),
    "kube-proxy": StageReport("kube-proxy", "wanted", "skipped"),
}
COURSE = Course(2, "2026-01-02T03:00:00Z", 40, {"swap": 3, "modules": 1})
# The man page's section about the file.
PAGE = Path(__file__).resolve().parents[2] / "packaging/man/nodefix.8"
_, _, SECTION = PAGE.read_text().partition(".SH STATE\n")
TAGS = re.findall(r"(?m)^\.TP\n(.*)\n([^.](?:.*\n)*?)(?=\.(?:TP|PP))", SECTION.partition(".SH ")[0])


def sourced(text: str) -> dict[str, str]:
    """What a shell has after it read the file."""
    script = f"set -eu\n{text}\nset | grep ^NODEFIX_ >/dev/null\nenv -0"
    run = subprocess.run(
        ["/bin/sh", "-c", f"set -a\n{script}"], capture_output=True, check=True, timeout=60, env={}
    )
    words = (one.partition("=") for one in run.stdout.decode().split("\0"))
    return {key.removeprefix("NODEFIX_"): value for key, _, value in words if "NODEFIX" in key}


@pytest.mark.real_commands
def test_a_shell_reads_it() -> None:
    found = sourced(state(HEAD, "failed", STAGES, FINISHED, "", COURSE))
    assert found.pop("VERSION")
    assert found == {
        "STATE": "1",
        "BOOT_ID": HEAD.boot_id,
        "OUTCOME": "failed",
        "STAGE": "",
        "STARTED": HEAD.started,
        "FINISHED": FINISHED,
        "SINCE": COURSE.since,
        "TRIES": "2",
        "HELD_SECONDS": "40",
        "FAILED": "modules lockfile",
        "DEGRADED": "chains",
        "REPAIRED": "swap",
        # Once is no habit.
        "REPEATED": "swap",
        "MESSAGE": 'modules: it\'s $(gone) `now` "quoted" \\ \\x1b[31m',
        "HINT": "mend 'it' && again",
        "CODE": "gone",
        "STAGE_SWAP": "changed",
        "STAGE_MODULES": "failed",
        "STAGE_CHAINS": "degraded",
        "STAGE_LOCKFILE": "not run",
        "STAGE_KUBE_PROXY": "skipped",
    }


@pytest.mark.parametrize("hint", ["x" * 401, "first\nsecond"])
def test_half_a_remedy_is_none(hint: str) -> None:
    stages = {"swap": StageReport("swap", "required", "failed", problems=(Problem("a", hint),))}
    text = state(HEAD, "failed", stages, FINISHED, "", Course())
    assert "\nNODEFIX_HINT=''\n" in text
    assert len(text.splitlines()) == len(text.split("NODEFIX_")) - 1


def test_it_is_written_with_the_report(node: Node) -> None:
    files = ReportFiles(node.root)
    files.write(HEAD, "running", STAGES, stage="modules")
    path = node.root / STATE_FILE
    assert "NODEFIX_OUTCOME=running\nNODEFIX_STAGE=modules\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_stands_in_its_place_is_named(node: Node) -> None:
    (node.root / STATE_FILE).mkdir(parents=True)
    assert ReportFiles(node.root).obstacle() == (node.root / STATE_FILE, "directory")


def test_the_man_page_tells_of_each_key() -> None:
    text = state(HEAD, "failed", STAGES, FINISHED, "", COURSE)
    written = [line.partition("=")[0] for line in text.splitlines()]
    told = [key for tag, _ in TAGS for key in re.findall(r"NODEFIX_[A-Z_]+", tag)]
    # That of a stage ends with the stage's name.
    (of_a_stage,) = (key for key in told if key.endswith("_"))
    assert told == list(
        dict.fromkeys(re.sub(f"^{of_a_stage}.*", of_a_stage, key) for key in written)
    )


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("NODEFIX_STATE", {str(VERSION)}),
        ("NODEFIX_OUTCOME", {READY, DEGRADED, FAILED, SKIPPED, RUNNING}),
        (
            "NODEFIX_STAGE_",
            {UNCHANGED, PREPARED, CHANGED, SKIPPED, DEGRADED, FAILED, NOT_RUN},
        ),
    ],
)
def test_the_man_page_tells_of_each_value(key: str, values: set[str]) -> None:
    (told,) = (text for tag, text in TAGS if key in tag.split())
    assert all(re.search(rf"\b{value}\b", told) for value in values)
