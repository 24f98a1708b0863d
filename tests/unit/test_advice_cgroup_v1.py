"""nodefix/advice/cgroup_v1.py: the node runs with cgroup v1."""

from __future__ import annotations

from fakehost import Node

from nodefix.advice import cgroup_v1
from nodefix.config import Config


def test_read(node: Node) -> None:
    assert cgroup_v1.read(node.host, Config()) is False
    node.host.path("/sys/fs/cgroup/memory").mkdir(parents=True)
    assert cgroup_v1.read(node.host, Config()) is True
    node.file("/run/systemd/container", "systemd-nspawn")
    assert cgroup_v1.read(node.host, Config()) is False
    node.host.path("/run/systemd/container").unlink()
    node.file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
    assert cgroup_v1.read(node.host, Config()) is False


def test_judge() -> None:
    assert cgroup_v1.judge(False) == ()
    (found,) = cgroup_v1.judge(True)
    assert found.code == "cgroup-v1"
    assert found.hint.startswith("grubby --update-kernel=ALL --remove-args='systemd.unified")
