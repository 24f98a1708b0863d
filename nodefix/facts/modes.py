"""What each mode of kube-proxy needs of the kernel.

Sources: kubernetes 1.36 cmd/kube-proxy/app (it exits without nf_conntrack in every mode),
pkg/proxy/ipvs/supported.go, pkg/proxy/ipvs/ipset.go and pkg/proxy/ipvs/proxier.go (in each sync
all sets and the dummy interface are made before any rule).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodefix.facts.features import IPTABLES, IPVS, Feature
from nodefix.facts.features_nft import NFTABLES


class Need(NamedTuple):
    """A module that kube-proxy needs and that no rule shows.

    Attributes:
        module: its name.
        lost: what does not work without it.
        required: whether that is so in every cluster.
        load: whether it is loaded; else kube-proxy's own use loads it.
    """

    module: str
    lost: str
    required: bool = True
    load: bool = True


class Mode(NamedTuple):
    """One mode.

    Attributes:
        base: modules without which none of its rules works, or kube-proxy exits.
        features: what its rules use.
        needs: other modules.
        on_node: whether it looks for what iptables made on the node.
    """

    base: tuple[str, ...]
    features: tuple[Feature, ...] = ()
    needs: tuple[Need, ...] = ()
    on_node: bool = False


_CONNTRACK = "nf_conntrack"
_XTABLES = ("nf_tables", "nft_compat", _CONNTRACK, "nft_chain_nat")
_SETS = "all services: their addresses are in IP sets"

_IPVS = (
    Need("ip_vs", "all services"),
    Need("ip_vs_rr", "all services with the default scheduler"),
    # kube-proxy tries the one that it is told to use; until 1.26 it wanted all three.
    Need("ip_vs_wrr", "services with the scheduler wrr", required=False),
    Need("ip_vs_sh", "services with the scheduler sh", required=False),
    Need("ip_set", _SETS),
    Need("ip_set_hash_ip", _SETS),
    Need("ip_set_hash_ipport", _SETS),
    Need("ip_set_hash_ipportip", _SETS),
    Need("ip_set_hash_ipportnet", _SETS),
    Need("ip_set_bitmap_port", _SETS),
    Need("xt_set", "all services: kube-proxy's rules match by IP sets"),
    Need("dummy", "all services: the interface kube-ipvs0 has their addresses"),
    # Where it is used it loads br_netfilter, which not every network plugin bears.
    Need("xt_physdev", "all services as soon as one has externalIPs", required=False, load=False),
)

MODES: Mapping[str, Mode] = {
    "iptables": Mode(_XTABLES, IPTABLES, on_node=True),
    "nftables": Mode(("nf_tables", _CONNTRACK, "nft_chain_nat"), NFTABLES),
    "ipvs": Mode(_XTABLES, IPVS, _IPVS, on_node=True),
    "none": Mode((_CONNTRACK,)),
}

# Modules that cannot be loaded without another one, which is the one to blame. depmod does not list
# a file that is not there, so the node cannot tell.
BEHIND: Mapping[str, str] = {
    **dict.fromkeys(("ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "xt_ipvs"), "ip_vs"),
    **{name: "ip_set" for name in (one.module for one in _IPVS) if name.startswith("ip_set_")},
    "xt_set": "ip_set",
}

# What other modules are for that the settings may name, for the reader of a problem.
OTHERS: Mapping[str, str] = {
    "overlay": "the file systems of containers: containerd and CRI-O use overlayfs by default",
}
