"""Which kubelet unit it is about: the one that runs this process, or those of this node.

Everything here is read from files, so that it is known without a bus, too.
"""

from __future__ import annotations

import os
from pathlib import Path

from nodefix.host.reading import read_file
from nodefix.words import HELD_WITHIN_A_START, KUBELET, KUBELET_UNITS, UNIT_FOLDERS

_CGROUP = "proc/self/cgroup"
# systemd.exec(5): the process that systemd itself has started, and none that it starts.
_STARTED = "SYSTEMD_EXEC_PID"
_SUFFIX = ".service"


def started_by_systemd() -> bool:
    """Whether systemd itself has started this process, as the main one or a command of a unit."""
    return os.environ.get(_STARTED) == str(os.getpid())


def holder(root: str) -> str:
    """The unit that runs this process before its start; empty for one that somebody typed.

    A unit of another name counts if systemd runs this process itself: k3s can be installed under
    any name. One that does not is the shell's of whoever typed it, getty's for example.

    Args:
        root: the node's root, with a slash at its end.
    """
    try:
        lines = read_file(root + _CGROUP).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    # cgroups(7): number:controllers:path. Commands of a unit with Delegate= run in a group below.
    parts = [part for line in lines for part in line.split(":", 2)[-1].split("/")]
    units = [part for part in parts if part.endswith(_SUFFIX)]
    is_its_command = started_by_systemd()
    known = (unit for unit in reversed(units) if is_its_command or unit in KUBELET_UNITS)
    return next(known, "")


def kubelets(root: str) -> tuple[str, ...]:
    """The kubelet units of this node: those that a boot starts, else all that are installed.

    rke2's archive, for one, brings a server's unit and an agent's, of which one is enabled.

    Args:
        root: the node's root, with a slash at its end.
    """
    there = tuple(unit for unit in KUBELET_UNITS if _is_installed(root, unit))
    wanted = _wanted(root) if len(there) > 1 else set()
    return tuple(unit for unit in there if unit in wanted) or there


def spoken(units: tuple[str, ...]) -> str:
    """What people call these units; kubelet where none is known."""
    return " and ".join(unit.removesuffix(_SUFFIX) for unit in units or (KUBELET,))


def gate_command(unit: str) -> str:
    """What a unit's drop-in runs before its start."""
    seconds = HELD_WITHIN_A_START.get(unit)
    return "/usr/bin/nodefix wait" + (f" --hold {seconds}" if seconds else "")


def _is_installed(root: str, unit: str) -> bool:
    """Whether it has a file, and no mask in its place."""
    for folder in UNIT_FOLDERS:
        path = f"{root}{folder.lstrip('/')}/{unit}"
        if os.path.lexists(path):
            return not is_mask(path)
    return False


def is_mask(path: str) -> bool:
    """Whether what is there masks a unit: a link to /dev/null, an empty file (systemd.unit(5))."""
    if os.path.realpath(path) == "/dev/null":
        return True
    try:
        return Path(path).stat().st_size == 0
    except OSError:
        # A link whose end is not below this root, or one that leads nowhere.
        return False


def _wanted(root: str) -> set[str]:
    """The units that a target of an admin's wants, whichever target that is."""
    folder = f"{root}{UNIT_FOLDERS[0].lstrip('/')}"
    names = (name for name in _listed(folder) if name.endswith((".wants", ".requires")))
    return {unit for name in names for unit in _listed(f"{folder}/{name}")}


def _listed(folder: str) -> list[str]:
    try:
        return [place.name for place in Path(folder).iterdir()]
    except OSError:
        return []
