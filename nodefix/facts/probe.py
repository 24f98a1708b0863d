"""Whether rules like kube-proxy's can be made.

A chain proves nothing: chains can be made on a kernel on which every rule fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.facts.features import IPV6, Feature, written_for
from nodefix.facts.features_nft import BASES
from nodefix.facts.nft import NFT
from nodefix.facts.packages import bring_back, read_packages
from nodefix.facts.remedies import AGAIN
from nodefix.facts.system import has_ipv6
from nodefix.host.node import Host
from nodefix.host.programs import Call, Outcome, Result

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
    asked = families(host) if features else ()
    for family, tried in zip(asked, _try(host, asked, features), strict=True):
        if isinstance(tried, Failure):
            alone = [_try(host, (family,), (feature,))[0] for feature in features]
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


def _try(
    host: Host, asked: tuple[str, ...], features: tuple[Feature, ...]
) -> list[Failure | Unknown | None]:
    """Make rules with these features in each family, at the same time; None where that works."""
    calls = [_call(family, features) for family in asked]
    lacking = [_lacking(host, call) for call in calls]
    there = [call for call, program in zip(calls, lacking, strict=True) if not program]
    outcomes = iter(host.programs.read_all(there))
    return [
        Unknown(f"{program}: found no such program", _install(host, program, 1))
        if program
        else _judged(host, family, features, next(outcomes))
        for family, program in zip(asked, lacking, strict=True)
    ]


def _lacking(host: Host, call: Call) -> str:
    """The first program of a call that is not there; empty if all are."""
    programs = (call.argv[0], _tool(call.argv))
    return next((one for one in programs if not host.path(one).exists()), "")


def _tool(argv: tuple[str, ...]) -> str:
    """What unshare(1) starts."""
    return argv[argv.index("--") + 1]


def _judged(
    host: Host, family: str, features: tuple[Feature, ...], outcome: Outcome
) -> Failure | Unknown | None:
    if isinstance(outcome, NodefixError):
        return Unknown(outcome.message, outcome.hint)
    if not outcome.status:
        return None
    unknown = _unknown(host, outcome, _tool(outcome.argv))
    if unknown:
        return unknown
    # If the library is there and the kernel lacks the module, a warning comes first.
    library = b"Couldn't load " in outcome.stderr and b"missing kernel module" not in outcome.stderr
    return Failure(family, features[0], outcome.telling, library)


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


def _call(family: str, features: tuple[Feature, ...]) -> Call:
    """What makes rules with these features in a network namespace of its own."""
    words: tuple[str, ...]
    if features[0].table:
        words = (f"/usr/sbin/{_IPTABLES[family]}-nft-restore", "--noflush")
        lines = _iptables_lines(family, features)
    else:
        words, lines = (NFT, "--file", "-"), _nft_lines(family, features)
    script = "\n".join([*lines, ""]).encode()
    return Call((_UNSHARE, "--net", "--", *words), script, _SECONDS)


def _iptables_lines(family: str, features: tuple[Feature, ...]) -> Iterator[str]:
    for table in dict.fromkeys(feature.table for feature in features):
        yield f"*{table}"
        yield from (f"-A {f.rule_of(family)}" for f in features if f.table == table)
        yield "COMMIT"


def _nft_lines(family: str, features: tuple[Feature, ...]) -> Iterator[str]:
    table = f"{'ip6' if family == IPV6 else 'ip'} nodefix-probe"
    yield f"add table {table}"
    for chain in dict.fromkeys(feature.chain for feature in features):
        yield f"add chain {table} {chain} {{ {BASES[chain]} ; }}"
    for feature in features:
        for kind, _, rest in (text.partition(" ") for text in feature.objects):
            yield f"add {kind} {table} {written_for(family, rest)}"
        yield f"add rule {table} {feature.rule_of(family)}"
