"""This node's kube-proxy on a live node, judged. Only symptoms.yaml is read."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.advice.finding import Advice, Unknown
from nodefix.check import KubeProxyCheck
from nodefix.errors import NodefixError
from nodefix.facts.kubeproxy_log import LastError
from nodefix.facts.kubeproxy_pod import KubeProxyFacts
from nodefix.plan import Problem
from nodefix.symptoms import Text, find, load
from nodefix.text import stamp

NAME = "kube-proxy"

# So many starts in so many seconds are no accident: kubelet's pauses grow up to five minutes.
_OFTEN, _LATELY = 3, 900.0
_RESTART = "nodefix restart-kube-proxy"


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        mode: the setting `kube_proxy`.
        kubelet: the unit that runs kubelet; empty where none does.
        found: what the container runtime has; None where it was not asked.
        error: the last error of the log.
        unread: why the log cannot be read.
        now: seconds since 1970.
    """

    mode: str
    kubelet: str
    found: KubeProxyFacts | None = None
    error: LastError | None = None
    unread: str = ""
    now: float = 0.0


class Judged(NamedTuple):
    """What is told of it."""

    check: KubeProxyCheck | None = None
    problems: tuple[Problem, ...] = ()
    advice: tuple[Advice, ...] = ()
    unknown: tuple[Unknown, ...] = ()


def explain_line(text: str) -> str | None:
    """What an error line of kube-proxy means, in a sentence or two; None where it is not known."""
    try:
        found = find(load(), [Text("", text)])
    except NodefixError:
        # A damaged installation; what it is about is said elsewhere.
        return None
    return found[0].symptom.cause if found else None


def in_process(unit: str) -> bool:
    """Whether a unit runs kube-proxy as a part of itself, so that no container shows it."""
    return unit.startswith("k3s")


def judge(facts: Facts) -> Judged:
    """Whether it runs; on a node whose kubelet does not run there is nothing to expect."""
    if facts.mode == "none" or not facts.kubelet:
        return Judged()
    if in_process(facts.kubelet):
        return Judged(KubeProxyCheck(None, note=f"it is a part of {facts.kubelet}, which runs"))
    found = facts.found
    if found is None or found.containers is None:
        where, hint = (found.where, found.hint) if found else ("", "")
        return Judged(unknown=(Unknown((NAME,), where, hint),))
    if not found.containers and facts.kubelet.startswith("microshift"):
        # OVN-Kubernetes does its work there.
        return Judged()
    if not found.containers:
        return Judged(KubeProxyCheck(None, note="no container of it on this node"), advice=_none())
    return _of_containers(facts, found)


def _of_containers(facts: Facts, found: KubeProxyFacts) -> Judged:
    assert found.containers
    newest = found.containers[0]
    error = facts.error
    check = KubeProxyCheck(
        newest.runs,
        newest.pod,
        stamp(newest.created_at),
        newest.attempt,
        f"{error.time} {error.line}".strip() if error else "",
        (explain_line(error.line) or "") if error else "",
    )
    gap = (Unknown((NAME,), facts.unread),) if facts.unread else ()
    if not newest.runs:
        return Judged(check, (_down(check),), unknown=gap)
    is_new = facts.now - newest.created_at < _LATELY
    often = _often(check) if newest.attempt >= _OFTEN and is_new else ()
    return Judged(check, advice=often, unknown=gap)


def _down(check: KubeProxyCheck) -> Problem:
    said = f"; the last of its log: {check.error}" if check.error else ""
    means = f", that is: {check.explained}" if check.explained else ""
    return Problem(
        f"kube-proxy, pod {check.pod}: found it not running after {check.restarts + 1} starts,"
        f" expected it to run{said}{means}",
        _RESTART,
        code="kube-proxy-down",
    )


def _often(check: KubeProxyCheck) -> tuple[Advice, ...]:
    return (
        Advice(
            "kube-proxy-restarts",
            f"kube-proxy, pod {check.pod}: found it started anew {check.restarts} times, the last"
            f" time at {check.since}, expected it to stay up",
            "While it is down, services that change are not followed on this node.",
            "kubectl -n kube-system logs --previous " + check.pod,
        ),
    )


def _none() -> tuple[Advice, ...]:
    return (
        Advice(
            "kube-proxy-absent",
            "kube-proxy: found no container of it on this node, expected one, or the setting"
            " kube_proxy: none in a cluster without kube-proxy",
            "Without it services do not work on this node, unless the network plugin does its"
            " part.",
            "kubectl -n kube-system get daemonset,pods -l k8s-app=kube-proxy -o wide",
        ),
    )
