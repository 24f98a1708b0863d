"""What nodefix does not change but an admin should know: one file for each subject.

Each reads its own facts and judges them; it changes nothing and loads no kernel module.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from nodefix.advice import (
    cgroup_v1,
    cni,
    conntrack,
    default_drop,
    dnf_exclude,
    fapolicyd,
    firewalld,
    kube_proxy_mode,
    kubelet_unit,
    module_locks,
    network_sysctls,
    next_kernel,
    nm_cloud_setup,
    nm_interfaces,
    nodefix_unit,
)
from nodefix.advice.finding import Advice, Advised, Unknown
from nodefix.config import Config
from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.host.image import for_this_node
from nodefix.host.node import Host

# Each adviser has its own type of them, and advise() only hands them on.
Facts: TypeAlias = Any  # type: ignore[explicit-any]

# Seconds that one adviser may take.
SECONDS = 10.0


class Adviser(Protocol):
    """What an adviser's module has."""

    NAME: str

    def read(self, host: Host, config: Config, /) -> Facts:
        """Read what it judges; raises NodefixError or OSError where that cannot be read."""

    def judge(self, facts: Facts, /) -> tuple[Advice, ...]:
        """Judge; touches nothing."""


# First what stops kubelet or pods at once, then what will at the next boot or update.
ADVISERS: tuple[Adviser, ...] = (
    kubelet_unit,
    nodefix_unit,
    firewalld,
    default_drop,
    network_sysctls,
    nm_cloud_setup,
    nm_interfaces,
    fapolicyd,
    conntrack,
    cni,
    kube_proxy_mode,
    module_locks,
    next_kernel,
    cgroup_v1,
    dnf_exclude,
)


def advise(host: Host, config: Config, advisers: Sequence[Adviser] = ADVISERS) -> Advised:
    """Ask all advisers; one that cannot read its facts is unknown and never raises."""
    advice: list[Advice] = []
    unknown: list[Unknown] = []
    for adviser in advisers:
        try:
            with host.limit(Deadline(f"advice {adviser.NAME}", SECONDS)):
                found = adviser.judge(adviser.read(host, config))
            advice += (one._replace(hint=for_this_node(one.hint, host.root)) for one in found)
        except Exception as error:
            gap = _unread(adviser, error)
            unknown.append(gap._replace(hint=for_this_node(gap.hint, host.root)))
    return Advised(tuple(advice), tuple(unknown))


def _unread(adviser: Adviser, error: Exception) -> Unknown:
    about = (adviser.NAME,)
    if isinstance(error, NodefixError):
        return Unknown(about, error.message, error.hint)
    if isinstance(error, OSError) and isinstance(error.filename, str) and error.strerror:
        words = f"{error.filename}: cannot be read: {error.strerror}"
        return Unknown(about, words, f"ls -ldZ {shlex.quote(error.filename)}")
    words = f"unexpected error: {type(error).__name__}: {error}"
    return Unknown(about, f"{words}; this is a defect of nodefix, please report it")
