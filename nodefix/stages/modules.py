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
from nodefix.facts.modules import CONNTRACK_MAX, Module, ModuleFacts, State, read_modules
from nodefix.facts.probe import IPTABLES, NFTABLES, Failure, Feature
from nodefix.host import Host
from nodefix.plan import Change, Plan, Problem

NAME = "modules"
DEADLINE = 60.0

# What all rules of a mode go through; kube-proxy exits without nf_conntrack in every mode.
_BASE = {
    "iptables": ("nf_tables", "nft_compat", "nf_conntrack"),
    "nftables": ("nf_tables", "nf_conntrack"),
    "off": ("nf_conntrack",),
}
_FEATURES: dict[str, tuple[Feature, ...]] = {
    "iptables": IPTABLES,
    "nftables": NFTABLES,
    "off": (),
}

_MODPROBE = "/usr/sbin/modprobe"
_AGAIN = "systemctl restart nodefix"


def read(host: Host, config: Config) -> ModuleFacts:
    """Read the facts about the modules that kube-proxy's mode and the settings need."""
    return read_modules(host, _names(config), _FEATURES[config.chains])


def _names(config: Config) -> tuple[str, ...]:
    features = (feature.module for feature in _FEATURES[config.chains])
    wanted = (*_BASE[config.chains], *features, *config.extra_modules, *config.optional_modules)
    return tuple(dict.fromkeys(wanted))


def plan(facts: ModuleFacts, config: Config) -> Plan:
    """Load what is there and needed; name what is not there, and the package that has it."""
    needed = _needed(facts, config)
    optional = tuple(name for name in config.optional_modules if name not in needed)
    states = {name: module.state for name, module in facts.modules.items()}
    # Without what all rules go through the others cannot be loaded, and are not to blame.
    hopeless = any(
        states.get(name) is State.ABSENT for name in _BASE[config.chains] if name in needed
    )
    changes = tuple(
        _load(facts.modules[name], name in needed)
        for name in (*(() if hopeless else needed), *optional)
        if states[name] is State.AVAILABLE
    )
    problems = (
        *_refused(facts, needed, required=True),
        *_refused(facts, optional, required=False),
        *_next_kernel(facts),
    )
    explained = any(problem.required for problem in problems) or any(c.required for c in changes)
    if (facts.failures or not facts.conntrack) and not explained:
        problems = (_unexplained(facts), *problems)
    return Plan(changes, problems)


def _needed(facts: ModuleFacts, config: Config) -> tuple[str, ...]:
    """The modules that what does not work needs, and the ones that the settings ask for."""
    needed = {failure.feature.module for failure in facts.failures} | set(config.extra_modules)
    if facts.failures:
        needed.update(_BASE[config.chains])
    if not facts.conntrack:
        needed.add("nf_conntrack")
    return tuple(name for name in _names(config) if name in needed)


def _load(module: Module, required: bool) -> Change:
    return Change(
        target=f"kernel module {module.name}",
        found="not loaded",
        wanted="loaded",
        hint=f"modprobe {module.name}; dmesg | tail",
        action=module.name,
        required=required,
    )


def _refused(facts: ModuleFacts, names: tuple[str, ...], required: bool) -> list[Problem]:
    """What cannot be loaded: kept out by a line of the admin's, or not there at all."""
    modules = [facts.modules[name] for name in names]
    problems = [
        Problem(
            f"kernel module {module.name}: found it {module.state} by {module.where},"
            f" expected it loaded{_lost(facts, module.name)}",
            f"remove that line, then: modprobe {module.name} && {_AGAIN}",
            required,
        )
        for module in modules
        if module.state in (State.BLACKLISTED, State.REPLACED)
    ]
    absent = [module.name for module in modules if module.state is State.ABSENT]
    if absent:
        lost = "".join(_lost(facts, name) for name in absent)
        if required and not lost:
            # Only what all rules go through is missing.
            lost = _probe_words(facts)
        problems.append(
            Problem(
                f"kernel modules {', '.join(absent)}: found in no package that is installed for"
                f" kernel {facts.kernel}, expected them there{lost}",
                f"dnf install {extra_package(facts.kernel)} && {_AGAIN}",
                required,
            )
        )
    return problems


def _lost(facts: ModuleFacts, name: str) -> str:
    """What does not work without a module, and what the probe's tool said to it."""
    mine = [failure for failure in facts.failures if failure.feature.module == name]
    if not mine:
        return ""
    families = ", ".join(dict.fromkeys(failure.family for failure in mine))
    return f"; without {name} fails: {mine[0].feature.lost} ({families}: {_first(mine[0])})"


def _first(failure: Failure) -> str:
    """The first line of the tool's words: it names the extension, the others repeat it."""
    first, _, rest = failure.words.partition("; ")
    # Its own name and version are a line by themselves.
    return f"{first} {rest.partition('; ')[0]}" if first.endswith(":") and rest else first


def _next_kernel(facts: ModuleFacts) -> tuple[Problem, ...]:
    """A warning while there is still time: this kernel works, the next one will not."""
    if not facts.next_missing:
        return ()
    return (
        Problem(
            f"kernel {facts.next_kernel}, which boots next: found no modules"
            f" {', '.join(facts.next_missing)} for it, expected them as for {facts.kernel}",
            f"before the reboot: dnf install {extra_package(facts.next_kernel)}",
            required=False,
        ),
    )


def _unexplained(facts: ModuleFacts) -> Problem:
    what = "kube-proxy's rules do not work" if facts.failures else "kube-proxy cannot start"
    return Problem(
        f"{what} though all modules are there{_probe_words(facts)}",
        f"dnf reinstall iptables-nft iptables-libs nftables && {_AGAIN}",
    )


def _probe_words(facts: ModuleFacts) -> str:
    """What failed and the tool's words, each once: features fail alike in both families."""
    features: dict[str, list[Failure]] = {}
    for failure in facts.failures:
        features.setdefault(failure.feature.name, []).append(failure)
    said = [
        f"{name} ({', '.join(failure.family for failure in failures)}): {_first(failures[0])}"
        for name, failures in features.items()
    ]
    if not facts.conntrack:
        said.append(f"{CONNTRACK_MAX} is missing, without which kube-proxy exits")
    return "".join(f"; {part}" for part in said)


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
