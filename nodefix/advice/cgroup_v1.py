"""The node runs with cgroup v1.

Sources: https://kubernetes.io/docs/concepts/architecture/cgroups/, KEP-5573 (failCgroupV1 is true
from 1.35 on); kernel-command-line(7) of systemd for the words.
"""

from __future__ import annotations

import shlex

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.facts.system import in_container
from nodefix.host.node import Host

NAME = "cgroup_v1"

_FOLDER = "/sys/fs/cgroup"
_WORDS = (
    "systemd.unified_cgroup_hierarchy",
    "systemd.legacy_systemd_cgroup_controller",
    "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE",
)


def read(host: Host, config: Config) -> bool:
    """Whether the kernel's control groups are mounted as those of v1.

    A container has those of the machine that it runs on.
    """
    if in_container(host.root):
        return False
    folder = host.path(_FOLDER)
    return not (folder / "cgroup.controllers").exists() and (folder / "memory").is_dir()


def judge(is_v1: bool) -> tuple[Advice, ...]:
    """kubelet of 1.35 and later refuses it."""
    if not is_v1:
        return ()
    return (
        Advice(
            "cgroup-v1",
            f"{_FOLDER}: found cgroup v1, expected v2, which systemd takes where none of the words"
            f" {', '.join(_WORDS)} is on the kernel's command line",
            "kubelet 1.35 and later does not start with cgroup v1 unless failCgroupV1 is false.",
            f"grubby --update-kernel=ALL --remove-args={shlex.quote(' '.join(_WORDS))}"
            " && systemctl reboot",
        ),
    )
