"""What `nodefix wait` does where the node is not simply ready: wait, have it mended, or say why.

Whatever ended a run, and whatever undid its work since, kubelet's next try leads to another run:
nobody has to come and start one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from nodefix import gate
from nodefix.config import load
from nodefix.errors import BusError, ConfigError
from nodefix.facts.system import read_scope
from nodefix.host.lock import is_held
from nodefix.host.systemd import Systemd
from nodefix.reasons import Reasons
from nodefix.told import essence
from nodefix.words import UNIT

_POLL_SECONDS = 0.2
# As often as systemd tries k3s again.
_AGAIN_SECONDS = 5.0


def hold(root: str, timeout: float, systemd: Systemd | None = None) -> str:
    """Wait for a run that is going on, ask for one where that helps.

    Args:
        root: the node's root, with a slash at its end.
        timeout: seconds to wait.
        systemd: the node's service manager; the one on the system bus if none is given.

    Returns:
        Why kubelet must not start, with the remedy; empty if it may.
    """
    return _Hold(root, timeout, systemd or Systemd()).until_known()


def go_on(root: str, timeout: float, end: float, told: str, say: Callable[[str], None]) -> bool:
    """Hold a unit within one start, for which every try that fails is one too many.

    Args:
        root: the node's root, with a slash at its end.
        timeout: seconds to wait for a run that is going on.
        end: when it must have ended, by time.monotonic().
        told: why the unit is held, as it was told.
        say: takes the reason where it is another one by now.

    Returns:
        Whether the unit may start.
    """
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(_AGAIN_SECONDS, left))
        reason = gate.wait(root, min(timeout, max(end - time.monotonic(), 0.0)))
        if not reason:
            return True
        if essence(reason) != essence(told):
            say(reason)
            told = reason
    return False


class _Hold:
    """One wait, which asks for a run once at the most."""

    def __init__(self, root: str, timeout: float, systemd: Systemd) -> None:
        self._root = root
        self._systemd = systemd
        self._timeout = timeout
        self._end = time.monotonic() + timeout
        self._asked = False

    def until_known(self) -> str:
        reasons = Reasons(self._root)
        while True:
            if not self._run_has_ended():
                return reasons.still_running(self._timeout)
            undone: tuple[str, ...] = ()
            if gate.is_ready(self._root):
                undone = self._unwanted(gate.undone(self._root))
                if not undone:
                    return ""
            elif self._is_out_of_scope():
                return ""
            if not self._ask(undone):
                return reasons.undone(undone) if undone else reasons.not_ready()

    def _run_has_ended(self) -> bool:
        while is_held(Path(self._root)):
            if time.monotonic() >= self._end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _unwanted(self, undone: tuple[str, ...]) -> tuple[str, ...]:
        """Without swap that kubelet is configured to allow, or may be."""
        if "swap" in undone and self._swap_may_be_wanted():
            return tuple(name for name in undone if name != "swap")
        return undone

    def _swap_may_be_wanted(self) -> bool:
        try:
            setting = load(Path(self._root)).swap
        except ConfigError:
            # What nodefix would do cannot be told; kubelet knows by itself what it lives with.
            return True
        if setting == "auto":
            return self._kubelet_may_want_swap()
        return setting == "keep"

    def _kubelet_may_want_swap(self) -> bool:
        # Only here, for what it brings along: there is swap on few nodes.
        from nodefix.facts.kubelet import wants_swap
        from nodefix.host.node import Host
        from nodefix.host.programs import Programs

        return wants_swap(Host(Path(self._root), Programs(), self._systemd)).value is not False

    def _ask(self, undone: tuple[str, ...]) -> bool:
        """Ask systemd for another run, and wait for its end; False where that leads nowhere.

        A service that has failed is started again by kubelet's own Wants= or tries by itself. One
        that is active thinks that all is well. One that is busy was asked by somebody else, and its
        run may be too young to hold the run lock.
        """
        if self._asked or os.geteuid() != 0:
            return False
        self._asked = True
        try:
            state = self._systemd.unit_state(UNIT)
            if not state.is_busy:
                if state.active != "active":
                    return False
                self._systemd.restart_unit(UNIT)
            while self._systemd.unit_state(UNIT).is_busy and time.monotonic() < self._end:
                time.sleep(_POLL_SECONDS)
        except BusError:
            return False
        return True

    def _is_out_of_scope(self) -> bool:
        """For a node on which nodefix has not run at all: there is nothing to wait for."""
        try:
            forced = load(Path(self._root)).is_forced
        except ConfigError:
            # The run reports it; here it must not open the gate.
            return False
        return not forced and not read_scope(Path(self._root)).inside
