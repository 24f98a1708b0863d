"""packaging/node-problem-detector: its script keeps the contract of a custom plugin."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from nodefix.plan import Problem
from nodefix.report import Course, Head, StageReport
from nodefix.state import state
from nodefix.words import BOOT_ID, CMDLINES, MARKER, STATE_FILE, SWITCH, SWITCH_ARGUMENT

HERE = Path(__file__).resolve().parents[2] / "packaging/node-problem-detector"
SCRIPT = HERE / "nodefix-problem.sh"
HEAD = Head("6f1c0f5e-0000-4000-8000-000000000001", "", "2026-01-02T03:04:05Z")
QUESTIONS = ("held", "degraded", "repeated")
FINE, PROBLEM, UNKNOWN = 0, 1, 2
SHELLS = [
    shell
    for shell in (["sh"], ["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"])
    if shutil.which(shell[0])
]

pytestmark = pytest.mark.real_commands


def text(
    outcome: str,
    message: str = "",
    degraded: tuple[str, ...] = (),
    course: Course | None = None,
    boot: str = HEAD.boot_id,
) -> str:
    """What nodefix writes."""
    kind = outcome if outcome in ("failed", "degraded") else "unchanged"
    problems = (Problem(message, ""),) if message else ()
    stages = {"modules": StageReport("modules", "required", kind, problems=problems)}
    stages |= {name: StageReport(name, "wanted", "degraded") for name in degraded}
    return state(HEAD._replace(boot_id=boot), outcome, stages, "", "swap", course or Course())


@pytest.fixture
def node(tmp_path: Path) -> Path:
    for name in (BOOT_ID, STATE_FILE, SWITCH):
        (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / BOOT_ID).write_text(f"{HEAD.boot_id}\n")
    (tmp_path / CMDLINES[0]).write_text("BOOT_IMAGE=/vmlinuz quiet\n")
    return tmp_path


def ask(node: Path, question: str, shell: list[str] | None = None) -> tuple[int, str]:
    """Exit status and line; nothing on stderr, no program but the shell."""
    argv = [shutil.which(word) or word for word in shell or ()]
    environment = {"NODEFIX_ROOT": str(node), "PATH": "/nowhere"}
    # A shell that is asked for stays: without this the script takes /bin/sh.
    environment |= {"LC_ALL": "C"} if shell else {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*argv, str(SCRIPT), question], capture_output=True, timeout=5, check=False, env=environment
    )
    assert done.stderr == b""
    line = done.stdout.decode()
    assert line.count("\n") == 1
    assert len(done.stdout) <= 81
    return done.returncode, line.rstrip("\n")


def answers(node: Path) -> tuple[tuple[int, str], ...]:
    return tuple(ask(node, question) for question in QUESTIONS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (text("ready"), ((FINE, "ready"),) * 3),
        (
            text("failed", "it's $(gone) `now`", ("chains",)),
            (
                (PROBLEM, "modules: it's $(gone) `now`"),
                (PROBLEM, "degraded: chains"),
                (FINE, "failed"),
            ),
        ),
        (
            text("degraded", "a"),
            ((FINE, "degraded"), (PROBLEM, "modules: a"), (FINE, "degraded")),
        ),
        (
            text("ready", course=Course(repeated={"swap": 3, "modules": 1, "lockfile": 2})),
            (
                (FINE, "ready"),
                (FINE, "ready"),
                (PROBLEM, "at every boot: swap lockfile; see: nodefix history"),
            ),
        ),
        (text("skipped"), ((FINE, "nodefix is not for this system"),) * 3),
        # The first run of a boot, and one after those that failed.
        (text("running"), ((UNKNOWN, "nodefix is running (stage swap)"),) * 3),
        (
            text("running", "", ("chains",), Course(held_seconds=40)),
            (
                (PROBLEM, "held for 40 s; nodefix tries again"),
                (PROBLEM, "degraded: chains"),
                (UNKNOWN, "nodefix is running (stage swap)"),
            ),
        ),
    ],
)
def test_each_condition(node: Path, content: str, expected: tuple[tuple[int, str], ...]) -> None:
    (node / STATE_FILE).write_text(content)
    assert answers(node) == expected


def test_a_run_beside_an_open_gate_holds_nothing(node: Path) -> None:
    (node / STATE_FILE).write_text(text("running", "", ("chains",), Course(held_seconds=40)))
    (node / MARKER).touch()
    assert [status for status, _ in answers(node)] == [FINE, PROBLEM, FINE]


@pytest.mark.parametrize("by", ["file", "argument"])
def test_a_node_that_is_switched_off_is_fine(node: Path, by: str) -> None:
    (node / STATE_FILE).write_text(text("failed", "a"))
    if by == "file":
        (node / SWITCH).touch()
    else:
        (node / CMDLINES[0]).write_text(f"quiet {SWITCH_ARGUMENT}\n")
    assert {status for status, _ in answers(node)} == {FINE}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text("ready", boot="another"), "another boot"),
        (text("ready").replace("NODEFIX_STATE=1", "NODEFIX_STATE=2"), "version '2'"),
        ("", "version ''"),
        (text("ready").replace("OUTCOME=ready", "OUTCOME=well"), "'well' is not known"),
        (text("ready").replace("OUTCOME=ready", "OUTCOME=$(id)"), "line 4"),
        (text("ready") + "id\n", "is not KEY=value"),
        (text("ready") + "NODEFIX_MESSAGE='a'b'\n", "is not KEY=value"),
        (text("ready") + "NODEFIX_MESSAGE='a\x1b[31m'\n", "is not KEY=value"),
        (text("ready")[:-1], "is not KEY=value"),
        (text("ready") + "NODEFIX_A=\n" * 200, "200 lines"),
    ],
)
def test_what_cannot_be_told_is_unknown(node: Path, content: str, said: str) -> None:
    # Short, so that the file's name leaves room for what is said.
    short = node.parent / "n"
    short.unlink(missing_ok=True)
    short.symlink_to(node.name)
    (node / STATE_FILE).write_text(content)
    done = [
        subprocess.run(
            [SCRIPT, question],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
            cwd=short.parent,
            env={"NODEFIX_ROOT": "n"},
        )
        for question in QUESTIONS
    ]
    assert [run.returncode for run in done] == [UNKNOWN] * 3
    assert all(said in run.stdout for run in done), done


@pytest.mark.parametrize("kind", ["missing", "folder", "no boot id", "odd question"])
def test_without_a_file_it_is_unknown(node: Path, kind: str) -> None:
    question = "odd" if kind == "odd question" else "held"
    if kind == "folder":
        (node / STATE_FILE).mkdir()
    elif kind != "missing":
        (node / STATE_FILE).write_text(text("ready"))
    if kind == "no boot id":
        (node / BOOT_ID).write_text("")
    assert ask(node, question)[0] == UNKNOWN


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_no_character_is_cut_in_two(node: Path, shell: list[str]) -> None:
    for shift in range(5):
        for character in "aé€😀":
            message = "x" * shift + "it's " + character * 90
            (node / STATE_FILE).write_text(text("failed", message))
            status, line = ask(node, "held", shell)
            assert status == PROBLEM
            assert f"modules: {message}".startswith(line.removesuffix("..."))
            # As much as there is room for.
            assert len(line.encode()) > 80 - len(character.encode())
    (node / STATE_FILE).write_text(text("failed", "x" * 71))
    assert ask(node, "held", shell) == (PROBLEM, f"modules: {'x' * 71}")


def test_nothing_of_the_file_is_run(node: Path) -> None:
    trap = node / "trap"
    (node / STATE_FILE).write_text(text("failed", f"$(touch {trap})`touch {trap}`';touch {trap}'"))
    with (node / STATE_FILE).open("a") as opened:
        opened.write(f"NODEFIX_MESSAGE=$(touch {trap})\ntouch {trap}\n")
    answers(node)
    assert not trap.exists()


def test_the_rules_are_what_the_detector_takes() -> None:
    """Source: node-problem-detector, pkg/custompluginmonitor/types/config.go, Validate()."""
    found = json.loads((HERE / "nodefix.json").read_text())
    assert found["plugin"] == "custom"
    assert found["pluginConfig"]["max_output_length"] == 80
    conditions = [one["type"] for one in found["conditions"]]
    # Two rules of one condition would take each other's problem back.
    assert [rule["condition"] for rule in found["rules"]] == conditions
    assert [rule["args"] for rule in found["rules"]] == [[question] for question in QUESTIONS]
    for rule in found["rules"]:
        assert rule["path"] == f"/usr/share/nodefix/node-problem-detector/{SCRIPT.name}"
        assert rule["type"] == "permanent"
        assert rule["timeout"] == found["pluginConfig"]["timeout"] == "5s"
