"""Whether systemd can have swap units, without asking it: the bus takes longer than all stages.

A unit is loaded from a file or link of its name in one of these folders, or comes with a swap that
is on. Source: systemd.unit(5), "Unit File Load Path", the table of the system's manager.
"""

from __future__ import annotations

from nodefix.host.node import Host

_FOLDERS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
)
_MASK = "/dev/null"


def may_have_units(host: Host) -> bool:
    """Whether a swap unit is there that is not masked, or a folder that cannot be looked into."""
    return any(_has_swap(host, folder) for folder in _FOLDERS)


def _has_swap(host: Host, folder: str) -> bool:
    try:
        found = [place for place in host.path(folder).iterdir() if place.name.endswith(".swap")]
        return any(not place.is_symlink() or str(place.readlink()) != _MASK for place in found)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
