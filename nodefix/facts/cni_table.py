"""What each network plugin needs of the kernel: a row for a plugin, and where that is to be read.

There is none for what only the cluster knows, as whether Calico or Cilium wraps packets in VXLAN,
nor for what kube-proxy's rules need anyway; and none for a sysctl that the plugin sets by itself
whenever it needs it (Calico, Cilium, kube-router and Antrea turn forwarding on at their start).
"""

from __future__ import annotations

from typing import NamedTuple


class Sysctl(NamedTuple):
    """A sysctl.

    Attributes:
        name: as sysctl(8) has it.
        value: what it is to be.
        wrong: the value with which pods have no network.
        ipv6: whether that is so only where pods have IPv6 addresses.
    """

    name: str
    value: str = "1"
    wrong: str = "0"
    ipv6: bool = False


class Need(NamedTuple):
    """One row.

    Attributes:
        plugin: its name, for people.
        signs: any of them tells that it is this plugin; as _signs() gives them.
        reason: what it needs the kernel for, as a clause.
        source: where that is to be read.
        modules: that it needs in any mode of its own.
        rules: modules behind its iptables rules, if it makes none where kube-proxy makes none.
        sysctls: those without which it fails, and that it does not set itself for good.
    """

    plugin: str
    signs: tuple[str, ...]
    reason: str
    source: str
    modules: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    sysctls: tuple[Sysctl, ...] = ()


_BRIDGED = (
    Sysctl("net.bridge.bridge-nf-call-iptables"),
    Sysctl("net.bridge.bridge-nf-call-ip6tables", ipv6=True),
)
_IP_SETS = ("ip_set", "ip_set_hash_ip", "ip_set_hash_net")

NEEDS: tuple[Need, ...] = (
    Need(
        "Calico",
        ("calico",),
        "Felix lists IP sets in every mode, and its rules match by them",
        "projectcalico/calico felix/ipsets, felix/iptables; kubernetes/kops#18478",
        ("ip_set",),
        (*_IP_SETS[1:], "ip_set_hash_ipport", "xt_set", "xt_multiport"),
    ),
    Need(
        "Canal",
        ("10-canal.conflist",),
        "its Flannel exits without bridge-nf-call-iptables",
        "flannel-io/flannel main.go, projectcalico/calico manifests/canal.yaml",
        ("br_netfilter",),
    ),
    Need(
        "Flannel",
        ("flannel",),
        "Flannel exits without bridge-nf-call-iptables, and answers of Services to pods on the same"
        " bridge pass iptables by it",
        "flannel-io/flannel main.go",
        ("br_netfilter",),
        sysctls=_BRIDGED,
    ),
    Need(
        "Flannel's backend vxlan",
        ("backend=vxlan",),
        "its net-conf.json names that backend",
        "flannel-io/flannel pkg/backend/vxlan",
        ("vxlan",),
    ),
    Need(
        "Flannel's backend ipip",
        ("backend=ipip",),
        "its net-conf.json names that backend",
        "flannel-io/flannel pkg/backend/ipip",
        ("ipip",),
    ),
    Need(
        "Flannel's backend wireguard",
        ("backend=wireguard",),
        "its net-conf.json names that backend",
        "flannel-io/flannel pkg/backend/wireguard",
        ("wireguard",),
    ),
    Need(
        "Flannel's backend udp",
        ("backend=udp",),
        "its net-conf.json names that backend, or none",
        "flannel-io/flannel pkg/backend/udp, pkg/subnet/config.go",
        ("tun",),
    ),
    Need(
        "Cilium",
        ("cilium-cni",),
        "its iptables rules send traffic to the L7 proxy past connection tracking, and a reverse"
        " path filter drops what its BPF programs redirect",
        "cilium/cilium pkg/datapath/iptables; cilium/cilium#10645",
        ("xt_CT", "xt_TPROXY", "xt_socket"),
        sysctls=(Sysctl("net.ipv4.conf.all.rp_filter", "0", wrong="1"),),
    ),
    Need(
        "kube-router",
        ("bridge=kube-bridge",),
        "its network policies match bridged packets by IP sets and log what they drop",
        "cloudnativelabs/kube-router pkg/controllers/netpol, pkg/controllers/routing",
        ("br_netfilter", *_IP_SETS, "xt_set", "xt_physdev", "xt_multiport", "xt_limit", "xt_NFLOG"),
    ),
    Need(
        "Weave Net",
        ("weave-net",),
        "its policy controller matches bridged packets by IP sets and logs what it drops",
        "weaveworks/weave prog/weave-kube/init.sh, npc",
        ("br_netfilter", *_IP_SETS, "ip_set_list_set", "xt_set", "xt_physdev", "xt_NFLOG"),
    ),
    Need(
        "Antrea",
        ("antrea",),
        "its installation ends without openvswitch, and its rules match by IP sets",
        "antrea-io/antrea build/images/scripts/install_cni, pkg/agent/route",
        ("openvswitch", *_IP_SETS, "xt_set"),
    ),
    Need(
        "OVN-Kubernetes",
        ("ovn-k8s-cni-overlay",),
        "Open vSwitch forwards in the kernel, nodes are joined by Geneve, and iptables has rules"
        " for services",
        "ovn-org/ovn-kubernetes dist/images/ovnkube.sh, go-controller/pkg/config (EncapType);"
        " openshift/microshift#7069",
        ("openvswitch", "geneve", "nft_compat"),
    ),
    Need(
        "the plugin bridge",
        ("bridge",),
        "pods are joined by a bridge, and their packets to a Service's pod on the same one pass"
        " iptables by br_netfilter",
        "containernetworking/plugins plugins/main/bridge; kubernetes/kubernetes#123464",
        ("bridge", "veth", "br_netfilter"),
        sysctls=_BRIDGED,
    ),
    Need(
        "the plugin ptp",
        ("ptp",),
        "each pod has a pair of virtual devices",
        "containernetworking/plugins plugins/main/ptp",
        ("veth",),
    ),
    Need(
        "the plugin portmap",
        ("portmap",),
        "ports of the node that pods ask for are matched by lists of ports",
        "containernetworking/plugins plugins/meta/portmap/portmap_iptables.go",
        ("xt_multiport",),
    ),
    Need(
        "the plugin bandwidth",
        ("bandwidth",),
        "a pod with a limit gets a token bucket and a device that its packets are mirrored to",
        "containernetworking/plugins plugins/meta/bandwidth/ifb_creator.go",
        ("ifb", "sch_tbf", "sch_ingress", "cls_u32", "act_mirred"),
    ),
    Need(
        "the plugin macvlan",
        ("macvlan",),
        "each pod has such a device",
        "containernetworking/plugins plugins/main/macvlan",
        ("macvlan",),
    ),
    Need(
        "the plugin ipvlan",
        ("ipvlan",),
        "each pod has such a device",
        "containernetworking/plugins plugins/main/ipvlan",
        ("ipvlan",),
    ),
    Need(
        "the plugin vlan",
        ("vlan",),
        "each pod has such a device",
        "containernetworking/plugins plugins/main/vlan",
        ("8021q",),
    ),
)
