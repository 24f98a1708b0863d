"""nodefix/collect/taken.py: one name for each value, and no text can make up one."""

from __future__ import annotations

import pytest

from nodefix.collect import taken as module
from nodefix.collect.taken import HOST, IPV4, USER, WALL, Count, Taken


def test_a_value_has_one_name_in_its_kind() -> None:
    taken = Taken()
    marks = [taken.put(*one) for one in ((HOST, "a"), (USER, "a"), (HOST, "b"), (HOST, "a"))]
    assert taken.end(" ".join(marks)) == "host-1 <user-1> host-2 host-1"
    assert taken.counts() == [Count(HOST, 2, 3), Count(USER, 1, 1)]
    assert taken.values(HOST) == ["a", "b"]


def test_a_wall_within_a_value_makes_it_no_other() -> None:
    taken = Taken()
    assert taken.put(HOST, f"a{WALL}b") == taken.put(HOST, "ab")


@pytest.mark.parametrize("text", ["", "a", f"a{chr(0xF0001)}"])
def test_what_is_no_mark(text: str) -> None:
    assert not Taken.is_mark(text)


def test_what_is_a_mark() -> None:
    taken = Taken()
    assert taken.is_mark(taken.put(HOST, "a") + taken.put(IPV4, "b"))


def test_marks_and_walls_of_a_text_are_gone_at_its_end() -> None:
    taken = Taken()
    taken.put(HOST, "secret")
    text = f"{chr(0xF0001)}{WALL}\\x2d\\u00e4\\n"
    assert taken.end(taken.begin(text)) == "\ufffd\ufffd\\x2d\\u00e4\\n"


def test_more_values_than_there_are_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LAST", module._FIRST + 2)
    taken = Taken()
    marks = [taken.put(HOST, one) for one in "abc"]
    # Two share the last name; none is told.
    assert taken.end("".join(marks)) == "host-1host-morehost-more"
