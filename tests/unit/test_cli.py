"""nodefix/cli.py: the command line and its exit statuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from commandline import below_root, journals, on_node, run, status
from fakehost import RHEL10, Node, Recorder
from lastrun import leave
from pytest_mock import MockerFixture

from nodefix import __version__, events, gate
from nodefix.config import Config
from nodefix.errors import ConfigError
from nodefix.host.lock import is_held, run_lock
from nodefix.words import STAGE_NAMES

__all__ = ["below_root", "journals", "on_node", "run"]

pytestmark = pytest.mark.usefixtures("on_node")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--version") == 0
    assert capsys.readouterr().out == f"nodefix {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("run", "--nonsense"),
        ("run", "--stage", "swop"),
        ("run", "--stage"),
        ("wait", "--timeout", "soon"),
        ("wait", "--timeout", "-1"),
        ("wait", "--timeout", "nan"),
        ("wait", "--timeout", "inf"),
        ("wait", "now"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert status(*arguments) == 64
    assert "usage: nodefix" in capsys.readouterr().err


def test_a_command_refuses_in_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("history", "--nonsense") == 64
    told = capsys.readouterr().err
    assert told.startswith("usage: nodefix history ")
    assert told.endswith(
        "nodefix history: unrecognized arguments: --nonsense\n  see: nodefix history --help\n"
    )


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--help") == 0
    told = capsys.readouterr().out
    assert "run" in told
    assert "wait" in told


def test_without_a_command_help_is_pointed_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert status() == 64
    assert "see: nodefix --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("run",), "sudo nodefix run"),
        (("run", "--dry-run"), "sudo nodefix run --dry-run"),
        (
            ("run", "--stage", "swap", "--dry-run", "--force"),
            "sudo nodefix run --stage swap --dry-run --force",
        ),
        (("watch",), "sudo nodefix watch"),
    ],
)
def test_not_root_is_answered_with_the_users_own_words(
    arguments: tuple[str, ...],
    command: str,
    run: MagicMock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert status(*arguments) == 77
    told = capsys.readouterr().err
    assert "this command must be run as root" in told
    assert told.endswith(f"  try: {command}\n")
    assert not run.called


@pytest.mark.parametrize(
    ("outcome", "expected"), [("ready", 0), ("skipped", 0), ("failed", 1), ("degraded", 2)]
)
def test_exit_status_of_a_run(run: MagicMock, outcome: str, expected: int) -> None:
    run.return_value = outcome
    assert status("run") == expected


def test_stages_that_are_asked_for(run: MagicMock) -> None:
    status("run", "--stage", "swap", "--stage", "chains")
    assert run.call_args.args[4] == ["swap", "chains"]
    assert all(status("run", "--stage", name) == 0 for name in STAGE_NAMES)


def test_the_run_lock_is_held_meanwhile(run: MagicMock, node: Node) -> None:
    def look(*_: Any, **__: Any) -> str:
        assert is_held(node.root)
        return "ready"

    run.side_effect = look
    assert status("run") == 0
    assert not is_held(node.root)


def test_the_run_lock_is_let_go_for_what_takes_long(
    run: MagicMock, node: Node, journals: Recorder
) -> None:
    def look(*_: Any, let_go: Callable[[], AbstractContextManager[None]], **__: Any) -> str:
        with let_go():
            assert journals.rests == 1
            assert not is_held(node.root)
            with run_lock(node.root, 0):
                pass
        assert is_held(node.root)
        return "ready"

    run.side_effect = look
    assert status("run") == 0
    assert not is_held(node.root)


def test_another_run_in_the_way(
    run: MagicMock, node: Node, journals: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodefix.commands.run.LOCK_SECONDS", 0.0)
    with run_lock(node.root, 0):
        assert status("run") == 1
    assert not run.called
    (record,) = journals.records
    assert record.message_id == events.NOT_RUN
    assert "waited 0 seconds for the run lock" in record.message


def test_configuration_that_is_not_valid(
    run: MagicMock, node: Node, journals: Recorder, mocker: MockerFixture
) -> None:
    mocker.patch("nodefix.commands.run.load", side_effect=ConfigError(["/a: one", "/b: two"]))
    journals.prints = True
    before = node.snapshot()
    assert status("run") == 64
    assert not run.called
    assert node.snapshot() == before
    (record,) = journals.records
    assert "/a: one\n/b: two" in record.message


def test_a_unit_tells_what_is_not_valid_once_and_then_on_one_line(
    run: MagicMock, journals: Recorder, mocker: MockerFixture
) -> None:
    mocker.patch("nodefix.commands.run.load", side_effect=ConfigError(["/a: one", "/b: two"]))
    for _ in range(3):
        assert status("run") == 64
    first, second, third = (record.message for record in journals.records)
    assert "/a: one\n/b: two" in first
    assert second == third
    assert second == (
        "not run, nothing was changed: /a: one, as before: /b: two"
        " (all of it: nodefix run --dry-run)"
    )


@pytest.mark.parametrize(
    ("arguments", "scope", "release", "inside"),
    [
        (("run",), "auto", RHEL10, True),
        (("run",), "auto", "ID=debian\n", False),
        (("run", "--force"), "auto", "ID=debian\n", True),
        (("run",), "force", "ID=debian\n", True),
    ],
)
def test_scope(
    run: MagicMock,
    node: Node,
    mocker: MockerFixture,
    arguments: tuple[str, ...],
    scope: str,
    release: str,
    inside: bool,
) -> None:
    mocker.patch("nodefix.commands.run.load", return_value=Config(scope=scope))
    node.file("/etc/os-release", release)
    status(*arguments)
    assert run.call_args.args[2].inside == inside


def test_report_that_cannot_be_written(run: MagicMock, journals: Recorder) -> None:
    run.side_effect = OSError(28, "No space left on device", "/run/nodefix/report.json")
    assert status("run") == 1
    (record,) = journals.records
    assert "kubelet is held: /run/nodefix/report.json: No space left on device" in record.message


def test_report_that_cannot_be_written_on_a_node_that_is_ready(
    run: MagicMock, node: Node, journals: Recorder
) -> None:
    leave(node, "ready")
    run.side_effect = OSError(28, "No space left on device", "/run/nodefix/report.json")
    assert status("run") == 1
    assert "aborted, the node stays ready" in journals.records[0].message


@pytest.mark.parametrize(
    ("off", "release", "words"),
    [
        (True, RHEL10, "aborted, kubelet may start, since nodefix is switched off: "),
        (False, "ID=debian\n", "aborted, kubelet may start on a system like this one: "),
    ],
)
def test_a_run_that_was_aborted_does_not_claim_to_hold_kubelet(
    run: MagicMock, node: Node, journals: Recorder, off: bool, release: str, words: str
) -> None:
    node.file("/etc/os-release", release)
    if off:
        node.file("/etc/nodefix/disabled")
    run.side_effect = OSError(28, "No space left on device", "/run/nodefix/report.json")
    assert status("run") == 1
    assert words in journals.records[0].message


@pytest.mark.parametrize("name", ["report.json", "ready"])
@pytest.mark.parametrize("kind", ["directory", "named pipe", "symbolic link"])
def test_what_stands_in_the_place_of_report_or_marker_is_named_with_the_way_out(
    run: MagicMock, node: Node, journals: Recorder, name: str, kind: str
) -> None:
    path = node.root / "run/nodefix" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make = {"directory": Path.mkdir, "named pipe": os.mkfifo}
    make.get(kind, lambda path: path.symlink_to("/nowhere/else"))(path)
    run.side_effect = OSError(2, "No such file or directory", "/nowhere/.else.nodefix")
    assert status("run") == 1
    (record,) = journals.records
    assert f"{path}: found a {kind}, expected a regular file" in record.message
    remedy = f"mv {path} {path}.saved && systemctl restart nodefix"
    assert record.message.endswith(f"fix: {remedy}")
    assert record.fields["NODEFIX_HINT"] == remedy


def test_a_unit_shows_why_no_stage_was_run_and_tells_it_once(
    run: MagicMock, journals: Recorder, mocker: MockerFixture
) -> None:
    shown = mocker.patch("nodefix.host.patience.notify_status", autospec=True)
    run.side_effect = OSError(28, "No space left on device", "/run/nodefix/report.json")
    status("run")
    status("run")
    first, second = (record.message for record in journals.records)
    assert "No space left" in first
    assert (len(first.splitlines()), len(second.splitlines())) == (2, 1)
    assert shown.call_args.args == (f"failed: {first}",)
    mocker.patch("nodefix.commands.run.load", side_effect=ConfigError(["/a: one"]))
    status("run")
    assert "/a: one" in shown.call_args.args[0]


def test_without_standard_error(monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture) -> None:
    """Python has no sys.stderr where descriptor 2 is closed."""
    monkeypatch.setattr("sys.stderr", None)
    mocker.patch.object(gate, "wait", autospec=True, return_value="kubelet is held: x")
    assert status("wait") == 1
    assert status("nonsense") == 64


def test_what_is_told_before_the_stages(
    run: MagicMock, node: Node, mocker: MockerFixture, journals: Recorder
) -> None:
    mocker.patch("nodefix.commands.run.load", return_value=Config(ignored=("/etc/nodefix/x.conf",)))
    mocker.patch("nodefix.commands.run.sweep", autospec=True, return_value=["/etc/.fstab.nodefix"])
    assert status("run") == 0
    swept, passed = journals.records
    assert swept.message.startswith("/etc/.fstab.nodefix: ")
    assert passed.message.startswith("/etc/nodefix/x.conf: ignored")


def test_interrupted(run: MagicMock, capsys: pytest.CaptureFixture[str]) -> None:
    run.side_effect = KeyboardInterrupt
    assert status("run") == 1
    assert "interrupted" in capsys.readouterr().err
