"""nodefix/yamlfile.py: the YAML of the settings, strictly."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from nodefix.errors import NodefixError
from nodefix.yamlfile import parse


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"", None),
        (b"a: [1, x]", {"a": [1, "x"]}),
        (b"a: off", {"a": False}),
        ("a: ä".encode(), {"a": "ä"}),
        (b"a: [0256, 1:30]", {"a": [174, 90]}),
    ],
)
def test_values(content: bytes, value: object) -> None:
    assert parse(content) == value


@pytest.mark.parametrize(
    "content",
    [
        b"a: [",
        b"\xff",
        b"a: !!bool x",
        b"a: !!int ''",
        b"a: !!python/object/apply:os.getpid []",
        b"[" * 1500,
        b"a: &x [1]\nb: [*x, *x]",
        b"a: 1\na: 2",
    ],
    ids=["open", "not UTF-8", "wrong bool", "empty int", "Python tag", "deep", "alias", "twice"],
)
def test_anything_else_is_one_short_line(content: bytes) -> None:
    with pytest.raises(NodefixError) as caught:
        parse(content)
    assert caught.value.message.startswith("is not valid YAML: ")
    assert "\n" not in caught.value.message
    assert "byte string" not in caught.value.message
    assert len(caught.value.message) < 400


def test_plain_numbers_are_the_same_for_each_reader() -> None:
    assert parse(b"[0, 256, -1, 0x10, '0256']", plain_numbers=True) == [0, 256, -1, 16, "0256"]
    for number in (b"0256", b"1:30", b"1_000", b"0b11", b"-0x10"):
        with pytest.raises(NodefixError, match=r"found .* without a leading 0 .*column 4"):
            parse(b"a: " + number, plain_numbers=True)


def test_the_place_is_told() -> None:
    with pytest.raises(NodefixError, match="line 3, column 2"):
        parse(b"a: 1\nb: [\n]]")


def test_depth_has_an_end_with_a_place() -> None:
    assert parse(b"[" * 20 + b"]" * 20) is not None
    with pytest.raises(NodefixError, match=r"nested more than 20 deep.*line 1, column 22"):
        parse(b"[" * 5000)


def test_words_of_the_parser_are_harmless() -> None:
    with pytest.raises(NodefixError) as caught:
        parse(b'"a\\e[2J": 1\n"a\\e[2J": 2')
    assert "\\x1b[2J" in caught.value.message
    assert "\033" not in caught.value.message


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ModuleNotFoundError("No module named 'yaml'"), "dnf install python3-pyyaml"),
        (ImportError("bad magic number"), "dnf reinstall python3-pyyaml"),
        (EOFError("marshal data too short"), "dnf reinstall python3-pyyaml"),
    ],
)
def test_pyyaml_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, error: Exception, remedy: str
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "yaml":
            raise error
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(NodefixError, match="cannot be read without PyYAML") as caught:
        parse(b"a: 1")
    assert caught.value.hint == remedy
