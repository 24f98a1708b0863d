"""nodefix/advice/__init__.py: all advisers are asked, and none stops the others."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from fakehost import Node, result

from nodefix import advice
from nodefix.advice import ADVISERS, SECONDS, advise
from nodefix.advice.finding import Advice, Unknown
from nodefix.config import Config
from nodefix.errors import BusError
from nodefix.host.node import Host

FOLDER = Path(advice.__file__).parent
TESTS = Path(__file__).parent
NAMES = sorted(
    file.stem for file in FOLDER.glob("*.py") if file.stem not in ("__init__", "finding")
)
TIP = Advice("x", "found x", "It is so.", "true")


class Fake:
    """An adviser that answers, or raises what it is given."""

    def __init__(self, name: str, answer: tuple[Advice, ...] | Exception) -> None:
        self.NAME = name
        self._answer = answer
        self.seconds = 0.0

    def read(self, host: Host, config: Config) -> object:
        assert host.programs.deadline
        self.seconds = host.programs.deadline.left(1000)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def judge(self, facts: tuple[Advice, ...]) -> tuple[Advice, ...]:
        return facts


def test_each_is_asked_within_its_deadline(node: Node) -> None:
    advisers = (Fake("a", (TIP,)), Fake("b", ()), Fake("c", (TIP, TIP)))
    assert advise(node.host, Config(), advisers).advice == (TIP, TIP, TIP)
    assert all(0 < one.seconds <= SECONDS for one in advisers)
    assert node.programs.deadline is None


def test_an_image_has_its_own_remedies(node: Node) -> None:
    node.file("/run/ostree-booted")
    told = TIP._replace(hint="dnf install x")
    refused = BusError("no bus", "dnf install y")
    advised = advise(node.host, Config(), (Fake("a", (told,)), Fake("b", refused)))
    hints = [one.hint for one in (*advised.advice, *advised.unknown)]
    assert len(hints) == 2
    assert all(hint.startswith("in the image's Containerfile: RUN") for hint in hints)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (BusError("no bus", "systemctl status dbus"), "no bus", "systemctl status dbus"),
        (
            PermissionError(13, "Permission denied", "/etc/x y"),
            "/etc/x y: cannot be read: Permission denied",
            "ls -ldZ '/etc/x y'",
        ),
        (
            KeyError("x"),
            "unexpected error: KeyError: 'x'; this is a defect of nodefix, please report it",
            "",
        ),
    ],
)
def test_what_cannot_be_read_is_unknown(
    node: Node, error: Exception, message: str, hint: str
) -> None:
    found = advise(node.host, Config(), (Fake("a", error), Fake("b", (TIP,))))
    assert found.advice == (TIP,)
    assert found.unknown == (Unknown(("a",), message, hint),)


def test_each_file_is_an_adviser_of_its_name_with_a_test() -> None:
    assert sorted(adviser.NAME for adviser in ADVISERS) == NAMES
    for name in NAMES:
        assert importlib.import_module(f"nodefix.advice.{name}") in ADVISERS
        assert (TESTS / f"test_advice_{name}.py").exists()


def test_each_code_is_there_once() -> None:
    text = "".join((FOLDER / f"{name}.py").read_text() for name in NAMES)
    codes = re.findall(r'Advice\(\s*"([a-z0-9-]+)"', text)
    assert len(codes) >= len(NAMES)
    assert len(set(codes)) == len(codes)


def test_on_an_empty_node_nothing_is_changed(node: Node) -> None:
    node.programs.table[("/usr/sbin/nft",)] = result(0)
    before = node.snapshot()
    advise(node.host, Config())
    assert node.snapshot() == before
    assert node.systemd.done == []
