"""What a program leaves running ends with the service that has started it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import testnode
from nodes import sh

# In each run: the kernel's modules are tried in a network of their own.
_TOOL, _REAL = "/usr/bin/unshare", "/usr/bin/unshare.real"
# It does its work, and leaves something with a session of its own.
_LEAVES = f"""#!/bin/sh
setsid sleep 1000 &
exec {_REAL} "$@"
"""


@pytest.fixture
def leaving(fault_node: testnode.Nspawn) -> Iterator[testnode.Nspawn]:
    """The node, and not the worlds of the faults, with a program that leaves something running."""
    sh(fault_node, f"mv {_TOOL} {_REAL}")
    fault_node.write(_TOOL, _LEAVES, 0o755)
    yield fault_node
    sh(fault_node, f"systemctl stop nodefix; mv {_REAL} {_TOOL}")


def running(node: testnode.Nspawn) -> set[str]:
    """What is in the control group of the service."""
    group = node.unit("nodefix.service")["ControlGroup"]
    return set(sh(node, f"cat /sys/fs/cgroup{group}/cgroup.procs" if group else "true").split())


def test_what_a_program_leaves_running_ends_with_the_service(leaving: testnode.Nspawn) -> None:
    sh(leaving, "systemctl restart nodefix")
    first = running(leaving)
    assert leaving.unit("nodefix.service")["ActiveState"] == "active"
    assert first
    sh(leaving, "systemctl restart nodefix")
    second = running(leaving)
    assert second
    assert not first & second
    sh(leaving, "systemctl stop nodefix")
    assert sh(leaving, "pgrep -x sleep", check=False) == ""
