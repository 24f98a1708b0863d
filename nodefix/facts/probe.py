"""Whether rules like kube-proxy's can be made.

A chain proves nothing: chains can be made on a kernel on which every rule fails.
"""

from __future__ import annotations

from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.facts.features import IPV6, Feature, written_for
from nodefix.facts.features_nft import BASES
from nodefix.facts.packages import bring_back, read_packages
from nodefix.facts.remedies import AGAIN
from nodefix.facts.system import has_ipv6
from nodefix.host.node import Host
from nodefix.host.programs import Result

_UNSHARE = "/usr/bin/unshare"
_SECONDS = 15.0

_IPTABLES = {"IPv4": "iptables", IPV6: "ip6tables"}
_PACKAGES = {
    "unshare": "util-linux-core",
    "nft": "nftables",
    "iptables-nft-restore": "iptables-nft iptables-libs",
    "ip6tables-nft-restore": "iptables-nft iptables-libs",
}

_NOT_ALLOWED = "you must be root"


class Failure(NamedTuple):
    """One feature that does not work in one family.

    Attributes:
        family: IPv4 or IPv6.
        feature: what was tried.
        words: the line of the tool's output that says why.
        library: whether the tool lacks its own extension library for it.
    """

    family: str
    feature: Feature
    words: str
    library: bool = False

    @property
    def module(self) -> str:
        """The module that provides the feature in this family."""
        return self.feature.module_of(self.family)


class Unknown(NamedTuple):
    """Why it is not known whether rules work: the probe itself could not run."""

    why: str
    hint: str


class Probed(NamedTuple):
    """The probe's result: what does not work, or why that is not known."""

    failures: tuple[Failure, ...] = ()
    unknown: Unknown | None = None


def probe(host: Host, features: tuple[Feature, ...]) -> Probed:
    """Try all features at once; only if that fails, each alone, to name those that fail.

    The rules are made in network namespaces that end with the probe, so no traffic meets them. The
    kernel loads the modules that they need (Feature.loads_of), and these stay until the next boot.
    """
    failures: list[Failure] = []
    for family in families(host) if features else ():
        tried = _try(host, family, features)
        if isinstance(tried, Failure):
            alone = [_try(host, family, (feature,)) for feature in features]
            failures += [found for found in alone if isinstance(found, Failure)]
            unknown = [found for found in alone if isinstance(found, Unknown)]
            tried = unknown[0] if unknown else None
            if not any(alone):
                tried = _undecided(family, features)
        if isinstance(tried, Unknown):
            return Probed(tuple(failures), tried)
    return Probed(tuple(failures))


def families(host: Host) -> tuple[str, ...]:
    """The families that rules are tried in."""
    return ("IPv4", IPV6) if has_ipv6(host.root) else ("IPv4",)


def _undecided(family: str, features: tuple[Feature, ...]) -> Unknown:
    return Unknown(
        f"{family} rules failed together but worked one by one",
        "systemctl restart nodefix; journalctl -k -b -p warning -n 20",
    )


def _try(host: Host, family: str, features: tuple[Feature, ...]) -> Failure | Unknown | None:
    """Make rules with these features; None if that works."""
    with_nft = not features[0].table
    tool = "/usr/sbin/nft" if with_nft else f"/usr/sbin/{_IPTABLES[family]}-nft-restore"
    for program in (_UNSHARE, tool):
        if not host.path(program).exists():
            return Unknown(f"{program}: found no such program", _install(host, program, 1))
    try:
        result = (_nft if with_nft else _iptables)(host, family, features, tool)
    except NodefixError as error:
        return Unknown(error.message, error.hint)
    if not result.status:
        return None
    unknown = _unknown(host, result, tool)
    if unknown:
        return unknown
    # If the library is there and the kernel lacks the module, a warning comes first.
    library = b"Couldn't load " in result.stderr and b"missing kernel module" not in result.stderr
    return Failure(family, features[0], result.telling, library)


def _unknown(host: Host, result: Result, tool: str) -> Unknown | None:
    """Why it was not the rules that failed but unshare(1), or the tool before it read them."""
    words = result.telling
    # Statuses of unshare(1) and of the loader of shared libraries.
    if result.status < 0 or result.status in (126, 127):
        if result.status < 0:
            words = f"killed by signal {-result.status}"
        return Unknown(f"{tool} does not run: {words}", _install(host, tool))
    if result.words.startswith("unshare: "):
        if "No space left" in words:
            return Unknown(words, "sysctl -w user.max_net_namespaces=15000 && " + AGAIN)
        return Unknown(
            f"cannot create a network namespace for the trial: {words}",
            "systemctl show -p CapabilityBoundingSet -p RestrictNamespaces nodefix.service",
        )
    if _NOT_ALLOWED in result.words:
        return Unknown(
            f"{tool} is not permitted to read the packet filter: {words}",
            "systemctl show -p CapabilityBoundingSet nodefix.service",
        )
    return None


def _install(host: Host, program: str, most: int | None = None) -> str:
    """The command that restores a program; `most` leaves out its libraries' packages."""
    packages = _PACKAGES[program.rpartition("/")[2]].split()[:most]
    return bring_back(" ".join(packages), read_packages(host, packages))


def _iptables(host: Host, family: str, features: tuple[Feature, ...], tool: str) -> Result:
    lines: list[str] = []
    for table in dict.fromkeys(feature.table for feature in features):
        lines.append(f"*{table}")
        lines += [f"-A {f.rule_of(family)}" for f in features if f.table == table]
        lines.append("COMMIT")
    return _run(host, lines, tool, "--noflush")


def _nft(host: Host, family: str, features: tuple[Feature, ...], tool: str) -> Result:
    table = f"{'ip6' if family == IPV6 else 'ip'} nodefix-probe"
    lines = [f"add table {table}"]
    for chain in dict.fromkeys(feature.chain for feature in features):
        lines.append(f"add chain {table} {chain} {{ {BASES[chain]} ; }}")
    for feature in features:
        for kind, _, rest in (text.partition(" ") for text in feature.objects):
            lines.append(f"add {kind} {table} {written_for(family, rest)}")
        lines.append(f"add rule {table} {feature.rule_of(family)}")
    return _run(host, lines, tool, "--file", "-")


def _run(host: Host, lines: list[str], tool: str, *arguments: str) -> Result:
    script = "\n".join([*lines, ""]).encode()
    argv = (_UNSHARE, "--net", "--", tool, *arguments)
    return host.programs.run(*argv, stdin=script, timeout=_SECONDS)
