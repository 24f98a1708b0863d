"""nodefix/cli.py: `nodefix run --dry-run`."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from commandline import below_root, journals, on_node, run, status
from fakehost import Node
from pytest_mock import MockerFixture

from nodefix import foresight
from nodefix.plan import Change, Plan, Problem

__all__ = ["below_root", "journals", "on_node", "run"]

pytestmark = pytest.mark.usefixtures("on_node")


CHANGE = Change("swap /dev/vda2", "on", "off", "swapoff /dev/vda2", None)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(), 0),
        (Plan(skipped="not here"), 0),
        (Plan((CHANGE,)), 3),
        (Plan(problems=(Problem("it is broken", "mend"),)), 1),
        (Plan((CHANGE,), (Problem("it is broken", "mend"),)), 1),
    ],
)
def test_dry_run(
    run: MagicMock,
    node: Node,
    mocker: MockerFixture,
    capsys: pytest.CaptureFixture[str],
    plan: Plan,
    expected: int,
) -> None:
    mocker.patch.object(foresight, "foresee", autospec=True, return_value={"swap": plan})
    before = node.snapshot()
    assert status("run", "--dry-run") == expected
    assert capsys.readouterr().out.startswith("swap: ")
    assert node.snapshot() == before
    assert not run.called


def test_dry_run_out_of_scope(
    node: Node, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = mocker.patch.object(foresight, "foresee", autospec=True)
    node.file("/etc/os-release", "ID=debian\n")
    assert status("run", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("nothing to do on this system: found debian")
    assert not planned.called
