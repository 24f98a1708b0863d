"""Kernel modules: their state in the running kernel, and in the one that boots next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from nodefix.facts.cni_needs import PluginNeeds
from nodefix.facts.conntrack import CONNTRACK_MAX
from nodefix.facts.features import Feature
from nodefix.facts.kernel_packages import KernelPackages, read_kernel_packages
from nodefix.facts.modprobe import Bar, ModprobeRules, Way, read_modprobe_rules
from nodefix.facts.module_index import (
    loadable_modules,
    loaded_modules,
    module_name,
    modules_of,
)
from nodefix.facts.module_locks import Locks, read_locks
from nodefix.facts.network_sysctls import Differing
from nodefix.facts.next_deployment import next_deployment
from nodefix.facts.next_kernel import next_kernel
from nodefix.facts.probe import Failure, Unknown, families, probe
from nodefix.facts.system import is_image, kernel_release
from nodefix.host.node import Host


class State(StrEnum):
    """A module's state in the running kernel."""

    LOADED = "loaded"
    BUILT_IN = "built in"
    AVAILABLE = "available"
    KEPT_OUT = "kept out"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Module(NamedTuple):
    """A module's state.

    Attributes:
        name: with underscores.
        state: its state in the running kernel.
        bars: what keeps it out.
        left_to: the `install` line of modprobe.d whose command may or may not load the module;
            empty if there is none.
        why: what could not be read if the state is unknown.
    """

    name: str
    state: State
    bars: tuple[Bar, ...] = ()
    left_to: str = ""
    why: str = ""


class NextKernel(NamedTuple):
    """Another kernel that boots next; all empty if none does, or if that is not known.

    Attributes:
        release: as `uname -r` will print it.
        missing: modules that the running kernel has and that one lacks.
        packages: the packages that have them.
        is_image: whether it comes with another image than the one that runs.
    """

    release: str = ""
    missing: tuple[str, ...] = ()
    packages: KernelPackages = KernelPackages()
    is_image: bool = False


class Untried(NamedTuple):
    """Rules that were not tried, because reading may load no modules.

    Attributes:
        features: what these rules use.
        modules: what the kernel would load for them; empty if that is not known.
    """

    features: tuple[Feature, ...] = ()
    modules: tuple[str, ...] = ()


class ModuleFacts(NamedTuple):
    """What the modules stage decides on.

    Attributes:
        kernel: the running kernel's release.
        modules: the state of each module asked for, by name.
        conntrack: whether nf_conntrack_max exists.
        failures: what of the probe failed; empty if kube-proxy's rules work.
        unknown: why the probe could not run; None if it could.
        unreadable: files that may keep modules out and that could not be read.
        locks: what keeps every module out.
        packages: those of the running kernel's modules; read if some are absent.
        next: the kernel that boots next.
        image: whether packages belong to an image.
        untried: rules that the probe left out.
        reasons: by module, what does not work without one that no rule shows.
        network: what the network plugin needs.
        sysctls: those that are to be set and are not as it needs them.
    """

    kernel: str
    modules: Mapping[str, Module]
    conntrack: bool
    failures: tuple[Failure, ...]
    unknown: Unknown | None = None
    unreadable: tuple[str, ...] = ()
    locks: Locks = Locks()
    packages: KernelPackages = KernelPackages()
    next: NextKernel = NextKernel()
    image: bool = False
    untried: Untried = Untried()
    reasons: Mapping[str, str] = {}
    network: PluginNeeds = PluginNeeds()
    sysctls: tuple[Differing, ...] = ()


