"""Whether systemd can have swap units, without asking it: the bus takes longer than all stages.

A unit is loaded from a file or link of its name in one of these folders, or comes with a swap that
is on. Source: systemd.unit(5), "Unit File Load Path", the table of the system's manager.
"""

from __future__ import annotations

from nodefix.host.kubelets import is_mask
from nodefix.host.node import Host
from nodefix.words import UNIT_FOLDERS

_FOLDERS = (
    *UNIT_FOLDERS,
    "/etc/systemd/system.attached",
    "/etc/systemd/system.control",
    "/run/systemd/generator.early",
    "/run/systemd/generator.late",
    "/run/systemd/system.attached",
    "/run/systemd/system.control",
    "/run/systemd/transient",
)


def may_have_units(host: Host) -> bool:
    """Whether a swap unit is there that is not masked, or a folder that cannot be looked into."""
    return any(_has_swap(host, folder) for folder in _FOLDERS)


def _has_swap(host: Host, folder: str) -> bool:
    try:
        places = host.path(folder).iterdir()
        return any(place.name.endswith(".swap") and not is_mask(str(place)) for place in places)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
