"""kubelet's unit: masked, missing, or without the line that waits for nodefix.

Source: systemd.unit(5): drop-ins of the same name in /etc take the place of those in /usr/lib, and
an empty assignment resets a list.
"""

from __future__ import annotations

from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host
from nodefix.host.units import UnitInfo
from nodefix.words import EMBEDDED_KUBELETS, KUBELET

NAME = "kubelet_unit"

_WAIT = ("/usr/bin/nodefix", "wait")
_DROP_IN = "20-nodefix.conf"
_FOLDERS = tuple(f"{place}/{KUBELET}.d" for place in ("/etc/systemd/system", "/run/systemd/system"))
_LAST = f"{_FOLDERS[0]}/zz-nodefix.conf"
_WHY = (
    "kubelet starts whether the node is ready for it or not, and what nodefix finds wrong neither"
    " holds it nor stands in its journal."
)


class Facts(NamedTuple):
    """kubelet's unit.

    Attributes:
        unit: as systemd has it.
        embedded: units of distributions with a kubelet of their own that are installed.
        override: what stands in the place of nodefix's drop-in; empty if nothing does.
    """

    unit: UnitInfo
    embedded: tuple[str, ...] = ()
    override: str = ""


def read(host: Host, config: Config) -> Facts:
    """Ask systemd, and see what stands in the drop-in's place."""
    unit = host.systemd.unit_info(KUBELET)
    embedded = host.systemd.loaded_units(EMBEDDED_KUBELETS)
    places = [f"{folder}/{_DROP_IN}" for folder in _FOLDERS]
    # A link to /dev/null is what masks it.
    there = (
        place for place in places if host.path(place).is_symlink() or host.path(place).exists()
    )
    return Facts(unit, embedded, next(there, ""))


def judge(facts: Facts) -> tuple[Advice, ...]:
    """kubelet has to be there, and to wait for nodefix."""
    unit = facts.unit
    if unit.load == "masked":
        runtime = " --runtime" if unit.file_state == "masked-runtime" else ""
        return (
            Advice(
                "kubelet-masked",
                f"{KUBELET}: found masked, expected enabled",
                "kubelet cannot start, so that this is no node of the cluster.",
                f"systemctl unmask{runtime} {KUBELET} && systemctl enable --now {KUBELET}",
            ),
        )
    if unit.load == "not-found":
        return () if facts.embedded else (_missing(),)
    if unit.load != "loaded":
        return (
            Advice(
                "kubelet-unit-broken",
                f"{KUBELET}: found that systemd cannot load it ({unit.load}), expected it loaded",
                "kubelet cannot start, so that this is no node of the cluster.",
                f"systemd-analyze verify {KUBELET}",
            ),
        )
    return () if _WAIT in unit.before else (_without_wait(facts),)


def _missing() -> Advice:
    return Advice(
        "kubelet-missing",
        f"{KUBELET}: found no such unit, nor one of a distribution with a kubelet of its own,"
        " expected kubelet to be installed",
        "Without kubelet this is no node of a cluster.",
        "dnf install kubelet --disableexcludes=all",
    )


def _without_wait(facts: Facts) -> Advice:
    names = [path.rpartition("/")[2] for path in facts.unit.drop_ins]
    expected = f"expected `{' '.join(_WAIT)}` among what it runs before kubelet"
    if facts.override:
        found = f"{KUBELET}: found {facts.override} in the place of nodefix's drop-in, {expected}"
        hint = f"rm {facts.override} && systemctl daemon-reload"
    elif _DROP_IN in names:
        later = [path for path in facts.unit.drop_ins if path.rpartition("/")[2] > _DROP_IN]
        by = f" by {' or '.join(later)}" if later else ""
        found = f"{KUBELET}: found nodefix's ExecStartPre= reset{by}, {expected}"
        line = rf"'[Service]\nExecStartPre={' '.join(_WAIT)}\n'"
        hint = f"mkdir -p {_FOLDERS[0]} && printf {line} >{_LAST} && systemctl daemon-reload"
    else:
        found = f"{KUBELET}: found no drop-in {_DROP_IN}, {expected}"
        hint = "dnf reinstall nodefix && systemctl daemon-reload"
    return Advice("kubelet-does-not-wait", found, _WHY, hint)
