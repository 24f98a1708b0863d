"""The stages, in the order in which they run."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from nodefix.config import Config
from nodefix.host.node import Host
from nodefix.plan import Change, Plan
from nodefix.stages import alternatives, chains, lockfile, modules, swap

# Each stage has its own type of them, and the engine only hands them on.
Facts: TypeAlias = Any  # type: ignore[explicit-any]


class Stage(Protocol):
    """What a stage's module has.

    `read` returns the stage's own facts, which `plan` takes; planning again on facts that were
    read after `apply` is the verification: what is left of the plan did not work.
    """

    NAME: str
    # Stages without which this one cannot work, so that its failure is theirs.
    NEEDS: tuple[str, ...]
    # Seconds.
    DEADLINE: float

    def read(self, host: Host, config: Config, /) -> Facts:
        """Read what the stage decides on, which settings may narrow; changes nothing."""

    def plan(self, facts: Facts, config: Config, /) -> Plan:
        """Decide; touches nothing."""

    def apply(self, change: Change, host: Host, /) -> None:
        """Make one change; raises NodefixError if it could not be made."""


STAGES: tuple[Stage, ...] = (
    # Most memory is free at the beginning, so swapping in hurts least.
    swap,
    # Rules need modules: chains can be made without them and then stay empty.
    modules,
    # Whoever calls iptables after this gets the variant that the chains are made with.
    alternatives,
    # Needs the modules; kube-proxy and the CNI plugins expect the chains.
    chains,
    # Needs nothing, and kube-proxy's pod must not start before it is a file.
    lockfile,
)
