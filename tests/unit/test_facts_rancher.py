"""nodefix/facts/rancher.py: what the settings of k3s and rke2 come to."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import UnclearError
from nodefix.facts.rancher import Given, Settings, deciding, read_settings

CONFIG = "/etc/rancher/k3s/config.yaml"
UNIT = "k3s.service"


def read(node: Node, *words: str) -> Settings:
    """The settings of a server that is started with these words."""
    command = started_by("/usr/local/bin/k3s", "server", *words)
    return read_settings(node.host, UNIT, "k3s", command)


@pytest.mark.parametrize(
    ("main", "drop_in", "found"),
    [
        ("a: 1", "a: 2", ["2"]),
        ("a: 1", "a+: 2", ["1", "2"]),
        ("a: [1, 2]", "a+: [true]", ["1", "2", "true"]),
        # A word that is empty, and nothing that is added.
        ("a:", "", [""]),
        ("a: 1", "a+:", ["1"]),
        ("a+:", "", [""]),
        ("a: []", "", []),
    ],
)
def test_keys_of_files(node: Node, main: str, drop_in: str, found: list[str]) -> None:
    node.file(CONFIG, f"{main}\n")
    node.file(f"{CONFIG}.d/10.YML", f"{drop_in}\n")
    assert [one.value for one in read(node).all_of("a")] == found


def test_flags_of_the_line_come_after_the_role(node: Node) -> None:
    command = started_by("/usr/local/bin/k3s", "--debug", "--a=0", "agent", "--a", "1", "-b=2")
    settings = read_settings(node.host, UNIT, "k3s", command)
    assert settings.all_of("a", "b") == [Given("1", UNIT), Given("2", UNIT)]
    assert settings.role == "agent"


def test_where_a_value_stands() -> None:
    assert (Given("", UNIT).where, Given("", UNIT).hint) == (
        "on its command line",
        f"systemctl cat {UNIT}",
    )
    assert (Given("", "/a b").where, Given("", "/a b").hint) == ("in /a b", "cat -A '/a b'")


@pytest.mark.parametrize(
    ("content", "words", "on"),
    [
        ("a: true", (), True),
        ("a: 'T'", (), True),
        ("a: true", ("--a=0",), False),
        ("a: false", ("--a", "false"), True),
        ("", (), False),
    ],
)
def test_switches(node: Node, content: str, words: tuple[str, ...], on: bool) -> None:
    node.file(CONFIG, f"{content}\n")
    assert bool(read(node, *words).switch("a")) is on


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ("a: maybe", (), f"cat -A {CONFIG}"),
        ("a:", (), f"cat -A {CONFIG}"),
        ("a: {b: 1}", (), f"cat -A {CONFIG}"),
        ("", ("--a=",), f"systemctl cat {UNIT}"),
    ],
)
def test_switch_that_is_neither_on_nor_off(
    node: Node, content: str, words: tuple[str, ...], hint: str
) -> None:
    node.file(CONFIG, f"{content}\n")
    with pytest.raises(UnclearError) as caught:
        read(node, *words).switch("a")
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["proxy-mode=a"], "a"),
        (["proxy-mode=a", "proxy-mode=b"], "b"),
        (["--proxy-mode=a"], "a"),
        (["proxy-mode"], "true"),
        # The names are sorted as they are written.
        (["proxy_mode=a", "proxy-mode=b"], "a"),
        (["proxy-mode=a", "proxy-mode+=b"], "b"),
        (["proxy-mode=a", "proxy-mode-=b"], "a"),
        (["proxy-mode-more=a"], None),
        ([], None),
    ],
)
def test_argument_that_decides(arguments: list[str], value: str | None) -> None:
    found = deciding([Given(one, UNIT) for one in arguments], "proxy-mode")
    assert found == (None if value is None else Given(value, UNIT))
