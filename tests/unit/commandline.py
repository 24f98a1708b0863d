"""nodefix as it is typed, on a made-up node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from fakehost import RHEL10, Node, Recorder
from pytest_mock import MockerFixture

from nodefix import cli, engine
from nodefix.commands import run as run_command
from nodefix.config import Config


@pytest.fixture
def journals() -> Recorder:
    """Where records go."""
    return Recorder()


@pytest.fixture
def below_root(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `/` be a made-up node."""
    real = Path.__new__

    def below(cls: type[Path], *parts: Any, **other: Any) -> Path:
        return node.root if parts == ("/",) else real(cls, *parts, **other)

    monkeypatch.setattr(Path, "__new__", below)


@pytest.fixture
def on_node(
    node: Node,
    below_root: None,
    mocker: MockerFixture,
    monkeypatch: pytest.MonkeyPatch,
    journals: Recorder,
) -> None:
    """Let the command line work on a made-up node, as root, with no stage of its own."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    # Configuration files of a made-up node belong to whoever runs the tests.
    mocker.patch.object(run_command, "load", autospec=True, return_value=Config())
    mocker.patch.object(run_command, "_open_host", return_value=(node.host, journals))
    mocker.patch("gc.disable")
    node.file("/etc/os-release", RHEL10)


@pytest.fixture
def run(mocker: MockerFixture) -> MagicMock:
    """The engine."""
    return mocker.patch.object(engine, "run", autospec=True, return_value="ready")


def status(*arguments: str) -> int:
    """Run nodefix; argparse ends a process by itself."""
    try:
        return cli.main(list(arguments))
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        return ended.code
