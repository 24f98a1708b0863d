"""What systemd says of units: its manager, as data, and what it has written into files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.host.reading import read_file

_STARTED_UNITS = "/run/systemd/units"

# ActiveState while a unit does something.
_BUSY = ("activating", "deactivating", "reloading", "refreshing")


class BootTimes(NamedTuple):
    """When the parts of a boot began, in seconds by the monotonic clock.

    Attributes:
        is_machine: whether it began with a kernel, at 0; in a container it began with systemd.
        initrd: its systemd; 0 where there is none.
        userspace: the system's own systemd.
    """

    is_machine: bool
    initrd: float
    userspace: float


class SwapUnit(NamedTuple):
    """One .swap unit as the manager shows it.

    systemd.swap(5): one device can be several units; those that follow another carry its name
    in `following` and go away with it.
    """

    name: str
    load_state: str
    active_state: str
    what: str
    following: str
    fragment_path: str
    source_path: str
    file_state: str


class ServiceCommand(NamedTuple):
    """How a service is started, as org.freedesktop.systemd1(5) tells it.

    Attributes:
        load_state: `loaded`, `not-found`, `masked`, or what is wrong with its file.
        program: the path of the first ExecStart=; empty if there is none.
        argv: its words as they stand in the unit, its name first.
        expands: whether systemd fills in variables; not behind the prefix `:`.
        environment: the manager's variables and, after them, those of Environment=.
        files: EnvironmentFile= as path, which may be a pattern, and whether it may be missing.
        unset: UnsetEnvironment=, names or whole assignments.
    """

    load_state: str
    program: str = ""
    argv: tuple[str, ...] = ()
    expands: bool = True
    environment: tuple[str, ...] = ()
    files: tuple[tuple[str, bool], ...] = ()
    unset: tuple[str, ...] = ()


class UnitState(NamedTuple):
    """A unit's LoadState, ActiveState and SubState, and whether a job is queued for it."""

    load: str
    active: str
    sub: str
    job: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether it does something, or is about to; the pause before another try is neither."""
        return self.sub != "auto-restart" and (self.job or self.active in _BUSY)


class ServiceState(NamedTuple):
    """What the manager knows of a service, as org.freedesktop.systemd1(5) names it.

    Attributes:
        name: with its suffix.
        state: its states.
        file_state: `enabled`, `disabled`, `masked`, …; empty where there is no file.
        result: of its last end; `success` where there was none.
        tries: how often systemd has started it again by itself.
        up_until: when it was last active, in seconds since 1970; 0 for never.
        tried: when it last left `inactive`, the same.
        changed: when its state last changed, the same.
        pause: seconds before it is started again.
        waits: whether its ExecStartPre= runs `nodefix wait`.
    """

    name: str
    state: UnitState
    file_state: str = ""
    result: str = "success"
    tries: int = 0
    up_until: float = 0.0
    tried: float = 0.0
    changed: float = 0.0
    pause: float = 0.0
    waits: bool = False


class UnitInfo(NamedTuple):
    """A unit as systemd has put it together, whether it runs or not.

    Attributes:
        load: LoadState: `loaded`, `not-found`, `masked`, or what is wrong with its file.
        active: ActiveState.
        file_state: UnitFileState: `enabled`, `disabled`, `masked`; empty for a unit without a file.
        drop_ins: the paths of its drop-ins that count, in the order in which they are applied.
        before: the words of each ExecStartPre=, in their order; none for other units than services.
        restart: Restart=; empty for other units than services.
        pause: seconds before it is started again.
        interval: seconds in which it is started `burst` times at the most; 0 for no such limit.
        burst: see `interval`.
    """

    load: str
    active: str = "inactive"
    file_state: str = ""
    drop_ins: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    restart: str = ""
    pause: float = 0.0
    interval: float = 0.0
    burst: int = 0


def invocation_of_group() -> str:
    """What systemd has written down at the unit's control group; empty where there is nothing.

    Source: systemd src/core/cgroup.c, where it sets the attribute trusted.invocation_id.
    """
    try:
        lines = read_file("/proc/self/cgroup").decode().splitlines()
        (path,) = (line[3:] for line in lines if line.startswith("0::/"))
        found = os.getxattr(f"/sys/fs/cgroup{path}", "trusted.invocation_id").decode("ascii")
    except (OSError, ValueError):
        return ""
    return found if re.fullmatch(r"[0-9a-f]{32}", found) else ""


def may_be_active(names: Sequence[str]) -> bool:
    """Whether the bus has to be asked: a unit that is active has a link here.

    It comes as the unit is started and goes when that is inactive or has failed.
    Source: systemd src/core/unit.c, unit_export_invocation_id and unit_unlink_state_files.
    """
    if not Path(_STARTED_UNITS).is_dir():
        return True
    return any(os.path.lexists(f"{_STARTED_UNITS}/invocation:{name}") for name in names)
