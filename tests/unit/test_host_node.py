"""nodefix/host/node.py: the node that a run works on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakehost import Node

from nodefix.deadline import Deadline
from nodefix.host.node import Host


@pytest.mark.parametrize("path", ["/etc/fstab", "etc/fstab", "//etc/fstab"])
def test_paths_are_below_the_root(node: Node, path: str) -> None:
    assert node.host.path(path) == node.root / "etc/fstab"
    assert Host(Path("/"), node.programs, node.systemd).path(path) == Path("/etc/fstab")


def test_a_deadline_bounds_commands_and_calls(node: Node) -> None:
    deadline = Deadline("stage swap", 90)
    with node.host.limit(deadline):
        assert node.programs.deadline is node.systemd.deadline is deadline
    assert node.programs.deadline is node.systemd.deadline is None
