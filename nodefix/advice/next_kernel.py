"""The kernel that boots next has no modules at all, so that stage modules cannot judge it."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.facts.next_kernel import next_kernel
from nodefix.facts.system import in_container, is_image, kernel_release
from nodefix.host.node import Host

NAME = "next_kernel"


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        running: the running kernel's release.
        coming: the release of the one that boots next; empty where it cannot be told.
        modules: whether it has an index of modules.
    """

    running: str
    coming: str = ""
    modules: bool = True


def read(host: Host, config: Config) -> Facts:
    """The forecast; a container has no kernel of its own, an ostree deployment its own tree."""
    running = kernel_release(host.root)
    if in_container(host.root) or is_image(host.root):
        return Facts(running)
    coming = next_kernel(host)
    return Facts(running, coming, host.path(f"/lib/modules/{coming}/modules.dep").exists())


def judge(facts: Facts) -> tuple[Advice, ...]:
    """Single modules that it lacks are stage modules' to tell."""
    if facts.modules or facts.coming in ("", facts.running):
        return ()
    return (
        Advice(
            "next-kernel-without-modules",
            f"kernel {facts.coming}, which boots next: found no /lib/modules/{facts.coming}"
            "/modules.dep, expected its modules there",
            "After the next boot no module can be loaded, and neither kube-proxy nor a network"
            " plugin works.",
            f"dnf reinstall {shlex.quote(f'kernel*-{facts.coming}')}",
            told_by=facts.coming,
        ),
    )
