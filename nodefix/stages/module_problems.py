"""Problems of the modules stage: modules that cannot be loaded, and rules that do not work."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable

from nodefix.facts.conntrack import CONNTRACK_MAX
from nodefix.facts.modprobe import Way
from nodefix.facts.modules import Module, ModuleFacts, State
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
        lost = _lost(facts, *(module.name for module in unknown))
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
    lost = _lost(facts, *absent) or _probe_words(facts) * required
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


def _lost(facts: ModuleFacts, *names: str) -> str:
    """What does not work without these modules, with the tool's message; each reason once."""
    said: list[str] = []
    others: dict[str, list[str]] = {}
    for name in names:
        mine = [f for f in facts.failures if f.module == name and not f.library]
        if mine:
            families = ", ".join(dict.fromkeys(failure.family for failure in mine))
            lost, words = mine[0].feature.lost, mine[0].words
            said.append(f"; {name} is needed for {lost} ({families}: {words})")
        elif name in facts.reasons:
            others.setdefault(facts.reasons[name], []).append(name)
        elif need := facts.network.needing(name):
            by = f"{need.plugin}, by {facts.network.file}"
            said.append(f"; needed by {by}: {need.reason} ({need.source})")
    for reason, mine_too in others.items():
        verb = "is" if len(mine_too) == 1 else "are"
        said.append(f"; {', '.join(mine_too)} {verb} needed for {reason}")
    return "".join(dict.fromkeys(said))


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
            any(failure.feature.required for failure in mine),
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
    if facts.network.unclear:
        message = f"{facts.network.unclear}; cannot tell what the network plugin needs"
        problems.append(Problem(message, facts.network.hint, False, "network-plugin-unclear"))
    if facts.unknown:
        message = f"cannot tell whether kube-proxy's rules work: {facts.unknown.why}"
        problems.append(Problem(message, facts.unknown.hint, False, "rules-untried"))
    return problems


def unexplained_problem(facts: ModuleFacts, features: Collection[str] = ()) -> Problem:
    """Something does not work, and no module explains it.

    Args:
        facts: what was read.
        features: the names of those that do not work and that only some services use; empty for
            those that any cluster uses.
    """
    failed = [
        one
        for one in facts.failures
        if (one.feature.name in features if features else one.feature.required)
    ]
    if not failed:
        return Problem(
            f"kube-proxy cannot start although all modules are present{_probe_words(facts)}",
            "ls /proc/sys/net/netfilter; journalctl -k -b -g conntrack -n 20",
            code="conntrack-missing",
        )
    tools = "iptables-nft iptables-libs" if failed[0].feature.table else "nftables libnftnl"
    what = f"rules, needed for {failed[0].feature.lost}," if features else "rules"
    return Problem(
        f"kube-proxy's {what} do not work although all modules are present"
        f"{_probe_words(facts, features)}",
        f"dnf reinstall {tools} && {AGAIN}",
        not features,
        "rules-failed",
    )


def _probe_words(facts: ModuleFacts, names: Collection[str] = ()) -> str:
    """What failed, with the tool's message; once for both families, which fail alike."""
    features: dict[str, list[Failure]] = {}
    for failure in facts.failures:
        if failure.feature.name in names if names else failure.feature.required:
            features.setdefault(failure.feature.name, []).append(failure)
    said = [
        f"{name} ({', '.join(failure.family for failure in failures)}): {failures[0].words}"
        for name, failures in features.items()
    ]
    if not facts.conntrack and not names:
        said.append(f"{CONNTRACK_MAX} is missing, and kube-proxy exits without it")
    return "".join(f"; {part}" for part in said)
