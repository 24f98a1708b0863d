"""Kernel modules, and whether rules such as kube-proxy's really work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import CommandError
from nodefix.facts.system import has_ipv6, kernel_release
from nodefix.host import Host

CONNTRACK_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"

# modprobe.d(5), in its order of precedence.
_MODPROBE_FOLDERS = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "lib/modprobe.d",
)
_UNSHARE = "/usr/bin/unshare"
_PROBE_SECONDS = 15.0


class State(StrEnum):
    """What a module is to the running kernel."""

    LOADED = "loaded"
    BUILT_IN = "built in"
    AVAILABLE = "available"
    BLACKLISTED = "blacklisted"
    ABSENT = "absent"


class Module(NamedTuple):
    """A module's state; `where` is the file and line that keeps a blacklisted one out."""

    name: str
    state: State
    where: str = ""


class Feature(NamedTuple):
    """One thing that kube-proxy's rules use.

    Attributes:
        name: the match or target.
        module: the kernel module that provides it.
        table: the table in which it is tried.
        rule: the chain and the arguments of a rule that uses it.
        rule6: the same for IPv6 where addresses differ.
    """

    name: str
    module: str
    table: str
    rule: str
    rule6: str = ""


# What kube-proxy writes in iptables mode: kubernetes pkg/proxy/iptables/proxier.go.
FEATURES = (
    Feature("comment", "xt_comment", "nat", 'PREROUTING -m comment --comment "nodefix probe"'),
    Feature("addrtype", "xt_addrtype", "nat", "PREROUTING -m addrtype --dst-type LOCAL"),
    Feature(
        "statistic",
        "xt_statistic",
        "nat",
        "PREROUTING -m statistic --mode random --probability .5",
    ),
    Feature("MARK", "xt_mark", "nat", "PREROUTING -j MARK --or-mark 0x4000"),
    Feature("MASQUERADE", "xt_MASQUERADE", "nat", "POSTROUTING -j MASQUERADE --random-fully"),
    Feature(
        "DNAT",
        "xt_nat",
        "nat",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:80",
        "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8::1]:80",
    ),
    Feature("conntrack", "xt_conntrack", "filter", "FORWARD -m conntrack --ctstate NEW"),
)


class Failure(NamedTuple):
    """One feature that does not work in one family; `words` are the tool's."""

    family: str
    feature: Feature
    words: str


class ModuleFacts(NamedTuple):
    """What the modules stage decides on.

    Attributes:
        kernel: the running kernel's release.
        modules: the state of each module asked for, by name.
        conntrack: whether nf_conntrack_max is there.
        failures: what of the probe does not work; empty if kube-proxy's rules do.
    """

    kernel: str
    modules: Mapping[str, Module]
    conntrack: bool
    failures: tuple[Failure, ...]


def read_modules(host: Host, names: Sequence[str]) -> ModuleFacts:
    """Read the state of each named module and probe with real rules.

    The rules are made in network namespaces that end with the probe, so no traffic meets them.
    A probe makes the kernel load what it can load by itself.

    Raises:
        CommandError: the tools for the probe are missing.
    """
    failures = probe(host)
    kernel = kernel_release(host.root)
    return ModuleFacts(
        kernel=kernel,
        modules=_states(host.root, kernel, names),
        conntrack=host.path(CONNTRACK_MAX).exists(),
        failures=failures,
    )


def probe(host: Host) -> tuple[Failure, ...]:
    """Try all features at once; only if that fails, each alone, to name the ones that do."""
    families = {"IPv4": "iptables"} | ({"IPv6": "ip6tables"} if has_ipv6(host.root) else {})
    failures: list[Failure] = []
    for family, tool in families.items():
        if _words(host, family, tool, FEATURES):
            failures += [
                Failure(family, feature, words)
                for feature in FEATURES
                if (words := _words(host, family, tool, (feature,)))
            ]
    return tuple(failures)


def _words(host: Host, family: str, tool: str, features: tuple[Feature, ...]) -> str:
    """What the tool says to rules with these features; empty if it makes them."""
    lines: list[str] = []
    for table in dict.fromkeys(feature.table for feature in features):
        lines.append(f"*{table}")
        for feature in features:
            if feature.table == table:
                rule = feature.rule6 if family == "IPv6" and feature.rule6 else feature.rule
                lines.append(f"-A {rule}")
        lines.append("COMMIT")
    rules = "\n".join([*lines, ""]).encode()
    restore = f"/usr/sbin/{tool}-nft-restore"
    if not host.path(restore).exists():
        raise CommandError(f"{restore}: found no such program", "dnf install iptables-nft")
    argv = (_UNSHARE, "--net", "--", restore, "--noflush")
    result = host.commands.run(*argv, stdin=rules, timeout=_PROBE_SECONDS)
    return result.words if result.status else ""


def _states(root: Path, kernel: str, names: Sequence[str]) -> dict[str, Module]:
    if not (root / "proc/modules").exists():
        # A kernel without CONFIG_MODULES: what it has is built in.
        return {name: Module(name, State.BUILT_IN) for name in names}
    loaded = _first_words(root / "proc/modules")
    states = {name: Module(name, State.LOADED) for name in names if name in loaded}
    missing = [name for name in names if name not in loaded]
    if not missing:
        return states
    folder = root / "lib/modules" / kernel
    built_in = _module_names(folder / "modules.builtin")
    on_disk = _module_names(folder / "modules.dep")
    kept_out = _kept_out(root)
    for name in missing:
        if name in built_in:
            states[name] = Module(name, State.BUILT_IN)
        elif name in kept_out:
            states[name] = Module(name, State.BLACKLISTED, kept_out[name])
        else:
            states[name] = Module(name, State.AVAILABLE if name in on_disk else State.ABSENT)
    return states


def _text(file: Path) -> str:
    # Missing files are facts too: a kernel without modules has neither /proc/modules nor a folder.
    try:
        return file.read_bytes().decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def _first_words(file: Path) -> frozenset[str]:
    return frozenset(line.split(None, 1)[0] for line in _text(file).splitlines() if line.strip())


def _module_names(file: Path) -> frozenset[str]:
    """Names from modules.builtin and modules.dep; `-` and `_` are the same in a name."""
    found = re.findall(r"^(?:[^\s:]*/)?([^\s:/]+?)\.ko(?:\.\w+)?(?=:|\s|$)", _text(file), re.M)
    return frozenset(name.replace("-", "_") for name in found)


def _kept_out(root: Path) -> dict[str, str]:
    """Modules that modprobe.d(5) keeps from loading, with the file and line that does."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for folder in _MODPROBE_FOLDERS:
        for file in sorted((root / folder).glob("*.conf")):
            # A file hides those of its name in later folders.
            if file.name in seen:
                continue
            seen.add(file.name)
            for number, line in enumerate(_text(file).splitlines(), 1):
                match line.split():
                    case ["blacklist", name, *_]:
                        pass
                    case ["install", name, command, *_] if command.endswith(("/false", "/true")):
                        pass
                    case _:
                        continue
                where = f"/{file.relative_to(root)} line {number}"
                found.setdefault(name.replace("-", "_"), f"{where} (`{line.strip()}`)")
    return found
