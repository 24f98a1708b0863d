"""nodefix/gate.py: what `nodefix wait` costs, counted in imports."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fakehost import Node
from lastrun import failed, leave
from swaps import HEADER

from nodefix.plan import Problem
from nodefix.report import StageReport

TOP = Path(__file__).resolve().parents[2]


def imported(node: Node, *options: str) -> tuple[int, set[str]]:
    """Run `nodefix wait` in a Python of its own: its exit status, and what it imported."""
    code = (
        "import sys\n"
        f"sys.path[:0] = [{str(TOP)!r}]\n"
        "from nodefix import gate\n"
        "real = gate.wait\n"
        f"gate.wait = lambda root, timeout: real({str(node.root) + '/'!r}, timeout)\n"
        "from nodefix.cli import main\n"
        f"sys.exit(main({['wait', *options]!r}))\n"
    )
    # -S: what a site's .pth files import is not nodefix's doing.
    argv = [sys.executable, "-I", "-S", "-X", "importtime", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    names = re.findall(r"^import time:.*\|\s+(\S+)$", done.stderr, re.M)
    assert "nodefix.gate" in names, done.stderr
    return done.returncode, set(names)


DEAR = {
    "argparse",
    "ast",
    "contextlib",
    "dataclasses",
    "gi",
    "inspect",
    "json",
    "pathlib",
    "pydbus",
    "re",
    "sh",
    "subprocess",
    "systemd",
    "typing",
    "yaml",
}


@pytest.mark.real_commands
def test_the_way_to_yes_is_cheap(el10: Node) -> None:
    leave(el10, "ready", StageReport("swap", "required", "unchanged"))
    el10.file("/proc/swaps", HEADER)
    status, names = imported(el10)
    assert status == 0
    assert names & DEAR == set()


@pytest.mark.real_commands
def test_the_way_to_no_needs_none_of_the_heavy_ones(el10: Node) -> None:
    el10.file("/etc/nodefix/nodefix.yaml", "# nothing\n")
    leave(el10, "failed", failed("swap", Problem("it is on", "swapoff")))
    status, names = imported(el10)
    assert status == 1
    assert names & {"yaml", "sh", "systemd"} == set()
    # The check sees what there is to be seen.
    assert "json" in names
