"""What nodefix really runs and opens is among the targets of the faults: a new one is, too."""

from __future__ import annotations

import re

import faultnode
import testnode
from targets import LEFT_OUT, targets

# Python's own, and what every program opens.
_PYTHON = re.compile(
    r"/usr/(local/)?lib/(python3|nodefix/(nodefix|sh|pydbus)|x86_64|locale|ssl|girepository)"
    r"|/usr/bin/pybuilddir|/usr/(bin/|local/bin/|sbin/)?(python3|nodefix|pyvenv)|/usr/lib/nodefix"
    r"|/etc/(ld\.so|localtime|ssl|gai|nsswitch|passwd)|/usr/share|/dev/|/lib/x86"
    r"|/proc/(self|\d+|sys/kernel/cap|sys/vm|thread-self)|/sys/(fs/cgroup|kernel/mm)"
)


def test_each_program_that_is_run_is_a_target(fault_node: testnode.Nspawn) -> None:
    lines = faultnode.traced(fault_node, "-f", "-e", "trace=execve")
    first: dict[str, str] = {}
    for line in lines:
        if found := re.match(r'(\d+) +execve\("([^"]+)"', line):
            first.setdefault(found[1], found[2])
    assert {*first.values()} - {"/usr/bin/nodefix"} <= {*targets().tools}
    assert len(first) > 3


def test_each_file_that_is_opened_is_a_target(fault_node: testnode.Nspawn) -> None:
    lines = faultnode.traced(fault_node, "-e", "trace=open,openat")
    seen = {path for line in lines for path in re.findall(r'"/*(/[^"]+)"', line)}
    # A file is written beside its place, and its folder synced.
    opened = {re.sub(r"/\.([^/]+)\.nodefix$", r"/\1", path) for path in seen}
    found = targets()
    known = {*found.files, *found.tools, *found.folders, *LEFT_OUT}
    known |= {path.rpartition("/")[0] for path in found.files}
    below = tuple(f"{folder}/" for folder in found.folders)
    odd = {path for path in opened - known if not _PYTHON.match(path)}
    assert sorted(path for path in odd if not path.startswith(below)) == []
    assert len(opened & known) > 20
