"""Problems of the modules stage: modules that cannot be loaded, and rules that do not work."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from nodefix.facts.modprobe import Way
from nodefix.facts.modules import CONNTRACK_MAX, Module, ModuleFacts, State
from nodefix.facts.probe import Failure
from nodefix.facts.remedies import AGAIN
from nodefix.plan import Problem
from nodefix.stages.absent import REBOOT, absent_problems


def disabled_problems(facts: ModuleFacts, due: list[str], needed: Iterable[str]) -> list[Problem]:
    """No module can be loaded until the next boot."""
    if not due:
        return []
    by = f" by {facts.locks.by}" if facts.locks.by else ""
    # They share one reason, so one example is enough.
    lost = next(filter(None, (_lost(facts, name) for name in due)), "")
    if facts.locks.word:
        hint = f"grubby --update-kernel=ALL --remove-args={facts.locks.word} && {REBOOT}"
    else:
        # modules-load.d is read before sysctl.d, so the switch can stay.
        file = "/etc/modules-load.d/kubernetes.conf"
        hint = rf"printf '%s\n' {' '.join(due)} >>{file} && {REBOOT}"
    return [
        Problem(
            f"kernel modules {', '.join(due)}: found not loaded, with kernel.modules_disabled"
            f" set to 1{by}, which lasts until the next boot; expected loaded{lost}",
            hint,
            any(name in needed for name in due),
            "modules-disabled",
        )
    ]


def refused_problems(facts: ModuleFacts, names: tuple[str, ...], required: bool) -> list[Problem]:
    """What cannot be loaded: kept out by the admin's configuration, or absent."""
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
                f"kernel modules {listed}: found not loaded, cannot tell whether they exist:"
                f" {unknown[0].why}{lost}",
                f"depmod && {AGAIN}",
                required,
                "module-unclear",
            )
        )
    absent = [module.name for module in modules if module.state is State.ABSENT]
    # If only base modules are absent, they explain every failure.
    lost = "".join(_lost(facts, name) for name in absent) or _probe_words(facts) * required
    return problems + absent_problems(facts, absent, lost, required)


def _kept_out(facts: ModuleFacts, module: Module, required: bool) -> Problem:
    where = " and ".join(dict.fromkeys(f"{bar.way} by {bar.where}" for bar in module.bars))
    undo = dict.fromkeys(bar.undo for bar in module.bars)
    reboot = any(bar.reboot for bar in module.bars)
    # A blacklist only stops automatic loading; `modprobe NAME` still works.
    only = all(bar.way is Way.BLACKLISTED for bar in module.bars)
    now = "" if any(bar.way is Way.REFUSED for bar in module.bars) else f"modprobe {module.name}"
    then = f"{now} && {AGAIN}" if only or not reboot else REBOOT
    return Problem(
        f"kernel module {module.name}: found {where}, expected loaded{_lost(facts, module.name)}",
        " && ".join([*undo, then]),
        required,
        "module-kept-out",
    )


def _lost(facts: ModuleFacts, name: str) -> str:
    """What does not work without a module, with the tool's message."""
    mine = [f for f in facts.failures if f.feature.module == name and not f.library]
    if not mine:
        return ""
    families = ", ".join(dict.fromkeys(failure.family for failure in mine))
    return f"; {name} is needed for {mine[0].feature.lost} ({families}: {mine[0].words})"


def library_problems(facts: ModuleFacts) -> list[Problem]:
    """Extension libraries: without them iptables cannot write such rules."""
    mine = [failure for failure in facts.failures if failure.library]
    if not mine:
        return []
    names = ", ".join(dict.fromkeys(failure.feature.name for failure in mine))
    return [
        Problem(
            f"iptables extension libraries for {names}: found none ({mine[0].words}), expected"
            " those of iptables-libs",
            f"dnf reinstall iptables-libs && {AGAIN}",
            code="rules-library",
        )
    ]


def unread_problems(facts: ModuleFacts) -> list[Problem]:
    """What could not be read: nothing is known to be wrong, so kubelet is not held."""
    problems = [
        Problem(
            f"{file}; cannot tell whether it keeps modules from loading",
            f"ls -ld {shlex.quote(file.rpartition(': ')[0])}",
            required=False,
            code="module-unclear",
        )
        for file in facts.unreadable
    ]
    if facts.unknown:
        message = f"cannot tell whether kube-proxy's rules work: {facts.unknown.why}"
        problems.append(Problem(message, facts.unknown.hint, False, "rules-untried"))
    return problems


def unexplained_problem(facts: ModuleFacts) -> Problem:
    """Something does not work, and no module explains it."""
    what = "kube-proxy's rules do not work" if facts.failures else "kube-proxy cannot start"
    return Problem(
        f"{what} although all modules are present{_probe_words(facts)}",
        f"dnf reinstall iptables-nft iptables-libs nftables && {AGAIN}",
        code="rules-failed" if facts.failures else "conntrack-missing",
    )


def _probe_words(facts: ModuleFacts) -> str:
    """What failed, with the tool's message; once for both families, which fail alike."""
    features: dict[str, list[Failure]] = {}
    for failure in facts.failures:
        features.setdefault(failure.feature.name, []).append(failure)
    said = [
        f"{name} ({', '.join(failure.family for failure in failures)}): {failures[0].words}"
        for name, failures in features.items()
    ]
    if not facts.conntrack:
        said.append(f"{CONNTRACK_MAX} is missing, and kube-proxy exits without it")
    return "".join(f"; {part}" for part in said)
