"""Rules such as kube-proxy's work, and the modules that they need are loaded.

The verdict is the probe: where it passes nothing is wrong, whatever /lib/modules looks like.
Sources: https://github.com/kubernetes/kops/pull/18724 (kernel-modules-extra),
https://github.com/kubernetes/kops/pull/18734 (chains without rules),
https://github.com/kubernetes/kops/issues/17915 (nf_conntrack_max).
"""

from __future__ import annotations

from nodefix.commands import quoted
from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.modules import (
    CONNTRACK_MAX,
    FEATURES,
    Failure,
    Module,
    ModuleFacts,
    State,
    read_modules,
)
from nodefix.host import Host
from nodefix.plan import Change, Plan, Problem

NAME = "modules"
DEADLINE = 60.0

# What every rule with an xt match or target goes through.
_BASE = ("nf_tables", "nft_compat", "nf_conntrack")
# Bridging CNIs (Flannel, Calico) need it, others (Cilium, kindnet) do not:
# https://github.com/kubernetes/kubernetes/pull/123464. It is loaded where it is there.
_BRIDGE = "br_netfilter"
_NAMES = (*_BASE, *(feature.module for feature in FEATURES), _BRIDGE)

_MODPROBE = "/usr/sbin/modprobe"


def read(host: Host) -> ModuleFacts:
    """Read the facts about the modules that iptables-mode kube-proxy needs."""
    return read_modules(host, _NAMES)


def plan(facts: ModuleFacts, config: Config) -> Plan:
    """Load what is there and wanted; name what is not there, and the package that has it."""
    needed = _needed(facts)
    changes = tuple(
        _load(facts.modules[name])
        for name in _NAMES
        if facts.modules[name].state is State.AVAILABLE and (name in needed or name == _BRIDGE)
    )
    if not needed:
        return Plan(changes)
    problems = tuple(
        _kept_out(module)
        for name in needed
        if (module := facts.modules[name]).state is State.BLACKLISTED
    )
    absent = tuple(name for name in needed if facts.modules[name].state is State.ABSENT)
    if absent:
        problems += (_absent(facts, absent),)
    if not problems and not any(change.action in needed for change in changes):
        problems = (_unexplained(facts),)
    return Plan(changes, problems)


def _needed(facts: ModuleFacts) -> tuple[str, ...]:
    """The modules that what does not work needs; empty if everything does."""
    broken = {failure.feature.module for failure in facts.failures}
    base = set(_BASE) if broken else set()
    if not facts.conntrack:
        base.add("nf_conntrack")
    return tuple(name for name in _NAMES if name in broken | base)


def _load(module: Module) -> Change:
    return Change(
        target=f"kernel module {module.name}",
        found="not loaded",
        wanted="loaded",
        hint=f"modprobe {module.name}",
        action=module.name,
        required=module.name != _BRIDGE,
    )


def _kept_out(module: Module) -> Problem:
    return Problem(
        f"kernel module {module.name}: found it kept out by {module.where},"
        f" expected it loaded, since kube-proxy's rules need it",
        f"remove that line, then: modprobe {module.name} && systemctl restart nodefix",
    )


def _absent(facts: ModuleFacts, names: tuple[str, ...]) -> Problem:
    return Problem(
        f"kernel modules {', '.join(names)}: found in no package installed for kernel"
        f" {facts.kernel}, expected them there, since kube-proxy's rules fail without them:"
        f" {_probe_words(facts)}",
        f"dnf install {extra_package(facts.kernel)} && systemctl restart nodefix",
    )


def _unexplained(facts: ModuleFacts) -> Problem:
    return Problem(
        f"kube-proxy's rules do not work though all modules are there: {_probe_words(facts)}",
        "dnf reinstall iptables-nft iptables-libs && systemctl restart nodefix",
    )


def _probe_words(facts: ModuleFacts) -> str:
    """What failed and the tool's words, each once: features fail alike in both families."""
    features: dict[str, list[Failure]] = {}
    for failure in facts.failures:
        features.setdefault(failure.feature.name, []).append(failure)
    said = [
        f"{name} ({', '.join(failure.family for failure in failures)}): {failures[0].words}"
        for name, failures in features.items()
    ]
    if not facts.conntrack:
        said.append(f"{CONNTRACK_MAX} is missing")
    return " | ".join(said)


def extra_package(kernel: str) -> str:
    """The package with the modules that a kernel's base packages leave out.

    Pinned to the kernel's release: an unpinned one brings modules for another kernel.
    Sources: https://github.com/kubernetes/kops/pull/18724, for Oracle's kernels
    https://github.com/rancher/rke2-packaging/pull/70.

    Args:
        kernel: as `uname -r` prints it; a variant follows a plus sign, as in `+64k`.
    """
    release, _, variant = kernel.partition("+")
    family = "kernel-uek" if "uek" in release else "kernel"
    if variant:
        family += variant if "uek" in release else f"-{variant}"
    return f"{family}-modules-extra-{release}"


def apply(change: Change, host: Host) -> None:
    """Load one module.

    Raises:
        CommandError: modprobe refused; its words say why.
    """
    argv = (_MODPROBE, str(change.action))
    result = host.commands.run(*argv, timeout=20.0)
    if result.status:
        raise CommandError(f"`{quoted(argv)}`: {result.words}", quoted(argv))
