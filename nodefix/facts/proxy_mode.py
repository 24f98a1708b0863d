"""kube-proxy's mode, from what the node has. Nothing here uses a network.

A run prepares the node for the next start of kube-proxy, so the signs count in this order:

1. What that start will be told, as far as it stands on this node: the settings and the units of k3s
   and rke2, where an admin may have changed something since the last start.
2. What the last start was told: the manifest of a static pod (rke2 writes it anew at each start, so
   it also has what came from elsewhere), kubelet's copy of the ConfigMap of kubeadm and k0s.
3. A k0s controller's k0s.yaml: only the origin of that ConfigMap, and not even that under k0s'
   dynamic configuration.
4. What kube-proxy has done in this boot, as the kernel shows it. It is asked only beside a kubelet
   that is up: before the first start there is nothing to see, and asking costs programs.
5. What was seen so in an earlier boot: the file that nodefix keeps.
6. What a distribution does without a word about it: MicroShift's own network needs no kube-proxy.

Without any of them it is `iptables`, kube-proxy's own default.

The first of them that can be read counts. Others that say something else are told, and change
nothing: what both modes need cannot be asked for, since a node that lacks the modules of the mode
that is not used would be held for nothing. A sign that cannot be read is not a no: it is told, and
where it would have counted before the one that does, the mode is doubtful.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from nodefix.errors import BusError, NodefixError
from nodefix.facts.proxy_distributions import said_by_k0s, said_by_microshift
from nodefix.facts.proxy_learned import learned
from nodefix.facts.proxy_pods import said_by_config_map, said_by_static_pod
from nodefix.facts.proxy_rancher import said_by_rancher
from nodefix.facts.proxy_sign import Sign
from nodefix.facts.proxy_traces import seen_in_kernel
from nodefix.words import IPTABLES, KUBELET_UNITS

if TYPE_CHECKING:
    from nodefix.host.node import Host

_Look = Callable[["Host"], Sign | None]

_TOLD: tuple[_Look, ...] = (said_by_rancher, said_by_static_pod, said_by_config_map, said_by_k0s)
DEFAULT = Sign(IPTABLES, "kube-proxy's own default, as nothing on this node tells it")


class Unread(NamedTuple):
    """A sign that could not be read: why, and the command that shows or mends it."""

    message: str
    hint: str


class Found(NamedTuple):
    """kube-proxy's mode.

    Attributes:
        sign: the one that counts.
        others: those that say something else and count less.
        doubts: signs that could not be read and would have counted more.
        unread: the other signs that could not be read.
        seen: whether the sign that counts is what the kernel shows, which it forgets.
    """

    sign: Sign
    others: tuple[Sign, ...] = ()
    doubts: tuple[Unread, ...] = ()
    unread: tuple[Unread, ...] = ()
    seen: bool = False

    @property
    def in_words(self) -> str:
        """The mode and its origin, for people."""
        others = "".join(
            f"; {other.origin} says {other.mode}, which counts less" for other in self.others
        )
        return f"{self.sign.mode}, from {self.sign.origin}{others}"


def find_mode(host: Host) -> Found:
    """Look for kube-proxy's mode, as nodefix/facts/proxy_mode.py says; never raises."""
    signs: list[Sign] = []
    doubts: list[Unread] = []
    unread: list[Unread] = []
    seen: Sign | None = None

    def look(*looks: _Look) -> Sign | None:
        last = None
        for one in looks:
            try:
                last = one(host)
            except NodefixError as error:
                gap = Unread(error.message, error.hint)
                # What nodefix itself keeps is no more than a memory: that it is lost is only told.
                (unread if signs or one is learned else doubts).append(gap)
                last = None
            if last:
                signs.append(last)
        return last

    look(*_TOLD)
    if not signs and _kubelet_is_up(host):
        seen = look(seen_in_kernel)
    look(learned, said_by_microshift)
    first, *rest = signs or [DEFAULT]
    others = tuple(sign for sign in rest if sign.mode != first.mode)
    return Found(first, others, tuple(doubts), tuple(unread), first is seen)


def _kubelet_is_up(host: Host) -> bool:
    try:
        return bool(host.systemd.active_units(KUBELET_UNITS))
    except BusError:
        return False
