"""The restart that a run has found due: it waits and is done while others may have the run lock.

A node changes meanwhile, so all is looked at again before it is done, and one alone does it.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.facts.kubeproxy_pod import KubeProxyFacts, read_kube_proxy
from nodefix.host.lock import restart_lock
from nodefix.host.node import Host
from nodefix.live import kept
from nodefix.live.kept import Kept
from nodefix.live.restart import SECONDS, UP_SECONDS, known, restart
from nodefix.live.sight import look, plan
from nodefix.plan import Done, Problem
from nodefix.report import StageReport
from nodefix.settings import LONGEST_SPREAD
from nodefix.words import CHANGED, DEGRADED, KUBE_PROXY, SKIPPED, WANTED

# Seconds between two looks at what others do to the node meanwhile.
_STEP_SECONDS = 1.0


class Meanwhile(NamedTuple):
    """What goes on while the run lock is let go.

    Attributes:
        say: takes a line about what begins.
        pause: sleeps for about so many seconds, and mends what has to be mended at once.
        why_not: why kube-proxy must not be restarted any more, in words; empty if it may be.
    """

    say: Callable[[str], None]
    pause: Callable[[float], None]
    why_not: Callable[[], str]


class Later(NamedTuple):
    """A restart that is due.

    Attributes:
        host: the node.
        need: why, and the containers that were there when it became due.
        spread: seconds, of which it waits a random part.
        is_kept: whether the need is written down, so that it is seen if another has met it.
        meanwhile: what goes on meanwhile.
    """

    host: Host
    need: Kept
    spread: int
    is_kept: bool
    meanwhile: Meanwhile


def restart_later(later: Later) -> StageReport | None:
    """Wait as long as the setting and chance want it, look again, and restart it.

    The restart stays due if this is ended meanwhile. Where another one is going on it is waited for
    as long as the longest spread has room for.

    Returns:
        What came of it, as a stage tells it; None where it is not due any more.
    """
    host, need, meanwhile = later.host, later.need, later.meanwhile
    left = LONGEST_SPREAD - _wait(later)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(restart_lock(host.root, left, meanwhile.pause))
        except NodefixError as error:
            words = f"kube-proxy was not restarted: {error.message}; {need.reason}"
            return degraded(Problem(words, error.hint, False, "kube-proxy-not-restarted"))
        except OSError:
            # No file can be made there: the restart itself is worth more.
            pass
        return _restart(later)


def _wait(later: Later) -> float:
    """Wait; how long that was, in seconds."""
    if not later.spread:
        return 0.0
    seconds = random.uniform(0, later.spread)
    later.meanwhile.say(
        f"{KUBE_PROXY}: restart in {seconds:.0f} s, by `kube_proxy_restart_spread: {later.spread}`"
    )
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        later.meanwhile.pause(min(_STEP_SECONDS, left))
    return seconds


def _restart(later: Later) -> StageReport | None:
    host, need, meanwhile = later.host, later.need, later.meanwhile
    if why := meanwhile.why_not():
        return skipped(f"{need.reason}; not restarted: {why}")
    proxy = read_kube_proxy(host)
    if _is_met(later, proxy):
        meanwhile.say(f"{KUBE_PROXY}: not restarted, since it was started anew meanwhile")
        kept.forget(host.root, need)
        return None
    sight = look(host, proxy)
    intent = plan(sight)
    if intent is None:
        kept.forget(host.root, need)
        return None
    if not need.containers:
        # Now the API server was asked.
        need = need._replace(containers=known(sight))
        kept.keep(host.root, *need)
    if isinstance(intent, Problem):
        return degraded(intent._replace(message=f"{intent.message}; {need.reason}"))
    meanwhile.say(f"{KUBE_PROXY}: restart, for at most {SECONDS:g} s: {need.reason}")
    done = restart(host, sight, intent, meanwhile.pause)
    if done.problem:
        return degraded(done.problem._replace(message=f"{done.problem.message}; {need.reason}"))
    kept.forget(host.root, need)
    return restarted(need.reason, done.how)


def _is_met(later: Later, proxy: KubeProxyFacts) -> bool:
    """Whether somebody else has restarted it since."""
    if later.is_kept and kept.is_gone(later.host.root):
        return True
    return kept.is_another(proxy, later.need.containers)


def restarted(reason: str, how: str) -> StageReport:
    """It was restarted and is up.

    Args:
        reason: why.
        how: what was done.
    """
    change = Done(KUBE_PROXY, reason, f"restarted ({how}), up for {UP_SECONDS:g} s")
    return StageReport(KUBE_PROXY, WANTED, CHANGED, (change,))


def skipped(why: str) -> StageReport:
    """It was not restarted, and stays due."""
    return StageReport(KUBE_PROXY, WANTED, SKIPPED, notes=(why,))


def degraded(problem: Problem) -> StageReport:
    """It could not be restarted, or is not up."""
    return StageReport(KUBE_PROXY, WANTED, DEGRADED, problems=(problem,))
