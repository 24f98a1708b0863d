"""Rules such as kube-proxy's work, and the modules that they need are loaded.

The verdict is the probe: where it passes nothing is wrong, whatever /lib/modules looks like.
Sources: https://github.com/kubernetes/kops/pull/18724 (kernel-modules-extra),
https://github.com/kubernetes/kops/pull/18734 (chains without rules),
https://github.com/kubernetes/kops/issues/17915 (nf_conntrack_max).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.modprobe import Way
from nodefix.facts.modules import CONNTRACK_MAX, Module, ModuleFacts, State, read_modules
from nodefix.facts.probe import IPTABLES, NFTABLES, Failure, Feature
from nodefix.host.node import Host
from nodefix.host.programs import quoted
from nodefix.plan import Change, Plan, Problem
from nodefix.stages.absent import absent_problems, next_kernel_problems

NAME = "modules"
NEEDS: tuple[str, ...] = ()
DEADLINE = 60.0

# What all rules of a mode go through; kube-proxy exits without nf_conntrack in every mode.
_BASE = {
    "iptables": ("nf_tables", "nft_compat", "nf_conntrack"),
    "nftables": ("nf_tables", "nf_conntrack"),
    "none": ("nf_conntrack",),
}
_FEATURES: dict[str, tuple[Feature, ...]] = {
    "iptables": IPTABLES,
    "nftables": NFTABLES,
    "none": (),
}

_MODPROBE = "/usr/sbin/modprobe"
_AGAIN = "systemctl restart nodefix"
_REBOOT = "systemctl reboot"


def read(host: Host, config: Config) -> ModuleFacts:
    """Read the facts about the modules that kube-proxy's mode and the settings need."""
    return read_modules(host, _names(config), _FEATURES[config.kube_proxy])


def _names(config: Config) -> tuple[str, ...]:
    features = (feature.module for feature in _FEATURES[config.kube_proxy])
    wanted = (*_BASE[config.kube_proxy], *features, *config.extra_modules, *config.optional_modules)
    return tuple(dict.fromkeys(wanted))


def plan(facts: ModuleFacts, config: Config) -> Plan:
    """Load what is there and needed; name what is not there, and the package that has it."""
    needed = _needed(facts, config)
    optional = tuple(name for name in config.optional_modules if name not in needed)
    states = {name: module.state for name, module in facts.modules.items()}
    # Without what all rules go through the others cannot be loaded, and are not to blame.
    hopeless = any(
        states.get(name) is State.ABSENT for name in _BASE[config.kube_proxy] if name in needed
    )
    due = [
        name
        for name in (*(() if hopeless else needed), *optional)
        if states[name] is State.AVAILABLE
    ]
    changes = (
        () if facts.locks.disabled else tuple(_load(facts, name, name in needed) for name in due)
    )
    problems = (
        *(_locked(facts, due, needed) if facts.locks.disabled else ()),
        *_refused(facts, needed, required=True),
        *_refused(facts, optional, required=False),
        *_libraries(facts),
        *_unread(facts),
        *next_kernel_problems(facts),
    )
    explained = any(problem.required for problem in problems) or any(c.required for c in changes)
    if (facts.failures or not facts.conntrack) and not explained:
        problems = (_unexplained(facts), *problems)
    return Plan(changes, problems)


def _needed(facts: ModuleFacts, config: Config) -> tuple[str, ...]:
    """The modules that what does not work needs, and the ones that the settings ask for."""
    failed = {failure.feature.module for failure in facts.failures if not failure.library}
    needed = failed | set(config.extra_modules)
    if failed:
        needed.update(_BASE[config.kube_proxy])
    if not facts.conntrack:
        needed.add("nf_conntrack")
    return tuple(name for name in _names(config) if name in needed)


def _load(facts: ModuleFacts, name: str, required: bool) -> Change:
    module = facts.modules[name]
    found, hint = "not loaded", _look_at(name)
    if module.left_to:
        found = f"not loaded, which {module.left_to} is left to do"
        hint = f"modprobe --ignore-install {name} && {_AGAIN}"
    if facts.locks.selinux:
        found = f"{found}, with SELinux's secure_mode_insmod on"
        hint = f"setsebool -P secure_mode_insmod off && {_AGAIN}"
    return Change(
        target=f"kernel module {name}",
        found=found,
        wanted="loaded",
        hint=hint,
        action=name,
        required=required,
        # The kernel begins each boot without them, so there is nothing to undo.
        each_boot=True,
        code="module-not-loaded",
    )


def _look_at(name: str) -> str:
    """For a module that modprobe did not load: the kernel's reason, and its file made anew."""
    return f'dmesg | tail; dnf reinstall "$(rpm -qf "$(modinfo -n {name})")" && {_AGAIN}'


