"""nodefix/commands/run.py: what comes after the stages, and who tells it; see test_cli.py, too."""

from __future__ import annotations

import os
import sys
from unittest.mock import MagicMock

import pytest
from commandline import below_root, journals, on_node, run, status
from fakehost import Node, Recorder
from pytest_mock import MockerFixture

from nodefix import engine
from nodefix.config import Config
from nodefix.errors import BusError
from nodefix.report import StageReport

__all__ = ["below_root", "journals", "on_node", "run"]

pytestmark = pytest.mark.usefixtures("on_node")

OFF = (
    "nodefix was switched off after this run had been started: /etc/nodefix/disabled: undone;"
    " no stage was run"
)


@pytest.mark.parametrize(("command", "is_short"), [("run", True), ("status", False)])
def test_no_garbage_is_collected_in_what_is_short(
    command: str, is_short: bool, mocker: MockerFixture
) -> None:
    disabled = mocker.patch("gc.disable")
    status(command, "--help")
    assert disabled.called == is_short


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


@pytest.mark.parametrize(
    ("unit", "is_run"),
    [
        ("nodefix.service", False),
        ("nodefix-chains.service", False),
        ("mine.service", True),
        ("", True),
    ],
)
def test_a_unit_that_was_started_before_the_switch_was_written_looks_at_nothing(
    run: MagicMock,
    node: Node,
    journals: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    unit: str,
    is_run: bool,
) -> None:
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()) if unit else "1")
    node.file("/proc/self/cgroup", f"0::/system.slice/{unit or 'ssh.service'}\n")
    # As `nodefix rollback` leaves it to a run that waits for the lock.
    node.file("/etc/nodefix/disabled", "reason: undone\n")
    assert status("run") == 0
    assert run.called == is_run
    told = [record.message for record in journals.records]
    assert told == ([] if is_run else [OFF])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[engine.Work | None]:
    """What `nodefix run` wants done after the stages."""
    found: list[engine.Work | None] = []

    def fake(*_: object, after: engine.After, **__: object) -> str:
        report = StageReport("modules", "required", "unchanged")
        found.append(after(Config(), {}, {"modules": report}))
        found.append(after(Config(), {}, {"chains": report}))
        return "ready"

    monkeypatch.setattr(engine, "run", fake)
    return found


def test_at_boot_nothing_of_it_is_imported(
    node: Node, asked: list[engine.Work | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An import of it would raise.
    monkeypatch.setitem(sys.modules, "nodefix.live", None)
    monkeypatch.setitem(sys.modules, "nodefix.live.after", None)
    assert status("run") == 0
    assert asked == [None, None]


@pytest.mark.parametrize("unit", ["kubelet.service", "k3s.service", "microshift.service"])
def test_beside_a_kubelet_that_is_up(
    node: Node, asked: list[engine.Work | None], unit: str
) -> None:
    node.systemd.active = {unit}
    assert status("run") == 0
    assert asked[0] is not None
    # A firewall's reload is to be over at once.
    assert asked[1] is None


@pytest.mark.parametrize("is_watched", [True, False])
def test_who_watches_does_not_wait_for_the_fleet(
    node: Node,
    asked: list[engine.Work | None],
    monkeypatch: pytest.MonkeyPatch,
    is_watched: bool,
) -> None:
    node.systemd.active = {"kubelet.service"}
    spreads: list[int] = []

    def after_run(host: object, config: Config, *_: object) -> None:
        spreads.append(config.kube_proxy_restart_spread)

    monkeypatch.setattr("nodefix.live.after.after_run", after_run)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_watched)
    assert status("run") == 0
    assert asked[0]
    asked[0]()
    assert spreads == [0 if is_watched else 60]


def test_without_a_bus_nothing_is_restarted(node: Node, asked: list[engine.Work | None]) -> None:
    node.systemd.failing["active_units"] = BusError("no bus")
    assert status("run") == 0
    assert asked == [None, None]
