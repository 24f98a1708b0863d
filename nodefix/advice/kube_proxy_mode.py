"""kube-proxy runs in another mode than the setting `kube_proxy` says; not with `auto`."""

from __future__ import annotations

from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.errors import UnclearError
from nodefix.facts.proxy_mode import DEFAULT, find_mode
from nodefix.facts.proxy_sign import Sign
from nodefix.facts.proxy_traces import seen_in_kernel
from nodefix.host.node import Host
from nodefix.words import AUTO

NAME = "kube_proxy_mode"

_DROP_IN = "/etc/nodefix/nodefix.yaml.d/50-kube-proxy.yaml"


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        setting: the setting `kube_proxy`.
        sign: what tells the mode; None where nothing does, or nobody asks.
    """

    setting: str
    sign: Sign | None = None


def read(host: Host, config: Config) -> Facts:
    """What kube-proxy does goes before what it is told, as a setting may be a step ahead.

    Raises:
        CommandError, UnclearError: the kernel, or what would have told it, cannot be read.
    """
    if config.kube_proxy == AUTO:
        return Facts(AUTO)
    if seen := seen_in_kernel(host):
        return Facts(config.kube_proxy, seen)
    found = find_mode(host)
    for gap in found.doubts:
        raise UnclearError(gap.message, gap.hint)
    return Facts(config.kube_proxy, None if found.sign is DEFAULT else found.sign)


def judge(facts: Facts) -> tuple[Advice, ...]:
    """The setting decides which rules are tried and which modules are loaded."""
    sign = facts.sign
    if sign is None or sign.mode == facts.setting:
        return ()
    return (
        Advice(
            "kube-proxy-mode",
            f"kube-proxy: found it in the mode {sign.mode}, by {sign.origin}, expected"
            f" {facts.setting}, which is the setting kube_proxy",
            "nodefix tries the rules and loads the modules of the wrong mode, so that a node may"
            " be called ready that is not.",
            f"echo 'kube_proxy: {AUTO}' >{_DROP_IN} && systemctl restart nodefix",
        ),
    )
