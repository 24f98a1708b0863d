"""Whether rules such as kube-proxy's can really be made.

That a chain exists proves nothing: chains can be made on a kernel on which every rule fails.
"""

from __future__ import annotations

from typing import NamedTuple

from nodefix.commands import Result
from nodefix.errors import CommandError
from nodefix.facts.system import has_ipv6
from nodefix.host import Host

_UNSHARE = "/usr/bin/unshare"
_SECONDS = 15.0


class Feature(NamedTuple):
    """One thing that kube-proxy's rules use.

    Attributes:
        name: the match or target.
        module: the kernel module that provides it.
        lost: what does not work without it.
        table: the table in which it is tried; empty for a rule of nft.
        rule: the chain and the rest of a rule that uses it.
        rule6: the same for IPv6 where it differs.
    """

    name: str
    module: str
    lost: str
    table: str
    rule: str
    rule6: str = ""


# What kube-proxy writes in iptables mode: kubernetes pkg/proxy/iptables/proxier.go.
IPTABLES = (
    Feature(
        "comment",
        "xt_comment",
        "every rule of kube-proxy",
        "nat",
        'PREROUTING -m comment --comment "nodefix probe"',
    ),
    Feature(
        "addrtype",
        "xt_addrtype",
        "NodePort services",
        "nat",
        "PREROUTING -m addrtype --dst-type LOCAL",
    ),
    Feature(
        "statistic",
        "xt_statistic",
        "services with more than one endpoint",
        "nat",
        "PREROUTING -m statistic --mode random --probability .5",
    ),
    Feature(
        "MARK",
        "xt_mark",
        "masquerading for services",
        "nat",
        "PREROUTING -j MARK --or-mark 0x4000",
    ),
    Feature(
        "MASQUERADE",
        "xt_MASQUERADE",
        "answers to traffic that leaves the node",
        "nat",
        "POSTROUTING -j MASQUERADE --random-fully",
    ),
    Feature(
        "DNAT",
        "xt_nat",
        "all services",
        "nat",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8::1]:80",
    ),
    Feature(
        "conntrack",
        "xt_conntrack",
        "forwarding to pods",
        "filter",
        "FORWARD -m conntrack --ctstate NEW",
    ),
)

# What kube-proxy writes in nftables mode: kubernetes pkg/proxy/nftables/proxier.go.
NFTABLES = (
    Feature("ct", "nft_ct", "forwarding to pods", "", "prerouting ct state new"),
    Feature("fib", "nft_fib_inet", "NodePort services", "", "prerouting fib daddr type local"),
    Feature(
        "numgen",
        "nft_numgen",
        "services with more than one endpoint",
        "",
        "prerouting numgen random mod 2 == 1",
    ),
    Feature(
        "masquerade",
        "nft_masq",
        "answers to traffic that leaves the node",
        "",
        "postrouting masquerade fully-random",
    ),
    Feature(
        "dnat",
        "nft_nat",
        "all services",
        "",
        "prerouting tcp dport 80 dnat to 192.0.2.1:80",
        "prerouting tcp dport 80 dnat to [2001:db8::1]:80",
    ),
)


class Failure(NamedTuple):
    """One feature that does not work in one family; `words` are the tool's."""

    family: str
    feature: Feature
    words: str


def probe(host: Host, features: tuple[Feature, ...]) -> tuple[Failure, ...]:
    """Try all features at once; only if that fails, each alone, to name the ones that do.

    The rules are made in network namespaces that end with the probe, so no traffic meets them.
    A probe makes the kernel load what it can load by itself.

    Raises:
        CommandError: the tools for the probe are missing.
    """
    families = ("IPv4", "IPv6") if has_ipv6(host.root) else ("IPv4",)
    failures: list[Failure] = []
    for family in families:
        if features and _words(host, family, features):
            failures += [
                Failure(family, feature, words)
                for feature in features
                if (words := _words(host, family, (feature,)))
            ]
    return tuple(failures)


def _words(host: Host, family: str, features: tuple[Feature, ...]) -> str:
    """What the tool says to rules with these features; empty if it makes them."""
    with_nft = not features[0].table
    result = (_nft if with_nft else _iptables)(host, family, features)
    return result.words if result.status else ""


def _iptables(host: Host, family: str, features: tuple[Feature, ...]) -> Result:
    lines: list[str] = []
    for table in dict.fromkeys(feature.table for feature in features):
        lines.append(f"*{table}")
        lines += [f"-A {_rule(f, family)}" for f in features if f.table == table]
        lines.append("COMMIT")
    tool = "ip6tables" if family == "IPv6" else "iptables"
    return _run(host, lines, f"/usr/sbin/{tool}-nft-restore", "--noflush")


def _nft(host: Host, family: str, features: tuple[Feature, ...]) -> Result:
    table = f"{'ip6' if family == 'IPv6' else 'ip'} nodefix-probe"
    lines = [f"add table {table}"]
    for chain in ("prerouting", "postrouting"):
        lines.append(f"add chain {table} {chain} {{ type nat hook {chain} priority 0; }}")
    lines += [f"add rule {table} {_rule(feature, family)}" for feature in features]
    return _run(host, lines, "/usr/sbin/nft", "--file", "-")


def _rule(feature: Feature, family: str) -> str:
    return feature.rule6 if family == "IPv6" and feature.rule6 else feature.rule


def _run(host: Host, lines: list[str], tool: str, *arguments: str) -> Result:
    if not host.path(tool).exists():
        package = "nftables" if tool.endswith("/nft") else "iptables-nft"
        raise CommandError(f"{tool}: found no such program", f"dnf install {package}")
    script = "\n".join([*lines, ""]).encode()
    argv = (_UNSHARE, "--net", "--", tool, *arguments)
    return host.commands.run(*argv, stdin=script, timeout=_SECONDS)
