"""After a run beside a kubelet that is up: restart kube-proxy if it has to see what was changed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from nodefix.config import Config
from nodefix.facts.kubeproxy_pod import PROGRAMS, KubeProxyFacts, read_kube_proxy
from nodefix.facts.node_name import KUBECONFIG
from nodefix.host.node import Host
from nodefix.live import kept
from nodefix.live.due import is_down, what_changed, what_hinders
from nodefix.live.restart import SECONDS, UP_SECONDS, known, restart
from nodefix.live.sight import Sight, look, plan
from nodefix.plan import Done, Problem
from nodefix.report import StageReport
from nodefix.words import CHANGED, DEGRADED, KUBE_PROXY, KUBELET, SKIPPED, WANTED

_AGAIN = "nodefix restart-kube-proxy"
_DOWN = "kube-proxy's container is not running"


def after_run(
    host: Host,
    config: Config,
    units: Sequence[str],
    before: Mapping[str, StageReport],
    now: Mapping[str, StageReport],
    say: Callable[[str], None],
) -> StageReport | None:
    """Do what is due, and tell it as a stage does; never raises.

    Args:
        host: the node.
        config: the settings.
        units: those with a kubelet that are up.
        before: the stages as an earlier run of this boot left them.
        now: those that were run.
        say: takes a line about what begins.

    Returns:
        None where nothing was due.
    """
    begun = time.monotonic()
    try:
        report = _after_run(host, config, units, what_changed(before, now), now, say)
    except Exception as error:  # the run itself is done, and must be told
        said = f"kube-proxy was not restarted: {type(error).__name__}: {error}"
        report = _degraded(Problem(said, _AGAIN, False, "kube-proxy-not-restarted"))
    usec = round((time.monotonic() - begun) * 1_000_000)
    return report and report._replace(duration_usec=usec).bounded()


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
    say: Callable[[str], None],
) -> StageReport | None:
    if config.kube_proxy == "none":
        return None
    if unit := part_of(units):
        return _embedded(host, unit, changed)
    if not _has_joined(host, units):
        return None
    proxy = read_kube_proxy(host)
    reason = changed or _left_over(host, proxy)
    if not reason and is_down(proxy.containers or ()):
        reason = _DOWN
    if not reason:
        return None
    if config.kube_proxy_restart != "never" and not what_hinders(now):
        later = _after_a_while(host, config, reason, proxy, say)
        if later is None:
            return None
        proxy = later
    sight = look(host, proxy)
    intent = plan(sight)
    if intent is None:
        kept.forget(host.root)
        return None
    kept.keep(host.root, reason, known(sight))
    if config.kube_proxy_restart == "never":
        return _skipped(f"{reason}; the setting `kube_proxy_restart: never`; to do it: {_AGAIN}")
    if hinders := what_hinders(now):
        return _skipped(f"{reason}; restarted as soon as stage {hinders} has not failed")
    if isinstance(intent, Problem):
        return _degraded(intent._replace(message=f"{intent.message}; {reason}"))
    say(f"{KUBE_PROXY}: restart, for at most {SECONDS:g} s: {reason}")
    done = restart(host, sight, intent)
    if done.problem:
        return _degraded(done.problem._replace(message=f"{done.problem.message}; {reason}"))
    kept.forget(host.root)
    change = Done(KUBE_PROXY, reason, f"restarted ({done.how}), up for {UP_SECONDS:g} s")
    return StageReport(KUBE_PROXY, WANTED, CHANGED, (change,))


def _after_a_while(
    host: Host, config: Config, reason: str, proxy: KubeProxyFacts, say: Callable[[str], None]
) -> KubeProxyFacts | None:
    """Wait as long as the setting and chance want it, before anything is asked of the API server.

    The restart stays due if the run is ended meanwhile.

    Returns:
        kube-proxy as it is then; None where somebody else has restarted it.
    """
    spread = config.kube_proxy_restart_spread
    if not spread or proxy.containers == ():
        return proxy
    before = known(Sight(proxy))
    kept.keep(host.root, reason, before)
    seconds = random.uniform(0, spread)
    say(f"{KUBE_PROXY}: restart in {seconds:.0f} s, by `kube_proxy_restart_spread: {spread}`")
    time.sleep(seconds)
    proxy = read_kube_proxy(host)
    if not _is_another(proxy, before):
        return proxy
    say(f"{KUBE_PROXY}: not restarted, since it was started anew meanwhile")
    kept.forget(host.root)
    return None


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
    return _degraded(problem._replace(hint=f"{problem.hint} && systemctl restart nodefix"))


def _has_joined(host: Host, units: Sequence[str]) -> bool:
    """Whether there is a sign of a cluster: kubelet's credentials, its runtime's tool, its unit.

    Without any of them no kube-proxy is known here, and nothing could restart it.
    """
    signs = (KUBECONFIG, *PROGRAMS)
    return any(unit != KUBELET for unit in units) or any(host.path(s).exists() for s in signs)


def _left_over(host: Host, proxy: KubeProxyFacts) -> str:
    """Why an earlier run wanted a restart that has not come about; empty if it has."""
    due = kept.recall(host.root)
    if _is_another(proxy, due.containers):
        kept.forget(host.root)
        return ""
    return due.reason


def _is_another(proxy: KubeProxyFacts, before: Sequence[str]) -> bool:
    """Whether a container runs that is none of those before, where these are known."""
    running = {one.id for one in proxy.containers or () if one.runs}
    return bool(before) and bool(running - set(before))


def _skipped(why: str) -> StageReport:
    return StageReport(KUBE_PROXY, WANTED, SKIPPED, notes=(why,))


def _degraded(problem: Problem) -> StageReport:
    return StageReport(KUBE_PROXY, WANTED, DEGRADED, problems=(problem,))
