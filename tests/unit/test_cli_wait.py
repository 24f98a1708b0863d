"""nodefix/cli.py: `nodefix wait` and `nodefix watch`."""

from __future__ import annotations

import os
import time

import pytest
from commandline import below_root, journals, on_node, status
from pytest_mock import MockerFixture

from nodefix import gate, holding, journal
from nodefix.errors import BusError

__all__ = ["below_root", "journals", "on_node"]

pytestmark = pytest.mark.usefixtures("on_node")


@pytest.mark.parametrize(
    ("arguments", "timeout"),
    [
        (("wait",), gate.DEFAULT_TIMEOUT),
        (("wait", "--timeout", "2.5"), 2.5),
        (("wait", "--timeout", "0"), 0.0),
    ],
)
@pytest.mark.parametrize("reason", ["", "kubelet is held: swap is on"])
def test_wait(
    mocker: MockerFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    timeout: float,
    reason: str,
) -> None:
    # kubelet's drop-in runs it as root; others may ask as well.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    waited = mocker.patch.object(gate, "wait", autospec=True, return_value=reason)
    assert status(*arguments) == (1 if reason else 0)
    waited.assert_called_once_with("/", timeout)
    assert capsys.readouterr().err == (f"{reason}\n" if reason else "")


def test_a_start_that_is_not_to_fail_is_held(mocker: MockerFixture) -> None:
    mocker.patch.object(gate, "wait", autospec=True, return_value="microshift is held: x")
    go_on = mocker.patch.object(holding, "go_on", autospec=True, return_value=True)
    assert status("wait", "--hold", "200") == 0
    root, timeout, end, told, _ = go_on.call_args.args
    assert (root, timeout, told) == ("/", gate.DEFAULT_TIMEOUT, "microshift is held: x")
    assert 190 < end - time.monotonic() <= 200
    go_on.return_value = False
    assert status("wait", "--hold", "200") == 1
    # Without it there is nothing to go on for.
    go_on.return_value = True
    assert status("wait") == 1


def test_two_units_that_are_held_take_turns(
    mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    mocker.patch.object(journal, "goes_to_journal", return_value=True)
    holder = mocker.patch("nodefix.host.kubelets.holder", autospec=True)
    waited = mocker.patch.object(gate, "wait", autospec=True)
    lines = []
    for _ in range(2):
        for unit in ("k3s", "kubelet"):
            holder.return_value = f"{unit}.service"
            reason = f"{unit} is held: this node is not ready for it\nswap: it is on\n  fix: x"
            waited.return_value = reason
            status("wait")
            lines.append(len(capsys.readouterr().err.splitlines()))
    assert lines == [3, 3, 1, 1]


def test_a_unit_is_told_the_same_reason_once(
    mocker: MockerFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "kubelet is held: this node is not ready for it\nswap: it is on\n  fix: x"
    mocker.patch.object(gate, "wait", autospec=True, return_value=reason)
    # A login shell on the console has it as well, from its getty's unit.
    monkeypatch.setenv("INVOCATION_ID", "1")
    journal_stream = mocker.patch.object(journal, "goes_to_journal", return_value=True)
    status("wait")
    assert capsys.readouterr().err == f"{reason}\n"
    status("wait")
    assert len(capsys.readouterr().err.splitlines()) == 1
    journal_stream.return_value = False
    status("wait")
    assert capsys.readouterr().err == f"{reason}\n"


def test_watch_ends_when_the_bus_does(
    mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    mocker.patch(
        "nodefix.commands.watch.watch", autospec=True, side_effect=BusError("the bus went away")
    )
    assert status("watch") == 1
    assert capsys.readouterr().err == "nodefix: the bus went away\n"
