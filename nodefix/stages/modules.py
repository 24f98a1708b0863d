"""Rules like kube-proxy's work, and the modules that they need are loaded.

The probe decides: if it passes, nothing is wrong, whatever /lib/modules contains.
Sources: https://github.com/kubernetes/kops/pull/18724 (kernel-modules-extra),
https://github.com/kubernetes/kops/pull/18734 (chains without rules),
https://github.com/kubernetes/kops/issues/17915 (nf_conntrack_max).
"""

from __future__ import annotations

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.cni_needs import PluginNeeds, read_needs
from nodefix.facts.cni_table import Sysctl
from nodefix.facts.modes import BEHIND, MODES, OTHERS
from nodefix.facts.modules import ModuleFacts, State, Untried, read_modules
from nodefix.facts.network_sysctls import differing_sysctls
from nodefix.facts.remedies import AGAIN
from nodefix.host.node import Host
from nodefix.host.programs import quoted
from nodefix.plan import Change, Plan, Problem
from nodefix.stages.absent import next_kernel_problems
from nodefix.stages.module_problems import (
    disabled_problems,
    library_problems,
    refused_problems,
    unexplained_problem,
    unread_problems,
)
from nodefix.stages.network_sysctls import set_sysctl, sysctl_changes, sysctl_problems

NAME = "modules"
NEEDS: tuple[str, ...] = ()
DEADLINE = 60.0

# In these states a module cannot be loaded.
_REFUSED = (State.ABSENT, State.KEPT_OUT, State.UNKNOWN)

_MODPROBE = "/usr/sbin/modprobe"

# What a change is about: this, and the module's name.
TARGET = "kernel module "


def read(host: Host, config: Config) -> ModuleFacts:
    """Read the facts about the modules that kube-proxy, the network plugin and settings need."""
    mode = MODES[config.kube_proxy]
    reasons = {**OTHERS, **{need.module: need.lost for need in mode.needs}}
    network = PluginNeeds()
    if config.network_plugin == "auto":
        network = read_needs(host, has_rules=config.kube_proxy != "nftables")
    names = tuple(dict.fromkeys((*_names(config), *network.modules)))
    sysctls = differing_sysctls(host, network) if config.sysctls == "set" else ()
    facts = read_modules(host, names, mode.features)
    return facts._replace(reasons=reasons, network=network, sysctls=sysctls)


def _names(config: Config) -> tuple[str, ...]:
    mode = MODES[config.kube_proxy]
    features = (name for feature in mode.features for name in feature.modules)
    needs = (need.module for need in mode.needs)
    settings = (*config.extra_modules, *config.optional_modules)
    return tuple(dict.fromkeys((*mode.base, *features, *needs, *settings)))


def plan(facts: ModuleFacts, config: Config) -> Plan:
    """Load the needed modules that are on disk; name those that are not, with their package."""
    needed = _needed(facts, config)
    states = {name: module.state for name, module in facts.modules.items()}
    # Without a base module the others are of no use, and not to blame.
    hopeless = any(
        states.get(name) is State.ABSENT for name in MODES[config.kube_proxy].base if name in needed
    )
    wanted = _wanted(facts, config, needed, rules=not hopeless)
    doubtful = tuple(
        name
        for name in (*_of_untried(facts, config), *_left_to_the_kernel(config))
        if name not in (*needed, *wanted) and states[name] in _REFUSED
    )
    due = [
        name
        for name in (*(() if hopeless else needed), *wanted)
        if states[name] is State.AVAILABLE and states.get(BEHIND.get(name, "")) not in _REFUSED
    ]
    changes = (
        () if facts.locks.disabled else tuple(_load(facts, name, name in needed) for name in due)
    )
    problems = (
        *(disabled_problems(facts, due, needed) if facts.locks.disabled else ()),
        *refused_problems(facts, needed, required=True),
        *refused_problems(facts, (*doubtful, *wanted), required=False),
        *library_problems(facts),
        *unread_problems(facts),
        *next_kernel_problems(facts),
        *sysctl_problems(facts.sysctls),
    )
    explained = any(problem.required for problem in problems) or any(c.required for c in changes)
    if (_failed(facts, required=True) or _lacks_conntrack(facts)) and not explained:
        problems = (unexplained_problem(facts), *problems)
    elif not hopeless:
        problems = (*problems, *_unexplained(facts, due))
    changes = (*changes, *sysctl_changes(facts.sysctls))
    return Plan(changes, problems, notes=_not_tried(facts.untried))


