"""What is seen of this node's kube-proxy, and what restarting it comes to. Nothing is changed."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.facts.kubeproxy_pod import KubeProxyFacts, read_kube_proxy
from nodefix.facts.node_name import read_node_name
from nodefix.host.node import Host
from nodefix.live.api import Api, Pod, reach
from nodefix.plan import Problem

_SELF = "nodefix restart-kube-proxy"


class Sight(NamedTuple):
    """What is seen.

    Attributes:
        proxy: kube-proxy as the container runtime has it.
        api: the way to the API server; None where there is none.
        pods: kube-proxy's of this node; None where the API server cannot be asked.
        node: this node's name; empty where it is not known.
        why_no_api: why it cannot be asked.
    """

    proxy: KubeProxyFacts
    api: Api | None = None
    pods: tuple[Pod, ...] | None = None
    node: str = ""
    why_no_api: str = ""


class Intent(NamedTuple):
    """What is to be done.

    Attributes:
        pods: to be deleted through the API server.
        containers: that run, to be stopped where the API server cannot be used.
        words: the same for people.
    """

    pods: tuple[Pod, ...]
    containers: tuple[str, ...]
    words: str


def look(host: Host, proxy: KubeProxyFacts | None = None) -> Sight:
    """Ask the container runtime, unless that was done, and the API server where there is a way."""
    proxy = proxy or read_kube_proxy(host)
    node = read_node_name(host)
    try:
        api = reach(host, node)
    except NodefixError as error:
        return Sight(proxy, node=node.name, why_no_api=error.message)
    try:
        return Sight(proxy, api, api.pods(), node.name)
    except NodefixError as error:
        return Sight(proxy, api, None, node.name, error.message)


def plan(sight: Sight, *, dry_run: bool = False) -> Intent | Problem | None:
    """What to do; a problem where nothing can be done, None where the node has no kube-proxy.

    Args:
        sight: what is seen.
        dry_run: whether the problem's remedy must restart nothing.
    """
    containers = sight.proxy.containers
    running = tuple(one.id for one in containers or () if one.runs)
    pods = tuple(pod for pod in sight.pods or () if not pod.is_mirror)
    if pods:
        due = tuple(pod for pod in pods if not pod.is_ending)
        names = ", ".join(pod.name for pod in pods)
        words = f"delete pod {names}" if due else f"wait for the end of pod {names}"
        return Intent(due, running, words)
    if containers:
        words = f"stop container {running[0][:13]}" if running else "remove its ended containers"
        return Intent((), running, words)
    if containers is None and (sight.pods is None or sight.pods):
        return no_way(sight, dry_run=dry_run)
    return None


def no_way(sight: Sight, said: str = "", *, dry_run: bool = False) -> Problem:
    """kube-proxy cannot be restarted from here; what to type instead."""
    reasons = "; ".join(filter(None, (said or sight.why_no_api, sight.proxy.where)))
    return Problem(
        f"kube-proxy was not restarted: {reasons}",
        by_hand(sight, dry_run=dry_run),
        False,
        "kube-proxy-not-restarted",
    )


def by_hand(sight: Sight, *, dry_run: bool = False) -> str:
    """What an admin types: here, or where kubectl has an admin's kubeconfig."""
    if not sight.proxy.crictl and sight.proxy.hint.startswith("dnf install"):
        return f"{sight.proxy.hint} && {_SELF}{' --dry-run' if dry_run else ''}"
    pods = "pods -l k8s-app=kube-proxy"
    if sight.node and not dry_run:
        return f"kubectl -n kube-system delete {pods} --field-selector spec.nodeName={sight.node}"
    return f"kubectl -n kube-system get {pods} -o wide"
