"""nodefix/host.py: the node that a run works on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakehost import Node

from nodefix.deadline import Deadline
from nodefix.host import Host


@pytest.mark.parametrize("path", ["/etc/fstab", "etc/fstab", "//etc/fstab"])
def test_paths_are_below_the_root(node: Node, path: str) -> None:
    assert node.host.path(path) == node.root / "etc/fstab"
    assert Host(Path("/"), node.commands, node.systemd).path(path) == Path("/etc/fstab")


def test_a_deadline_bounds_commands_and_calls(node: Node) -> None:
    deadline = Deadline("stage swap", 90)
    node.host.begin(deadline)
    assert node.commands.deadline is node.systemd.deadline is deadline
    node.host.begin(None)
    assert node.commands.deadline is node.systemd.deadline is None
