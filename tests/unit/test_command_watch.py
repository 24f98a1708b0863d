"""nodefix/watch.py: bring the chains back when firewalld has wiped them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakehost import FakeSystemd

from nodefix.commands.watch import CHAINS_UNIT, watch
from nodefix.errors import BusError

UNITS = Path(__file__).resolve().parents[2] / "systemd"


def test_each_reload_of_firewalld_runs_the_chains_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = FakeSystemd()

    def at_signal(sender: str, interface: str, member: str, action: Callable[[], None]) -> None:
        assert (sender, interface) == ("org.fedoraproject.FirewallD1",) * 2
        assert member == "Reloaded"
        action()
        action()
        raise BusError("the system bus went away")

    monkeypatch.setattr(manager, "at_signal", at_signal)
    with pytest.raises(BusError, match="went away"):
        watch(manager)
    assert manager.done == [("restart", CHAINS_UNIT)] * 2


def test_the_unit_is_there() -> None:
    assert (UNITS / CHAINS_UNIT).exists()
    # The one that firewalls' own reloads lead to, too.
    assert (UNITS / "nodefix-chains@.service").read_text().count(f" restart {CHAINS_UNIT}\n") == 2
