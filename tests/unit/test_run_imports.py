"""What a run imports: what is dear, or only a repair needs, comes when it is used."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

# Of a run that finds nothing to change. Each costs as much as a stage.
DEAR = {
    "argparse",
    "ast",
    "asyncio",
    "ctypes",
    "dataclasses",
    "email",
    "gi",
    "importlib.metadata",
    "inspect",
    "logging",
    "pydbus",
    "selectors",
    "sh",
    "socket",
    "ssl",
    "subprocess",
    "systemd.journal",
    "threading",
    "tomllib",
    "traceback",
    "uuid",
    "xml",
    "yaml",
    "nodefix.facts.kubelet",
    "nodefix.live",
    "nodefix.undoing",
}
# nodefix's own modules; all of them are 250.
MOST = 126


def imported(code: str) -> set[str]:
    """The modules that a Python of its own imports for this, without those of packages."""
    argv = [sys.executable, "-I", "-S", "-X", "importtime", "-c", f"import sys\n{code}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return set(re.findall(r"^import time:.*\|\s+(\S+)$", done.stderr, re.M))


@pytest.mark.real_commands
def test_a_run_imports_nothing_dear() -> None:
    code = (
        f"sys.path[:0] = {sys.path!r}\n"
        "from nodefix import lean_tuples\n"
        "lean_tuples.install()\n"
        "from nodefix.commands import run\n"
    )
    names = imported(code)
    assert "nodefix.engine" in names
    assert names & DEAR == set()
    assert len([name for name in names if name.startswith("nodefix")]) <= MOST


@pytest.mark.real_commands
def test_a_program_that_only_reads_is_started_without_sh() -> None:
    code = (
        f"sys.path[:0] = {sys.path!r}\n"
        "from nodefix.host.programs import Call, Programs\n"
        "Programs().read_all([Call(('/bin/true',)), Call(('/bin/true',))])\n"
    )
    assert imported(code) & DEAR == set()
