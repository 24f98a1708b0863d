"""packaging/greenboot: what `nodefix status` says decides about the boot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nodefix.commands import status as command
from nodefix.words import (
    EXIT_DEGRADED,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_FINISHED,
    EXIT_USAGE,
)

SCRIPT = Path(__file__).resolve().parents[2] / "packaging/greenboot/30_nodefix.sh"
HELD, MAY_START = 1, 0

pytestmark = pytest.mark.real_commands


def check(folder: Path, statuses: list[int], gate: int, setting: str = "0") -> tuple[int, str, str]:
    """Exit status, what was said, and how nodefix was called.

    Args:
        folder: for a stand-in of nodefix.
        statuses: of `nodefix status`, one after the other; the last one stays.
        gate: of `nodefix wait`.
        setting: the seconds of greenboot.conf.
    """
    calls, stub, configuration = (folder / name for name in ("calls", "nodefix", "greenboot.conf"))
    stub.write_text(
        f"""#!/bin/bash
        echo "$*" >>{calls}
        statuses=({" ".join(map(str, statuses))})
        n=$(grep -c status {calls})
        case $1 in
            status) echo "said by status" >&2; exit ${{statuses[n - 1]-${{statuses[-1]}}}} ;;
            wait) echo "fix: type this" >&2; exit {gate} ;;
        esac
        """
    )
    stub.chmod(0o755)
    configuration.write_text(f"# A=b\nNODEFIX_WAIT_TIMEOUT_SEC={setting}\n")
    text = SCRIPT.read_text()
    for was, now in (
        ("NODEFIX=/usr/bin/nodefix", f"NODEFIX={stub}"),
        ("=/etc/greenboot/greenboot.conf", f"={configuration}"),
        ("PAUSE=5", "PAUSE=0"),
    ):
        assert text.count(was) == 1
        text = text.replace(was, now)
    script = folder / SCRIPT.name
    script.write_text(text)
    # greenboot runs it by bash, its newer versions without overwriting files.
    done = subprocess.run(
        ["bash", "-C", str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    return done.returncode, done.stdout, calls.read_text()


@pytest.mark.parametrize(
    ("status", "gate", "expected", "word"),
    [
        (EXIT_DONE, HELD, 0, ""),
        (EXIT_DEGRADED, HELD, 0, "this node is degraded"),
        (EXIT_FAILED, MAY_START, 1, "kubelet is held"),
        (EXIT_NOT_FINISHED, MAY_START, 0, "kubelet may start"),
        (EXIT_NOT_FINISHED, HELD, 1, "fix: type this"),
        # It could not be asked.
        (EXIT_USAGE, MAY_START, 0, "could not tell (64)"),
        (127, HELD, 1, "kubelet is held"),
    ],
)
def test_each_status(tmp_path: Path, status: int, gate: int, expected: int, word: str) -> None:
    code, said, calls = check(tmp_path, [status], gate)
    assert code == expected
    assert "said by status" in said
    assert word in said
    assert calls.startswith("status --wait --timeout 0\n")
    # The gate says at once what it has to say.
    assert ("wait --timeout 0\n" in calls.replace("--wait ", "")) == (status not in range(3))


def test_it_knows_all_statuses() -> None:
    known = {EXIT_DONE, EXIT_FAILED, EXIT_DEGRADED, EXIT_NOT_FINISHED, EXIT_USAGE}
    assert set(command.STATUSES) == known


def test_a_failed_run_is_tried_again(tmp_path: Path) -> None:
    code, _, calls = check(tmp_path, [EXIT_FAILED, EXIT_NOT_FINISHED, EXIT_DONE], HELD, "60")
    assert (code, calls.count("status")) == (0, 3)


@pytest.mark.parametrize(
    ("setting", "seconds"),
    [("30", "30"), ('"030"', "30"), ("999999999", "86400"), ("$(id)", "600"), ("", "600")],
)
def test_how_long(tmp_path: Path, setting: str, seconds: str) -> None:
    _, _, calls = check(tmp_path, [EXIT_DONE], HELD, setting)
    assert calls == f"status --wait --timeout {seconds}\n"
