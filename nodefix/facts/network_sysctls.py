"""The sysctls without which pods have no network: what they are, and who set them so.

Source: https://kubernetes.io/docs/setup/production-environment/container-runtimes/ (ip_forward).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.facts.cni_needs import PluginNeeds
from nodefix.facts.cni_table import Need, Sysctl
from nodefix.facts.sysctl_files import Assigned, assigned
from nodefix.host.node import Host

FORWARDING = "net.ipv4.ip_forward"
FORWARDING_6 = "net.ipv6.conf.all.forwarding"
_DROP_IN = "/etc/sysctl.d/99-kubernetes.conf"
# Whatever the plugin: pods are reached by forwarding.
_ANY_PLUGIN = (Sysctl(FORWARDING), Sysctl(FORWARDING_6, ipv6=True))


class Differing(NamedTuple):
    """A sysctl that is not as it must be.

    Attributes:
        sysctl: what it must be.
        line: the line of sysctl.d that counts; None where there is none.
        need: the row of the plugin that needs it so; None for what every plugin needs.
        unread: why it is not known whether it differs; empty if it does.
    """

    sysctl: Sysctl
    line: Assigned | None = None
    need: Need | None = None
    unread: str = ""


def by_hand(one: Differing) -> str:
    """The commands that set it now, and change the line of an admin's that says otherwise.

    A pattern is for other sysctls, too; a line by the name comes before it.
    """
    now = f"sysctl -w {one.sysctl.name}={one.sysctl.value}"
    line = one.line
    if line is None or not line.is_admins or line.value == one.sysctl.value:
        return now
    if line.is_pattern:
        return by_new_line(one.sysctl)
    changed = f"s/=.*/= {one.sysctl.value}/"
    return f"sed -i '{line.number}{changed}' {shlex.quote(line.file)} && {now}"


def by_new_line(sysctl: Sysctl) -> str:
    """The commands that set it by a line of its own."""
    return f"echo '{sysctl.name} = {sysctl.value}' >>{_DROP_IN} && sysctl -p {_DROP_IN}"


def file_of(sysctl: Sysctl) -> str:
    """Where the kernel has it."""
    return f"/proc/sys/{sysctl.name.replace('.', '/')}"


def differing_sysctls(host: Host, network: PluginNeeds) -> tuple[Differing, ...]:
    """Those that are not as the network needs them, and those that cannot be read."""
    found: dict[str, Differing] = {}
    for sysctl, need in _wanted(network):
        if sysctl.name in found:
            continue
        try:
            value = host.read(file_of(sysctl), 64).decode("ascii", "replace").strip()
        except FileNotFoundError:
            # Of a module that is not loaded, which is told there, or of a kernel without IPv6.
            continue
        except OSError as error:
            unread = f"{file_of(sysctl)}: cannot be read: {error.strerror}"
            found[sysctl.name] = Differing(sysctl, None, need, unread)
            continue
        if value == sysctl.wrong:
            found[sysctl.name] = Differing(sysctl, assigned(host, sysctl.name), need)
    return tuple(found.values())


def _wanted(network: PluginNeeds) -> Iterator[tuple[Sysctl, Need | None]]:
    every = [(sysctl, None) for sysctl in _ANY_PLUGIN]
    rows = [(sysctl, row) for row in network.rows for sysctl in row.sysctls]
    yield from (one for one in (*every, *rows) if network.ipv6 or not one[0].ipv6)
