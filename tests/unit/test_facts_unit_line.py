"""nodefix/facts/unit_line.py: how a unit starts a distribution's program."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import UnclearError
from nodefix.facts.unit_line import command_of, expect_absolute, started

UNIT = "k3s.service"


def test_words_and_variables(node: Node) -> None:
    command = started_by("/usr/bin/env", "k3s", "server", "$MORE", environment=["MORE=--a --b"])
    line = started(node.host, UNIT, command, "k3s")
    assert (line.words, line.exact) == (("server", "--a", "--b"), True)
    assert line.variables["MORE"] == "--a --b"


def test_another_program(node: Node) -> None:
    with pytest.raises(UnclearError, match="starts /opt/start, not k3s itself") as caught:
        started(node.host, UNIT, started_by("/opt/start"), "k3s")
    assert caught.value.hint == f"systemctl cat {UNIT}"


def test_unit_that_is_not_there_starts_nothing(node: Node) -> None:
    assert command_of(node.host, UNIT) is None
    node.systemd.loaded = {UNIT}
    assert command_of(node.host, UNIT)


def test_path(node: Node) -> None:
    assert expect_absolute("/a", UNIT) == "/a"
    with pytest.raises(UnclearError, match="'https://a', expected an absolute path"):
        expect_absolute("https://a", UNIT)
