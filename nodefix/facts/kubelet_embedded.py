"""Distributions that start a kubelet of their own, which lives with swap unless told otherwise."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from nodefix.facts import microshift
from nodefix.facts.kubelet_k0s import said_by_k0s
from nodefix.facts.kubelet_microshift import said_by_microshift
from nodefix.facts.kubelet_rancher import said_by_rancher
from nodefix.facts.rancher import PROGRAMS, default_config
from nodefix.words import EMBEDDED_KUBELETS

if TYPE_CHECKING:
    from nodefix.answer import Answer
    from nodefix.host.node import Host
    from nodefix.host.units import ServiceCommand

_MICROSHIFT = "microshift"


def _family(unit: str) -> str:
    return re.split("[-.]", unit)[0]


# By how a unit's name begins; k0s workers have none.
_SETTINGS = {
    **{program: default_config(program) for program in PROGRAMS},
    _MICROSHIFT: microshift.MAIN,
}
# Each unit, and its main file of settings; empty if it has none.
UNITS = {unit: _SETTINGS.get(_family(unit), "") for unit in EMBEDDED_KUBELETS}


def said_by_distribution(host: Host, unit: str, command: ServiceCommand | None) -> Answer | None:
    """Whether the kubelet that a unit starts is configured to allow swap; None if it starts none.

    Args:
        host: the node.
        unit: its name.
        command: how it starts; None where that is not known, then its files alone count.

    Raises:
        UnclearError: the distribution's settings cannot be read.
        BusError: systemd was to be asked, and did not answer.
    """
    family = _family(unit)
    if family == _MICROSHIFT:
        return said_by_microshift(host, unit)
    if family in PROGRAMS:
        return said_by_rancher(host, unit, family, command)
    return said_by_k0s(host, unit, command)


def unit_by_settings(host: Host) -> str:
    """The unit whose settings are there; empty if none are.

    For a node on which none of the units is found: one can be installed under another name
    (INSTALL_K3S_NAME), or later.
    """
    there = (
        unit
        for unit, settings in UNITS.items()
        if settings and os.path.lexists(host.path(settings))
    )
    return next(there, "")