def read_modules(host: Host, names: Sequence[str], features: tuple[Feature, ...]) -> ModuleFacts:
    """Probe with rules that use `features`, then read the state of each named module."""
    kernel = kernel_release(host.root)
    untried = Untried() if host.may_load else _untried(host, kernel, features)
    probed = probe(host, tuple(one for one in features if one not in untried.features))
    try:
        loaded = loaded_modules(host)
        missing = [name for name in names if loaded is not None and name not in loaded]
        rules = read_modprobe_rules(host) if missing else None
        states = _states(host, kernel, names, loaded, rules)
    except OSError as error:
        missing, rules = [], None
        states = _unknown(names, error)
    absent = any(module.state is State.ABSENT for module in states.values())
    return ModuleFacts(
        kernel=kernel,
        modules=states,
        conntrack=host.path(CONNTRACK_MAX).exists(),
        failures=probed.failures,
        unknown=probed.unknown,
        unreadable=rules.unreadable if rules else (),
        locks=read_locks(host) if missing else Locks(),
        packages=read_kernel_packages(host, kernel) if absent else KernelPackages(),
        next=_next(host, kernel, names),
        image=is_image(host.root),
        untried=untried,
    )


def _untried(host: Host, kernel: str, features: tuple[Feature, ...]) -> Untried:
    """What cannot be tried without loading a module."""
    try:
        loadable = loadable_modules(host, kernel)
    except OSError:
        return Untried(features)
    loads = {
        feature: [
            name
            for family in families(host)
            for name in feature.loads_of(family)
            if name in loadable
        ]
        for feature in features
    }
    return Untried(
        tuple(feature for feature, names in loads.items() if names),
        tuple(dict.fromkeys(name for names in loads.values() for name in names)),
    )


def _states(
    host: Host,
    kernel: str,
    names: Sequence[str],
    loaded: frozenset[str] | None,
    rules: ModprobeRules | None,
) -> dict[str, Module]:
    if loaded is None or rules is None:
        state = State.BUILT_IN if loaded is None else State.LOADED
        return {name: Module(name, state) for name in names}
    states = {name: Module(name, State.LOADED) for name in names if name in loaded}
    try:
        built_in, on_disk = modules_of(host, kernel)
    except OSError as error:
        return _unknown([name for name in names if name not in loaded], error) | states
    for name in names:
        if name in states:
            continue
        if name in built_in:
            states[name] = Module(name, State.BUILT_IN)
        elif name not in on_disk:
            states[name] = Module(name, State.ABSENT)
        else:
            found = (module_name(file) for file in on_disk[name].split())
            needed = [one for one in found if one not in loaded]
            states[name] = _by_rules(name, needed, rules)
    return states


def _unknown(names: Sequence[str], error: OSError) -> dict[str, Module]:
    why = f"{error.filename}: cannot be read ({error.strerror})"
    return {name: Module(name, State.UNKNOWN, why=why) for name in names}


def _by_rules(name: str, needed: Sequence[str], rules: ModprobeRules) -> Module:
    """The state of a module on disk; what keeps a dependency out keeps it out, too."""
    bars = list(rules.bars(name))
    for one in needed:
        # Blacklists and aliases do not apply to dependencies.
        bars += [
            bar._replace(where=f"{bar.where} for {one}, which it needs")
            for bar in rules.bars(one)
            if bar.way in (Way.REFUSED, Way.REPLACED)
        ]
    state = State.KEPT_OUT if bars else State.AVAILABLE
    return Module(name, state, tuple(bars), rules.leaves_it_to(name))


def _next(host: Host, kernel: str, names: Sequence[str]) -> NextKernel:
    """A forecast: if the other kernel's modules cannot be read, there is none."""
    try:
        image = next_deployment(host)
        coming = image.release if image else next_kernel(host)
        folder = image.modules if image else f"/lib/modules/{coming}"
        if coming in ("", "" if image else kernel):
            return NextKernel()
        if not host.path(f"{folder}/modules.dep").exists():
            return NextKernel()
        now, then = (
            frozenset((*built_in, *on_disk))
            for built_in, on_disk in (modules_of(host, kernel), modules_of(host, coming, folder))
        )
    except OSError:
        return NextKernel()
    missing = tuple(name for name in names if name in now and name not in then)
    packages = read_kernel_packages(host, coming) if missing else KernelPackages()
    return NextKernel(coming, missing, packages, image is not None)
