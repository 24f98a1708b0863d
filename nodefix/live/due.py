"""Whether this node's kube-proxy has to be restarted, and why.

A kube-proxy that runs finds out by itself that chains were remade (kubernetes pkg/util/iptables,
Monitor). It tries each address family once, at its start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodefix.facts.kubeproxy_pod import EXITED, ContainerFacts
from nodefix.report import StageReport
from nodefix.stages.modules import TARGET
from nodefix.words import FAILED

# What kube-proxy does not run without.
_NEEDED = ("modules", "alternatives", "chains", "lockfile")


def what_changed(before: Mapping[str, StageReport], now: Mapping[str, StageReport]) -> str:
    """What a run changed that kube-proxy must see, in words; empty if nothing.

    Args:
        before: the stages as an earlier run of this boot left them.
        now: those that were run.
    """
    reasons = []
    if "modules" in now:
        # Not the sysctls that it may have set, too.
        targets = [change.target for change in now["modules"].changes]
        loaded = [name.removeprefix(TARGET) for name in targets if name.startswith(TARGET)]
        if loaded:
            reasons.append(f"kernel modules were loaded ({', '.join(loaded)})")
        if _is_mended(before.get("modules"), now["modules"]):
            reasons.append("rules such as kube-proxy's work now, which did not before")
    if "alternatives" in now and now["alternatives"].changes:
        reasons.append("the iptables alternatives were changed")
    return "; ".join(reasons)


def what_hinders(now: Mapping[str, StageReport]) -> str:
    """The stage that kube-proxy needs and that has failed; empty if there is none."""
    return next((name for name in _NEEDED if name in now and now[name].outcome == FAILED), "")


def is_down(containers: Sequence[ContainerFacts]) -> bool:
    """Whether the newest container has ended: kubelet is to start it again, maybe after a while."""
    return bool(containers) and containers[0].state == EXITED


def _is_mended(before: StageReport | None, now: StageReport) -> bool:
    if before is None or now.problems:
        return False
    return any(problem.required for problem in before.problems)
