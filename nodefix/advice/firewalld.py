"""firewalld runs.

Its chains are base chains of their own behind iptables': what kube-proxy's rules accept is judged
again there, and traffic to and from pods is rejected where their interfaces are in no zone that
accepts it (https://github.com/flannel-io/flannel/issues/2055,
https://github.com/k0sproject/k0s/issues/2117). A reload takes the rules of kube-proxy and of the
network plugins away (https://github.com/rancher/rke2/issues/10469). Ports:
https://kubernetes.io/docs/reference/networking/ports-and-protocols/.
"""

from __future__ import annotations

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host

NAME = "firewalld"

_UNIT = "firewalld.service"
_PORTS = (
    "10250/tcp and 30000-32767/tcp on each node, 6443/tcp, 2379-2380/tcp, 10257/tcp and 10259/tcp"
    " on a control plane, and the network plugin's, such as 8472/udp (VXLAN) or 179/tcp (BGP)"
)


def read(host: Host, config: Config) -> bool:
    """Whether firewalld runs."""
    return _UNIT in host.systemd.active_units((_UNIT,))


def judge(active: bool) -> tuple[Advice, ...]:
    """firewalld beside kube-proxy is an admin's choice, and one to be made knowingly."""
    if not active:
        return ()
    return (
        Advice(
            "firewalld-active",
            f"{_UNIT}: found active, expected inactive, or these ports open and the pods'"
            f" interfaces in a zone that accepts their traffic: {_PORTS}",
            "firewalld judges traffic once more after kube-proxy's rules have accepted it, and"
            " each `firewall-cmd --reload` takes the rules of kube-proxy and of network plugins"
            " away, of which host ports of pods do not come back by themselves.",
            # Its end takes the chains along.
            f"systemctl disable --now {_UNIT} && systemctl restart nodefix",
        ),
    )
