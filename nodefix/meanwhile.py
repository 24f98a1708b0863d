"""What goes on while a run lets others have the run lock: kube-proxy's restart and the wait for it.

A unit that is ordered after nodefix.service, as nodefix-chains.service is, begins only when that
one's run has ended. So chains that a firewall wipes meanwhile are this run's own business.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from nodefix import engine
from nodefix.config import Config
from nodefix.errors import BusError, NodefixError
from nodefix.facts.system import Scope, boot_id
from nodefix.gate import is_switched_off, undone
from nodefix.host.kubelets import kubelets, spoken
from nodefix.host.lock import run_lock
from nodefix.host.node import Host
from nodefix.journal import Journal
from nodefix.live.due import what_hinders
from nodefix.live.later import Meanwhile
from nodefix.messages import note_record
from nodefix.store import ReportFiles
from nodefix.words import KUBELET_UNITS

_CHAINS = "chains"
# Each unit of a system that goes down conflicts with it: systemd.special(7).
_SHUTDOWN = "shutdown.target"


def meanwhile(host: Host, config: Config, scope: Scope, journal: Journal) -> Meanwhile:
    """What a run does while it has let the run lock go; arguments as of engine.run()."""

    def say(line: str) -> None:
        journal.send(note_record(line))
        # Whoever listens on the bus is not to wait for the restart.
        journal.rest()

    def again() -> None:
        engine.run(host, config, scope, journal, (_CHAINS,))
        journal.rest()

    def pause(seconds: float) -> None:
        time.sleep(seconds)
        _bring_back(host, again)

    return Meanwhile(say, pause, lambda: why_not(host))


def _bring_back(host: Host, run: Callable[[], object]) -> None:
    """Make the chains again, if they were wiped and nobody else is at it."""
    if not _is_wiped(host):
        return
    try:
        with run_lock(host.root, 0.0):
            # Another run may have made them between the two looks, or a rollback taken them away.
            if _is_wiped(host):
                run()
    except (NodefixError, OSError):
        # There is another look in a moment.
        return


def _is_wiped(host: Host) -> bool:
    root = f"{host.root}/"
    return not is_switched_off(root) and _CHAINS in undone(root)


def why_not(host: Host) -> str:
    """Why kube-proxy must not be restarted any more, in words; empty if it may be."""
    root = f"{host.root}/"
    if is_switched_off(root):
        return "nodefix was switched off meanwhile"
    try:
        if host.systemd.unit_state(_SHUTDOWN).job:
            return "the node is going down"
        if not host.systemd.active_units(KUBELET_UNITS):
            return f"{spoken(kubelets(root))} is not up any more"
    except BusError as error:
        said = f"whether kubelet is up cannot be told: {error.message}"
        return f"{said}; fix: {error.hint}" if error.hint else said
    stages = ReportFiles(host.root).earlier(boot_id(host.root)).stages
    if hinders := what_hinders(stages):
        return f"stage {hinders} has failed meanwhile"
    return ""
