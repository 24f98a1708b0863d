"""The frame's own promises (tests/conftest.py), seen from outside on made-up tiers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """A tests folder with our frame and nothing else."""
    tests = tmp_path / "tests"
    tests.mkdir()
    for name in ("conftest.py", "pytest.ini"):
        shutil.copy(TESTS / name, tests)
    return tests


def outcome(frame: Path, tier: str, body: str, ci: str = "") -> tuple[int, str]:
    """Run one made-up test file in a tier; its exit status and what was printed."""
    (frame / tier).mkdir(exist_ok=True)
    (frame / tier / "test_it.py").write_text(body)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(frame)],
        env={**os.environ, "CI": ci},
        cwd=frame,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


REACHES = {
    "fork": "import os\nif os.fork() == 0: os._exit(0)",
    "subprocess": "import subprocess\nsubprocess.run(['true'])",
    "spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "system": "import os\nos.system('true')",
    "hidden": "import os\ntry: os.system('true')\nexcept Exception: pass",
    "bus": "from gi.repository import Gio\nGio.bus_get_sync(Gio.BusType.SYSTEM, None)",
    "journal": "from systemd import journal\njournal.send('from a unit test')",
}


@pytest.mark.parametrize("reach", REACHES)
def test_unit_test_cannot_reach_the_host(frame: Path, reach: str) -> None:
    body = "def test_it():\n" + "".join(f"    {line}\n" for line in REACHES[reach].splitlines())
    status, printed = outcome(frame, "unit", body)
    assert status == 1
    assert "this unit test reached for" in printed


def test_marker_lifts_the_ban(frame: Path) -> None:
    body = (
        "import subprocess, pytest\n"
        "@pytest.mark.real_commands\n"
        "def test_it(): assert subprocess.run(['true']).returncode == 0\n"
    )
    assert outcome(frame, "unit", body)[0] == 0


def test_other_tiers_may_start_programs(frame: Path) -> None:
    body = "import subprocess\ndef test_it(): assert subprocess.run(['true']).returncode == 0\n"
    assert outcome(frame, "lint", body)[0] == 0


@pytest.mark.parametrize(("ci", "expected"), [("true", 1), ("", 0)])
@pytest.mark.parametrize("whole_file", [True, False])
def test_skipped_tier_fails_only_in_ci(
    frame: Path, ci: str, expected: int, whole_file: bool
) -> None:
    outcome(frame, "lint", "def test_it(): pass\n")
    skip = "pytest.skip('not here', allow_module_level=True)"
    body = f"import pytest\n{skip if whole_file else ''}\ndef test_it(): {skip}\n"
    status, printed = outcome(frame, "unit", body, ci)
    assert status == expected
    assert "TIER SKIPPED: unit" in printed
    assert "not here" in printed
    assert "1 passed, 1 skipped" in printed.splitlines()[-1]


def test_partly_skipped_tier_is_fine_in_ci(frame: Path) -> None:
    body = "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('not here')\n"
    status, printed = outcome(frame, "unit", body, "true")
    assert status == 0
    assert "TIER SKIPPED" not in printed


MACHINES = (
    *("packaging/try", "packaging/testnode", "tests/bench"),
    *("tests/container", "tests/vm", "tests/kubernetes"),
)


def test_no_program_reaches_another_folder_by_changing_its_path() -> None:
    top = TESTS.parent
    files = [file for name in MACHINES for file in ((top / name), *(top / name).rglob("*.py"))]
    assert [file for file in files if file.is_file() and "sys.path" in file.read_text()] == []
