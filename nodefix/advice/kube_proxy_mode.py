"""kube-proxy runs in another mode than the setting `kube_proxy` says.

Sources: kubernetes pkg/proxy/nftables/proxier.go (the tables `kube-proxy`), pkg/proxy/iptables and
pkg/proxy/ipvs/proxier.go (only kube-proxy has rules in KUBE-POSTROUTING; virtual servers); ip_vs's
net/netfilter/ipvs/ip_vs_ctl.c for /proc/net/ip_vs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.errors import UnclearError
from nodefix.facts.nft_listing import listing
from nodefix.host.node import Host

NAME = "kube_proxy_mode"

_SERVERS = "/proc/net/ip_vs"
_IPVS = "ip_vs"
_DROP_IN = "/etc/nodefix/nodefix.yaml.d/50-kube-proxy.yaml"


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        setting: the setting `kube_proxy`.
        mode: `iptables`, `nftables` or `ipvs`; empty where kube-proxy has left no trace.
        modules: whether the settings ask for ipvs's modules.
    """

    setting: str
    mode: str = ""
    modules: bool = False


def read(host: Host, config: Config) -> Facts:
    """Read kube-proxy's traces, those that only it leaves."""
    return Facts(config.kube_proxy, _mode(host), _IPVS in config.extra_modules)


def _mode(host: Host) -> str:
    tables = listing(host, "tables")
    if re.search(r"(?m)^table ip6? kube-proxy$", tables):
        return "nftables"
    try:
        servers = host.read(_SERVERS, 16 << 20).decode("ascii", "replace")
    except FileNotFoundError:
        servers = ""
    if re.search(r"(?m)^(TCP|UDP|SCTP) ", servers):
        return "ipvs"
    for family in ("ip", "ip6"):
        if re.search(rf"(?m)^table {family} nat$", tables) and _has_rules(host, family):
            return "iptables"
    return ""


def _has_rules(host: Host, family: str) -> bool:
    """Whether kube-proxy has filled its chain, which nodefix makes and leaves empty."""
    try:
        text = listing(host, "chain", family, "nat", "KUBE-POSTROUTING")
    except UnclearError as error:
        if "No such file or directory" in error.message:
            return False
        raise
    return any(line.startswith("\t\t") for line in text.split("\n"))


def judge(facts: Facts) -> tuple[Advice, ...]:
    """The setting decides which rules are tried and which modules are loaded."""
    if facts.mode == "ipvs":
        return () if facts.modules else (_ipvs(facts),)
    if facts.mode in ("", facts.setting):
        return ()
    return (
        Advice(
            "kube-proxy-mode",
            f"kube-proxy: found it in the mode {facts.mode}, expected {facts.setting}, which is"
            " the setting kube_proxy",
            "nodefix tries the rules and loads the modules of the wrong mode, so that a node may"
            " be called ready that is not.",
            f"echo 'kube_proxy: {facts.mode}' >{_DROP_IN} && systemctl restart nodefix",
        ),
    )


def _ipvs(facts: Facts) -> Advice:
    wrong = ["kube_proxy: iptables"] if facts.setting != "iptables" else []
    lines = [*wrong, f"extra_modules: [{_IPVS}, ip_vs_rr, ip_vs_wrr, ip_vs_sh]"]
    text = r"\n".join(lines)
    return Advice(
        "kube-proxy-ipvs",
        "kube-proxy: found it in the mode ipvs, expected its modules in the setting extra_modules",
        "nodefix does not see to ipvs's modules by itself; Kubernetes has called the mode"
        " deprecated since 1.35.",
        rf"printf '{text}\n' >{_DROP_IN} && systemctl restart nodefix",
    )
