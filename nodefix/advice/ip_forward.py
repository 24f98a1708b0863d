"""The node does not forward IPv4 packets.

Source: https://kubernetes.io/docs/setup/production-environment/container-runtimes/.
"""

from __future__ import annotations

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host

NAME = "ip_forward"

_FILE = "/proc/sys/net/ipv4/ip_forward"
_SETTING = "net.ipv4.ip_forward"
_DROP_IN = "/etc/sysctl.d/99-kubernetes.conf"


def read(host: Host, config: Config) -> str:
    """The kernel's setting, as it prints it."""
    return host.read(_FILE, 64).decode("ascii", "replace").strip()


def judge(value: str) -> tuple[Advice, ...]:
    """It must be on: pods are reached by forwarding."""
    if value != "0":
        return ()
    line = f"{_SETTING} = 1"
    return (
        Advice(
            "ip-forward-off",
            f"{_SETTING}: found 0, expected 1",
            "The kernel drops every packet from or to a pod that is not for the node itself.",
            f"echo '{line}' >>{_DROP_IN} && sysctl -p {_DROP_IN}",
        ),
    )
