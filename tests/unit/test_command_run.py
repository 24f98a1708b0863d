"""nodefix/commands/run.py: what only a run of the unit does; all else is in test_cli.py."""

from __future__ import annotations

import os
from unittest.mock import MagicMock

import pytest
from commandline import below_root, journals, on_node, run, status
from fakehost import Node, Recorder

__all__ = ["below_root", "journals", "on_node", "run"]


@pytest.mark.usefixtures("on_node")
@pytest.mark.parametrize("outcome", ["ready", "failed"])
@pytest.mark.parametrize("unit", ["nodefix.service", "nodefix-chains.service", "mine.service"])
def test_only_the_unit_that_stays_active_leaves_a_child(
    run: MagicMock,
    node: Node,
    journals: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    unit: str,
    outcome: str,
) -> None:
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    node.file("/proc/self/cgroup", f"0::/system.slice/{unit}\n")
    run.return_value = outcome
    status("run")
    # systemd ends what any other unit leaves, before it has told anything.
    assert journals.is_left_to_child == ((unit, outcome) == ("nodefix.service", "ready"))