def _locked(facts: ModuleFacts, due: list[str], needed: Iterable[str]) -> list[Problem]:
    """No module can be loaded until the machine starts again."""
    if not due:
        return []
    by = f" by {facts.locks.by}" if facts.locks.by else ""
    # All for one reason: one example will do.
    lost = next(filter(None, (_lost(facts, name) for name in due)), "")
    if facts.locks.word:
        hint = f"grubby --update-kernel=ALL --remove-args={facts.locks.word} && {_REBOOT}"
    else:
        # They are read before sysctl.d, so that the switch can stay.
        file = "/etc/modules-load.d/kubernetes.conf"
        hint = rf"printf '%s\n' {' '.join(due)} >>{file} && {_REBOOT}"
    return [
        Problem(
            f"kernel modules {', '.join(due)}: found kernel.modules_disabled set to 1{by}, so that"
            f" none can be loaded before a reboot, expected them loaded{lost}",
            hint,
            any(name in needed for name in due),
            "modules-disabled",
        )
    ]


def _refused(facts: ModuleFacts, names: tuple[str, ...], required: bool) -> list[Problem]:
    """What cannot be loaded: kept out by an admin's doing, or not there at all."""
    modules = [facts.modules[name] for name in names]
    problems = [
        _kept_out(facts, module, required) for module in modules if module.state is State.KEPT_OUT
    ]
    unknown = [module for module in modules if module.state is State.UNKNOWN]
    if unknown:
        listed = ", ".join(module.name for module in unknown)
        lost = "".join(_lost(facts, module.name) for module in unknown)
        problems.append(
            Problem(
                f"kernel modules {listed}: not loaded, and whether they are there cannot be told:"
                f" {unknown[0].why}{lost}",
                f"depmod && {_AGAIN}",
                required,
                "module-unclear",
            )
        )
    absent = [module.name for module in modules if module.state is State.ABSENT]
    # Where only what all rules go through is missing, that explains all of the words.
    lost = "".join(_lost(facts, name) for name in absent) or _probe_words(facts) * required
    return problems + absent_problems(facts, absent, lost, required)


def _kept_out(facts: ModuleFacts, module: Module, required: bool) -> Problem:
    where = " and ".join(dict.fromkeys(f"{bar.way} by {bar.where}" for bar in module.bars))
    undo = dict.fromkeys(bar.undo for bar in module.bars)
    reboot = any(bar.reboot for bar in module.bars)
    # A blacklist only keeps the kernel from loading it by itself; by its name it can be loaded.
    only = all(bar.way is Way.BLACKLISTED for bar in module.bars)
    now = "" if any(bar.way is Way.REFUSED for bar in module.bars) else f"modprobe {module.name}"
    then = f"{now} && {_AGAIN}" if only or not reboot else _REBOOT
    return Problem(
        f"kernel module {module.name}: found it {where}, expected it loaded"
        f"{_lost(facts, module.name)}",
        " && ".join([*undo, then]),
        required,
        "module-kept-out",
    )


def _lost(facts: ModuleFacts, name: str) -> str:
    """What does not work without a module, and what the probe's tool said to it."""
    mine = [f for f in facts.failures if f.feature.module == name and not f.library]
    if not mine:
        return ""
    families = ", ".join(dict.fromkeys(failure.family for failure in mine))
    return f"; without {name} fails: {mine[0].feature.lost} ({families}: {mine[0].words})"


def _libraries(facts: ModuleFacts) -> list[Problem]:
    """iptables' own libraries: whatever the kernel has, it cannot write such rules."""
    mine = [failure for failure in facts.failures if failure.library]
    if not mine:
        return []
    names = ", ".join(dict.fromkeys(failure.feature.name for failure in mine))
    return [
        Problem(
            f"iptables' own libraries for {names}: found missing ({mine[0].words}), expected them"
            " where the package iptables-libs puts them",
            f"dnf reinstall iptables-libs && {_AGAIN}",
            code="rules-library",
        )
    ]


def _unread(facts: ModuleFacts) -> list[Problem]:
    """What could not be found out: nothing is blamed for it, and kubelet is not held."""
    problems = [
        Problem(
            f"{file}, so that it cannot be told whether it keeps modules from being loaded",
            f"ls -ld {shlex.quote(file.rpartition(': ')[0])}",
            required=False,
            code="module-unclear",
        )
        for file in facts.unreadable
    ]
    if facts.unknown:
        message = f"whether kube-proxy's rules work cannot be told: {facts.unknown.why}"
        problems.append(Problem(message, facts.unknown.hint, False, "rules-untried"))
    return problems


def _unexplained(facts: ModuleFacts) -> Problem:
    what = "kube-proxy's rules do not work" if facts.failures else "kube-proxy cannot start"
    return Problem(
        f"{what} though all modules are there{_probe_words(facts)}",
        f"dnf reinstall iptables-nft iptables-libs nftables && {_AGAIN}",
        code="rules-failed" if facts.failures else "conntrack-missing",
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
        said.append(f"{CONNTRACK_MAX} is missing, without which kube-proxy exits")
    return "".join(f"; {part}" for part in said)


def apply(change: Change, host: Host) -> None:
    """Load one module.

    Raises:
        CommandError: modprobe refused; its words say why.
    """
    name = change.action
    assert isinstance(name, str)
    argv = (_MODPROBE, name)
    result = host.programs.run(*argv, timeout=20.0)
    if result.status:
        raise CommandError(f"`{quoted(argv)}`: {result.telling}", change.hint)
