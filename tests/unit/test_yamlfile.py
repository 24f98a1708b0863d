"""nodefix/yamlfile.py: reading YAML that somebody else wrote."""

from __future__ import annotations

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
    assert len(caught.value.message) < 400


def test_the_place_is_told() -> None:
    with pytest.raises(NodefixError, match="line 3, column 2"):
        parse(b"a: 1\nb: [\n]]")
