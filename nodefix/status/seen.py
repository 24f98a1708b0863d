"""What can be seen of this boot's run, by anybody: files, the run lock, systemd's units."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from nodefix.config import load
from nodefix.deadline import Deadline
from nodefix.errors import ConfigError, NodefixError
from nodefix.facts.system import boot_id, read_scope
from nodefix.gate import is_ready
from nodefix.host.kubelets import kubelets
from nodefix.host.lock import is_held, stopped_holders
from nodefix.host.systemd import Systemd
from nodefix.host.units import ServiceState
from nodefix.store import Earlier, ReportFiles
from nodefix.switch import Switch, read_switch
from nodefix.text import one_line, uptime
from nodefix.words import KUBELET_UNITS, UNIT

# Seconds that systemd may take for all of its answers.
_ASKING_SECONDS = 10.0


class Seen(NamedTuple):
    """What is seen at one moment.

    Attributes:
        now: in seconds since 1970.
        boot_id: this boot's.
        last: the report of this boot's last run.
        is_open: whether the marker of this boot is there.
        is_locked: whether a run is going on.
        stopped: processes of it that were stopped, by ^Z for example.
        switch: what switches nodefix off.
        outside: why the node is out of scope; empty if it is not.
        settings: what is wrong with the settings.
        service: nodefix.service; None where systemd did not tell.
        waiting: services that `nodefix wait` holds, or may hold.
        kubelets: the kubelet units that are up; where none is, or systemd did not tell, this
            node's; none where none is known.
        given_up: kubelet units that have failed and that systemd does not start again.
        kubelet_runs: whether one of them is up; None where systemd did not tell.
        unread: what could not be read, and why.
        uptime: seconds since the machine was started, as nodefix.text.uptime() tells them.
    """

    now: float
    boot_id: str
    last: Earlier = Earlier()
    is_open: bool = False
    is_locked: bool = False
    stopped: tuple[int, ...] = ()
    switch: Switch | None = None
    outside: str = ""
    settings: str = ""
    service: ServiceState | None = None
    waiting: tuple[ServiceState, ...] = ()
    kubelets: tuple[str, ...] = ()
    given_up: tuple[ServiceState, ...] = ()
    kubelet_runs: bool | None = None
    unread: tuple[str, ...] = ()
    uptime: float = float("inf")


def look(root: Path, systemd: Systemd) -> Seen:
    """Look at a node; changes nothing, and takes some ten seconds at the most."""
    files, boot = ReportFiles(root), boot_id(root)
    settings, forced, unread = _settings(root)
    scope = read_scope(root)
    is_open = is_ready(f"{root}/")
    switch = read_switch(f"{root}/")
    # Before the report: a run that ends in between has written it by then.
    is_locked = is_held(root)
    seen = Seen(
        time.time(),
        boot,
        files.earlier(boot),
        is_open,
        is_locked,
        tuple(stopped_holders(root)) if is_locked else (),
        switch,
        "" if scope.inside or forced else scope.reason,
        settings,
        unread=unread,
        kubelets=kubelets(f"{root}/"),
        uptime=uptime(),
    )
    return _with_units(seen, systemd)


def _settings(root: Path) -> tuple[str, bool, tuple[str, ...]]:
    """What is wrong with the settings, whether they force nodefix to act, and what is not read."""
    try:
        return "", load(root).is_forced, ()
    except ConfigError as error:
        if error.is_hidden:
            return "", False, (one_line(f"{error.message}; try: {error.hint}"),)
        return error.message, False, ()


def _with_units(seen: Seen, systemd: Systemd) -> Seen:
    """The same with what systemd tells, as far as it does."""
    systemd.deadline = Deadline("asking systemd", _ASKING_SECONDS)
    try:
        seen = seen._replace(service=systemd.service_state(UNIT))
        failed = [name for name in seen.kubelets if systemd.unit_state(name).active == "failed"]
        seen = seen._replace(given_up=tuple(map(systemd.service_state, failed)))
        active = systemd.active_units(KUBELET_UNITS)
        seen = seen._replace(kubelets=active or seen.kubelets, kubelet_runs=bool(active))
        if not (seen.is_open or seen.switch):
            seen = seen._replace(waiting=_held(systemd))
    except NodefixError as error:
        return seen._replace(unread=(*seen.unread, f"systemd could not be asked: {error.message}"))
    finally:
        systemd.deadline = None
    return seen


def _held(systemd: Systemd) -> tuple[ServiceState, ...]:
    """The services that are on their way up and run `nodefix wait` before they start."""
    names = systemd.starting_services()
    # Those of Kubernetes come first, whatever else a boot has queued.
    first = [name for name in KUBELET_UNITS if name in names]
    others = [name for name in names if name not in first and name != UNIT]
    states = (systemd.service_state(name) for name in (*first, *others))
    return tuple(state for state in states if state.waits and _is_coming(state))


def _is_coming(service: ServiceState) -> bool:
    """Whether it has not got past its ExecStartPre= lines."""
    state = service.state
    return state.job or state.sub in ("condition", "start-pre") or "auto-restart" in state.sub
