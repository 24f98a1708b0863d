"""nm-cloud-setup of NetworkManager, on clouds.

Sources: https://github.com/projectcalico/calico/issues/4662, https://github.com/rancher/rke2/issues/1053.
"""

from __future__ import annotations

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host

NAME = "nm_cloud_setup"

# A reload or a boot starts either.
_UNITS = ("nm-cloud-setup.timer", "nm-cloud-setup.service")


def read(host: Host, config: Config) -> tuple[str, ...]:
    """Those of its units that run, or that start at boot."""
    infos = {name: host.systemd.unit_info(name) for name in _UNITS}
    return tuple(
        name
        for name, info in infos.items()
        if info.load == "loaded" and (info.active == "active" or info.file_state == "enabled")
    )


def judge(units: tuple[str, ...]) -> tuple[Advice, ...]:
    """None of them may run on a node."""
    if not units:
        return ()
    return (
        Advice(
            "nm-cloud-setup-active",
            f"{', '.join(units)}: found enabled or active, expected disabled; the routing rules"
            " that it has made stay until the next boot",
            "It makes routing rules by which answers to pods of this node are sent out to the"
            " gateway, so that the node does not reach its own pods.",
            f"systemctl disable --now {' '.join(units)}",
        ),
    )