def _failed(facts: ModuleFacts, required: bool) -> frozenset[str]:
    """The modules behind rules that failed."""
    return frozenset(
        failure.module
        for failure in facts.failures
        if failure.feature.required == required and not failure.library
    )


def _needed(facts: ModuleFacts, config: Config) -> tuple[str, ...]:
    """The modules that failed rules need, and those that the mode and the settings require."""
    mode = MODES[config.kube_proxy]
    failed = _failed(facts, required=True)
    needed = failed | set(config.extra_modules)
    needed |= {need.module for need in mode.needs if need.required}
    if failed:
        needed |= set(mode.base)
    if _lacks_conntrack(facts):
        needed |= {"nf_conntrack"}
    return tuple(name for name in _names(config) if name in needed)


def _wanted(
    facts: ModuleFacts, config: Config, needed: tuple[str, ...], rules: bool
) -> tuple[str, ...]:
    """The modules whose absence degrades, if asked for with those of failed rules."""
    needs = MODES[config.kube_proxy].needs
    wanted = [
        *(sorted(_failed(facts, required=False)) if rules else ()),
        *(need.module for need in needs if need.load and not need.required),
        *config.optional_modules,
        *facts.network.modules,
    ]
    return tuple(name for name in dict.fromkeys(wanted) if name not in needed)


def _unexplained(facts: ModuleFacts, due: list[str]) -> tuple[Problem, ...]:
    """Rules that only some services use, and that fail though their module is there."""
    bad = {name for name, module in facts.modules.items() if module.state in _REFUSED}
    bad |= {name for name, other in BEHIND.items() if other in bad}
    features = {
        failure.feature.name
        for failure in facts.failures
        if not (failure.feature.required or failure.library or failure.module in {*bad, *due})
    }
    return (unexplained_problem(facts, features),) if features else ()


def _lacks_conntrack(facts: ModuleFacts) -> bool:
    """Whether nf_conntrack is missing although rules were tried, which loads it."""
    return not facts.conntrack and not facts.untried.features


def _of_untried(facts: ModuleFacts, config: Config) -> tuple[str, ...]:
    """The modules that untried rules need: a forecast, which never holds kubelet."""
    features = facts.untried.features
    base = MODES[config.kube_proxy].base if features else ()
    names = (name for feature in features for name in feature.modules)
    return tuple(dict.fromkeys((*base, *names)))


def _left_to_the_kernel(config: Config) -> tuple[str, ...]:
    """The modules that come with kube-proxy's own use of them."""
    return tuple(need.module for need in MODES[config.kube_proxy].needs if not need.load)


def _not_tried(untried: Untried) -> tuple[str, ...]:
    if not untried.features:
        return ()
    names = ", ".join(feature.name for feature in untried.features)
    loads = "may load kernel modules"
    if untried.modules:
        loads = f"loads kernel modules ({', '.join(untried.modules)})"
    return (f"rules with {names}: not tried, because that {loads}; `nodefix run` tries them",)


def _load(facts: ModuleFacts, name: str, required: bool) -> Change:
    module = facts.modules[name]
    found, hint = "not loaded", _look_at(name)
    if need := facts.network.needing(name):
        found = f"not loaded, and {need.plugin} needs it"
    if module.left_to:
        found = f"{found}, which is left to {module.left_to}"
        hint = f"modprobe --ignore-install {name} && {AGAIN}"
    if facts.locks.selinux:
        found = f"{found}, with the SELinux boolean secure_mode_insmod on"
        hint = f"setsebool -P secure_mode_insmod off && {AGAIN}"
    return Change(
        target=f"{TARGET}{name}",
        found=found,
        wanted="loaded",
        hint=hint,
        action=name,
        required=required,
        # Each boot begins without loaded modules, so there is nothing to undo.
        each_boot=True,
        code="module-not-loaded",
    )


def _look_at(name: str) -> str:
    """For a module that modprobe did not load: show the kernel's reason, reinstall its file."""
    return f'dmesg | tail; dnf reinstall "$(rpm -qf "$(modinfo -n {name})")" && {AGAIN}'


def apply(change: Change, host: Host) -> None:
    """Load one module, or set one sysctl.

    Raises:
        CommandError: it failed; the message says why.
    """
    name = change.action
    if isinstance(name, Sysctl):
        return set_sysctl(name, host)
    assert isinstance(name, str)
    argv = (_MODPROBE, name)
    result = host.programs.run(*argv, timeout=20.0)
    if result.status:
        raise CommandError(f"`{quoted(argv)}`: {result.telling}", change.hint)
