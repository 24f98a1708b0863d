"""Sysctls that keep pods from their network."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.errors import UnclearError
from nodefix.facts.cni_needs import PluginNeeds, read_needs
from nodefix.facts.network_sysctls import (
    FORWARDING,
    FORWARDING_6,
    Differing,
    by_hand,
    by_new_line,
    differing_sysctls,
    file_of,
)
from nodefix.host.node import Host

NAME = "network_sysctls"


class SysctlFacts(NamedTuple):
    """What differs, and the network plugin that asks for it."""

    network: PluginNeeds
    differing: tuple[Differing, ...]


def read(host: Host, config: Config) -> SysctlFacts:
    """Read them; where the plugin's files are not clear, adviser cni says so.

    Raises:
        UnclearError: one cannot be read.
    """
    network = read_needs(host) if config.network_plugin == "auto" else PluginNeeds()
    differing = differing_sysctls(host, network)
    for one in differing:
        if one.unread:
            raise UnclearError(one.unread, f"ls -lZ {file_of(one.sysctl)}")
    return SysctlFacts(network, differing)


def judge(facts: SysctlFacts) -> tuple[Advice, ...]:
    """Each must be as the network needs it."""
    return tuple(_advice(facts.network, one) for one in facts.differing)


def _advice(network: PluginNeeds, one: Differing) -> Advice:
    name, value, wrong, _ = one.sysctl
    found = f"{name}: found {wrong}{_by(one)}, expected {value}"
    if name == FORWARDING:
        return Advice(
            "ip-forward-off",
            found,
            "The kernel drops every packet from or to a pod that is not for the node itself.",
            _hint(one),
        )
    if name == FORWARDING_6:
        return Advice(
            "ipv6-forwarding-off",
            found,
            f"{network.file} gives pods IPv6 addresses, and the kernel forwards none of their"
            " packets. An interface whose routes come by router advertisements keeps them only if"
            " NetworkManager takes these, or with accept_ra = 2.",
            _hint(one),
        )
    assert one.need
    return Advice(
        "network-sysctl-differs",
        found,
        f"Needed by {one.need.plugin}, by {network.file}: {one.need.reason} ({one.need.source}).",
        _hint(one),
    )


def _by(one: Differing) -> str:
    if not one.line:
        return ""
    if one.line.value == one.sysctl.value:
        return f", which somebody has changed after {one.line.where}"
    return f" by {one.line.where}"


def _hint(one: Differing) -> str:
    if one.line and (one.line.value == one.sysctl.value or one.line.is_admins):
        return by_hand(one)
    return by_new_line(one.sysctl)
