"""Restart this node's kube-proxy and wait until it is up; no other node's, and only once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.facts.kubeproxy_pod import EXITED, list_containers
from nodefix.host.node import Host
from nodefix.live.api import Refused
from nodefix.live.sight import Intent, Sight, no_way
from nodefix.plan import Problem

# Seconds. A pod may take 30 to end; a new container is there a moment later.
SECONDS = 90.0
# How long the new container has to run to count as up: one that fails at its start ends at once.
UP_SECONDS = 10.0
_POLL_SECONDS = 1.0
# What crictl is told, and what it may take in all.
_STOP, _STOP_SECONDS = 10, 25.0
_REMOVE_SECONDS = 15.0


class Restart(NamedTuple):
    """What came of it.

    Attributes:
        how: what was done, in words.
        problem: why kube-proxy is not up, or was not restarted; None if it is up.
    """

    how: str
    problem: Problem | None = None


def restart(host: Host, sight: Sight, intent: Intent, pause: Callable[[float], None]) -> Restart:
    """Do it, wait, and say what came of it; never raises a NodefixError.

    Args:
        host: the node.
        sight: what is seen.
        intent: what is to be done.
        pause: what is done between two looks at it, for about so many seconds.
    """
    deadline = Deadline("the restart of kube-proxy", SECONDS)
    old = frozenset(known(sight))
    with host.limit(deadline):
        try:
            how = _do(host, sight, intent)
        except NodefixError as error:
            return Restart("", no_way(sight, error.message))
        wrong = _wait(host, sight, old, deadline, pause)
    return Restart(how, _down(sight, how, wrong) if wrong else None)


def known(sight: Sight) -> tuple[str, ...]:
    """The containers that are seen, by id."""
    if sight.proxy.containers is not None:
        return tuple(one.id for one in sight.proxy.containers)
    return tuple(pod.container for pod in sight.pods or () if pod.container)


def _do(host: Host, sight: Sight, intent: Intent) -> str:
    """By the API server if it lets us, else by the container runtime; gives back what was done.

    Where the answer to a deletion is lost the container that ran is stopped all the same: it is the
    same restart, whichever comes first.
    """
    names = ", ".join(pod.name for pod in intent.pods)
    said = ""
    try:
        if sight.api and intent.pods:
            deleted = [sight.api.delete(pod) for pod in intent.pods]
            return f"deleted pod {names}" if any(deleted) else f"pod {names} was gone already"
        if sight.pods and any(pod.is_ending for pod in sight.pods):
            return "its pod was being deleted already"
    except NodefixError as error:
        if not sight.proxy.containers:
            raise
        lost = "refused" if isinstance(error, Refused) else "of no use"
        said = f", since the API server was {lost} ({error.message})"
    return _by_runtime(host, sight, intent.containers) + said


def _by_runtime(host: Host, sight: Sight, running: tuple[str, ...]) -> str:
    """Stop what runs and take away what has ended: while it is there, kubelet waits before it.

    Sources: cri-tools cmd/crictl/container.go; kubernetes pkg/kubelet/kuberuntime (doBackOff).

    Raises:
        NodefixError: crictl refused to stop it.
    """
    crictl = sight.proxy.crictl
    done = []
    if running:
        words = (*crictl, "stop", "--timeout", str(_STOP), *running)
        result = host.programs.run(*words, timeout=_STOP_SECONDS)
        if result.status:
            raise NodefixError(f"{crictl[0]} cannot stop kube-proxy's container: {result.words}")
        done.append(f"stopped container {running[0][:13]}")
    try:
        ended = [one.id for one in list_containers(host, crictl) if one.state == EXITED]
        if ended:
            words = (*crictl, "rm", "--keep-logs", *ended)
            result = host.programs.run(*words, timeout=_REMOVE_SECONDS)
            done.append("" if result.status else f"removed {len(ended)} that had ended")
    except NodefixError:
        # kubelet then starts it all the same, after a while.
        done.append("")
    return " and ".join(filter(None, done)) or "removed nothing"


def _wait(
    host: Host,
    sight: Sight,
    old: frozenset[str],
    deadline: Deadline,
    pause: Callable[[float], None],
) -> str:
    """Wait until a new container has run for UP_SECONDS; why it has not, empty if it has."""
    current, begun = "", 0.0
    said = f"no new container was seen within {SECONDS:g} s"
    while not deadline.is_over:
        try:
            fresh = [one for one in _running(host, sight) if one not in old]
            now = time.monotonic()
            if not fresh:
                if current:
                    said = f"the new container ended after {now - begun:.0f} s"
                current = ""
            elif current not in fresh:
                current, begun = fresh[0], now
            elif now - begun >= UP_SECONDS:
                return ""
        except NodefixError as error:
            said = said if deadline.is_over else error.message
        pause(_POLL_SECONDS)
    return said


def _running(host: Host, sight: Sight) -> list[str]:
    """The containers that run, by id.

    Raises:
        NodefixError: nobody tells.
    """
    if sight.proxy.containers is not None:
        return [one.id for one in list_containers(host, sight.proxy.crictl) if one.runs]
    if not sight.api:
        return []
    return [pod.container for pod in sight.api.pods() if pod.runs and not pod.is_ending]


def _down(sight: Sight, how: str, wrong: str) -> Problem:
    crictl = sight.proxy.crictl
    hint = "journalctl -u kubelet -b -n 30"
    if crictl:
        asked = " ".join(crictl)
        hint = f'{asked} logs --tail 30 "$({asked} ps -a -q --name kube-proxy | head -n 1)"'
    return Problem(
        f"kube-proxy was restarted ({how}) and is not up: {wrong}, expected one that runs for"
        f" {UP_SECONDS:g} s",
        hint,
        False,
        "kube-proxy-down",
    )
