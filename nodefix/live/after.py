"""After a run beside a kubelet that is up: whether kube-proxy has to see what was changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from nodefix.config import Config
from nodefix.facts.kubeproxy_pod import PROGRAMS, KubeProxyFacts, read_kube_proxy
from nodefix.facts.node_name import KUBECONFIG
from nodefix.host.node import Host
from nodefix.live import kept
from nodefix.live.due import is_down, what_changed, what_hinders
from nodefix.live.kept import Kept
from nodefix.live.later import Later, Meanwhile, degraded, restart_later, skipped
from nodefix.live.restart import known
from nodefix.live.sight import Sight, look, plan
from nodefix.plan import Problem
from nodefix.report import Due, StageReport
from nodefix.words import KUBE_PROXY, KUBELET, NOT_RUN, WANTED

_Came = TypeVar("_Came")

_AGAIN = "nodefix restart-kube-proxy"
_DOWN = "kube-proxy's container is not running"


def after_run(
    host: Host,
    config: Config,
    units: Sequence[str],
    before: Mapping[str, StageReport],
    now: Mapping[str, StageReport],
    meanwhile: Meanwhile,
) -> StageReport | Due | None:
    """Find out what is due, under the run lock; never raises.

    Args:
        host: the node.
        config: the settings.
        units: those with a kubelet that are up.
        before: the stages as an earlier run of this boot left them.
        now: those that were run.
        meanwhile: what goes on while the run lock is let go.

    Returns:
        What came of it, as a stage tells it; or what is due once the run lock is let go; None
        where nothing is.
    """
    changed = what_changed(before, now)
    due = _guarded(lambda: _after_run(host, config, units, changed, now, meanwhile))
    return due if isinstance(due, Due) else due and due.bounded()


def told(work: Callable[[], StageReport | None]) -> StageReport | None:
    """What came of a restart, and how long it took; never raises."""
    begun = time.monotonic()
    report = _guarded(work)
    usec = round((time.monotonic() - begun) * 1_000_000)
    return report and report._replace(duration_usec=usec).bounded()


def _guarded(work: Callable[[], _Came]) -> _Came | StageReport:
    try:
        return work()
    except Exception as error:  # the run itself is done, and must be told
        said = f"kube-proxy was not restarted: {type(error).__name__}: {error}"
        return degraded(Problem(said, _AGAIN, False, "kube-proxy-not-restarted"))


def part_of(units: Sequence[str]) -> str:
    """The unit that kube-proxy is a part of; empty if it has a container of its own."""
    return next((unit for unit in units if unit.startswith("k3s")), "")


def within(unit: str, changed: str = "") -> Problem:
    """kube-proxy is a part of a unit that only an admin restarts."""
    why = f": {changed}" if changed else ""
    return Problem(
        f"kube-proxy is a part of {unit}, which nodefix does not restart{why}",
        f"systemctl restart {unit}",
        False,
        "kube-proxy-not-restarted",
    )


def _after_run(
    host: Host,
    config: Config,
    units: Sequence[str],
    changed: str,
    now: Mapping[str, StageReport],
    meanwhile: Meanwhile,
) -> StageReport | Due | None:
    if config.kube_proxy == "none":
        return None
    if unit := part_of(units):
        return _embedded(host, unit, changed)
    if not _has_joined(host, units):
        return None
    proxy = read_kube_proxy(host)
    left = Kept() if changed else _left_over(host, proxy)
    reason = changed or left.reason
    if not reason and is_down(proxy.containers or ()):
        reason = _DOWN
    if not reason:
        return None
    hinders = what_hinders(now)
    is_left = config.kube_proxy_restart == "never" or bool(hinders)
    known_now = known(Sight(proxy))
    if is_left or proxy.containers == ():
        # Nobody waits for that, so the API server can be asked at once.
        sight = look(host, proxy)
        if plan(sight) is None:
            kept.forget(host.root)
            return None
        known_now = known(sight)
    need = left if left.reason and not is_left else Kept(reason, known_now)
    is_kept = need == left or kept.keep(host.root, *need)
    if config.kube_proxy_restart == "never":
        return skipped(f"{reason}; the setting `kube_proxy_restart: never`; to do it: {_AGAIN}")
    if hinders:
        return skipped(f"{reason}; restarted as soon as stage {hinders} has not failed")
    spread = 0 if proxy.containers == () else config.kube_proxy_restart_spread
    waiting = StageReport(KUBE_PROXY, WANTED, NOT_RUN, notes=(f"restart due: {reason}",))
    later = Later(host, need, spread, is_kept, meanwhile)
    return Due(waiting, lambda: told(lambda: restart_later(later)))


def _embedded(host: Host, unit: str, changed: str) -> StageReport | None:
    """What only a restart of the unit ends, so that a later run does not call the node ready."""
    due = kept.recall(host.root)
    if not (changed or due.reason):
        return None
    mark = f"{unit}, before it ended after {host.systemd.service_state(unit).up_until}"
    if not changed and due.containers != (mark,):
        kept.forget(host.root)
        return None
    reason = changed or due.reason
    kept.keep(host.root, reason, (mark,))
    problem = within(unit, reason)
    # The second takes this line back.
    return degraded(problem._replace(hint=f"{problem.hint} && systemctl restart nodefix"))


def _has_joined(host: Host, units: Sequence[str]) -> bool:
    """Whether there is a sign of a cluster: kubelet's credentials, its runtime's tool, its unit.

    Without any of them no kube-proxy is known here, and nothing could restart it.
    """
    signs = (KUBECONFIG, *PROGRAMS)
    return any(unit != KUBELET for unit in units) or any(host.path(s).exists() for s in signs)


def _left_over(host: Host, proxy: KubeProxyFacts) -> Kept:
    """A restart that an earlier run found due and that has not come about; empty if it has."""
    due = kept.recall(host.root)
    if kept.is_another(proxy, due.containers):
        kept.forget(host.root)
        return Kept()
    return due
