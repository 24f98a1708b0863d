"""The network plugin's configuration and programs: without them no pod has a network.

kube-proxy runs in the node's own network and starts without; CoreDNS and all others wait.
"""

from __future__ import annotations

import shlex

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.facts.cni import CniFacts, read_cni
from nodefix.host.node import Host

NAME = "cni"

# The plugins of the project containernetworking, which Kubernetes' own package brings.
_STANDARD = frozenset(
    (
        *("bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local"),
        *("ipvlan", "loopback", "macvlan", "portmap", "ptp", "sbr", "static", "tap", "tuning"),
        *("vlan", "vrf"),
    )
)
# A new pod of the plugin's DaemonSet puts its programs there again.
_DAEMON_SETS = {
    "calico": "app.kubernetes.io/name=calico-node",
    "calico-ipam": "app.kubernetes.io/name=calico-node",
    "cilium-cni": "k8s-app=cilium",
    "flannel": "app=flannel",
}


def read(host: Host, config: Config) -> CniFacts:
    """Read them."""
    return read_cni(host)


def judge(facts: CniFacts) -> tuple[Advice, ...]:
    """There must be a configuration, and each program that it names."""
    if facts.bundled:
        return ()
    if not facts.file:
        return (
            Advice(
                "cni-no-configuration",
                f"{facts.folder}: found no CNI configuration, expected the one that the network"
                " plugin (Flannel, Calico, Cilium) puts there when its pod first runs on this"
                " node",
                "Until then the node is NotReady and pods but those of the host network wait;"
                " kube-proxy does not need it.",
                "kubectl get pods -A -o wide --field-selector spec.nodeName=$(hostname)",
            ),
        )
    if not facts.missing:
        return ()
    names = ", ".join(facts.missing)
    return (
        Advice(
            "cni-plugin-missing",
            f"{facts.file}: found no program for {names} in {' or '.join(facts.programs)},"
            " expected each plugin that it names",
            "The container runtime cannot give a pod its network, so that no new pod starts on"
            " this node.",
            _hint(facts),
        ),
    )


def _hint(facts: CniFacts) -> str:
    other = [name for name in facts.missing if name not in _STANDARD]
    if not other:
        return "dnf install kubernetes-cni --disableexcludes=all"
    if label := next((_DAEMON_SETS[name] for name in other if name in _DAEMON_SETS), ""):
        where = f"-l {label} --field-selector spec.nodeName=$(hostname)"
        return f"kubectl delete pods -A {where}"
    return f"ls -l {' '.join(map(shlex.quote, facts.programs))}"
