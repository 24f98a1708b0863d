"""A base chain of the packet filter that drops by default.

A packet must get through every base chain of its hook, so that what kube-proxy and the network
plugin accept in theirs can still be dropped in another (nft(8), Chains).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.facts.nft_listing import listing
from nodefix.host.node import Host

NAME = "default_drop"

_KUBELET_PORT = "10250"
# firewalld has advice of its own.
_NOT_OURS = ("firewalld",)
# Chains in which network plugins accept what is from and to their pods.
_PLUGINS = (
    "ANTREA-FORWARD",
    "CILIUM_FORWARD",
    "CNI-FORWARD",
    "FLANNEL-FWD",
    "KUBE-ROUTER-FORWARD",
    "cali-FORWARD",
)


class BaseChain(NamedTuple):
    """A chain that drops what none of its rules takes.

    Attributes:
        family: nft's name for it.
        table: its table.
        name: its name.
        hook: `input` or `forward`.
        rules: all that nft lists of it.
    """

    family: str
    table: str
    name: str
    hook: str
    rules: str = ""

    @property
    def path(self) -> str:
        """As nft takes it."""
        return f"{self.family} {self.table} {self.name}"


def read(host: Host, config: Config) -> tuple[BaseChain, ...]:
    """The chains of the hooks input and forward whose policy is drop, with their rules."""
    found = [chain for chain in dropping(listing(host, "chains")) if chain.table not in _NOT_OURS]
    return tuple(
        chain._replace(rules=listing(host, "chain", chain.family, chain.table, chain.name))
        for chain in found
    )


def dropping(text: str) -> Iterator[BaseChain]:
    """The chains that drop by default, in what `nft list chains` prints."""
    family = table = name = ""
    for line in text.split("\n"):
        words = line.split()
        if words[:1] == ["table"] and len(words) == 4:
            family, table = words[1:3]
        elif words[:1] == ["chain"] and len(words) == 3:
            name = words[1]
        elif hook := re.search(r"type filter hook (input|forward) .*\bpolicy drop;", line):
            yield BaseChain(family, table, name, hook[1])


def judge(chains: tuple[BaseChain, ...]) -> tuple[Advice, ...]:
    """What of it stands in the way of kubelet and of pods."""
    inputs = [one for one in chains if one.hook == "input" and _KUBELET_PORT not in one.rules]
    forwards = [
        one
        for one in chains
        if one.hook == "forward" and not any(name in one.rules for name in _PLUGINS)
    ]
    found = []
    if inputs:
        found.append(
            Advice(
                "input-drop",
                f"chain {_listed(inputs)}: found the policy drop and no rule for kubelet's port"
                f" {_KUBELET_PORT}, expected that port to be accepted",
                "The API server does not reach kubelet, so that `kubectl logs` and `exec` fail,"
                " and node ports may not be reached either.",
                " && ".join(
                    f"nft insert rule {one.path} tcp dport {_KUBELET_PORT} accept" for one in inputs
                ),
            )
        )
    if forwards:
        found.append(
            Advice(
                "forward-drop",
                f"chain {_listed(forwards)}: found the policy drop and no chain of a network"
                " plugin in it, expected the policy accept",
                "What kube-proxy's own chains do not accept is dropped, such as traffic between"
                " pods of two nodes.",
                " && ".join(f"nft chain {one.path} '{{ policy accept; }}'" for one in forwards),
            )
        )
    return tuple(found)


def _listed(chains: list[BaseChain]) -> str:
    return ", ".join(chain.path for chain in chains)
