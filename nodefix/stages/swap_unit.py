"""Units that bring swap at boot: a generator's is masked by its name, an admin's is disabled."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from nodefix.errors import BusError, NodefixError
from nodefix.facts.swap import ComingSwap
from nodefix.facts.unit_links import ADMINS_UNITS
from nodefix.host.node import Host
from nodefix.plan import Change, Undo
from nodefix.shape import Json

_NOWHERE = "/dev/null"
# zram-generator makes units for what a file of the image names.
_ZRAM = "dev-zram"


class KeepOut(NamedTuple):
    """Keep a unit from bringing swap at the next boot."""

    swap: ComingSwap


def keep_out(swap: ComingSwap) -> Change:
    """The change that keeps a unit out."""
    return Change(
        target=f"unit {swap.unit}",
        found=f"swap at each boot by {swap.origin}{_passing(swap)}",
        wanted="disabled" if swap.admins else "masked",
        hint=_otherwise(swap),
        action=KeepOut(swap),
        undo=_undo(swap),
        code="swap-unit",
        carried=_carried(swap),
    )


def _passing(swap: ComingSwap) -> str:
    """That a mask holds for a while only, and what lasts: nodefix writes no partition table."""
    if not swap.lasting_end:
        return ""
    return (
        ", under a name that changes with the order of disks, when it comes back and is turned off"
        f" again; what keeps it away: {swap.lasting_end}"
    )


def _otherwise(swap: ComingSwap) -> str:
    """Another way than the one over the bus, for where that did not help."""
    if swap.argument:
        return f"grubby --update-kernel=ALL --remove-args={shlex.quote(swap.argument)}"
    if swap.lasting_end:
        return swap.lasting_end
    if swap.admins:
        # `disable` does nothing about a unit that another one asks for.
        return f"mv {shlex.quote(swap.admins)} /root/ && systemctl daemon-reload"
    return f"systemctl --root=/ mask {shlex.quote(swap.unit)} && systemctl daemon-reload"


def _carried(swap: ComingSwap) -> str:
    """What an image does about it; a unit of a partition is of this machine alone."""
    if swap.admins:
        return f"systemctl disable {shlex.quote(swap.unit)}"
    return f"systemctl mask {shlex.quote(swap.unit)}" if swap.unit.startswith(_ZRAM) else ""


def _undo(swap: ComingSwap) -> Undo:
    """What is at each path before and afterwards: a link, a folder, or nothing."""
    was: dict[str, Json] = {}
    for folder in swap.links.folders:
        was[folder.path] = {"folder": f"{folder.mode:04o}", "owner": list(folder.owner)}
    for link in swap.links.links:
        was[link.path] = {"link": link.target, "owner": list(link.owner)}
    if swap.admins:
        return Undo("unit-disabled", was, dict.fromkeys(was))
    mask = f"{ADMINS_UNITS}/{swap.unit}"
    return Undo("unit-masked", {mask: None, **was}, {mask: {"link": _NOWHERE}})


def keep_unit_out(swap: ComingSwap, host: Host) -> None:
    """Mask or disable a unit.

    Raises:
        NodefixError: systemd refuses, or does not reload.
    """
    if swap.admins:
        host.systemd.disable_unit(swap.unit)
    else:
        host.systemd.mask_unit(swap.unit)
    try:
        host.systemd.reload()
    except BusError as error:
        done = "disabled" if swap.admins else "masked"
        raise NodefixError(
            f"{swap.unit} is {done}, but systemd has not reloaded its units: {error.message}",
            "systemctl daemon-reload",
        ) from error
