"""nodefix/picture/labels.py and lettering.py: labels of bars, and text that fits."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from nodefix.picture.axis import Axis
from nodefix.picture.labels import LEAST, SIZE, Bar, bars
from nodefix.picture.lettering import clean, cut, width, wrapped
from nodefix.picture.model import LEFT_OUT, PAUSE, UP, Span

LEFT, RIGHT = 286.0, 1176.0


def row(*spans: Span, end: float = 100.0) -> list[Bar]:
    """The bars of a row of a hundred seconds."""
    return bars(spans, Axis(0.0, end, LEFT, RIGHT - 6, [], [(0.0, end)]), LEFT, RIGHT)


def expect_no_overlap(found: list[Bar]) -> None:
    """See that no label lies on another one, beside its bar, or outside."""
    lettered = [(one.at, one.at + width(one.label, SIZE)) for one in found if one.label]
    for (_, end), (begin, _) in pairwise(sorted(lettered)):
        assert end <= begin
    for one in found:
        if not one.label:
            continue
        begin, end = one.at, one.at + width(one.label, SIZE)
        assert begin >= LEFT and end <= RIGHT
        for other in found:
            is_own = other is one
            assert end <= other.left or other.right <= begin or (is_own and one.is_inside)


def test_a_label_stands_behind_its_bar_on_it_or_before_it() -> None:
    (behind,) = row(Span(0.0, 10.0, UP, "label"))
    assert behind.at > behind.right
    (on,) = row(Span(0.0, 100.0, UP, "label"))
    assert on.is_inside
    (before,) = row(Span(99.0, 100.0, UP, "label"))
    assert before.at + width("label", SIZE) < before.left
    (left_out, _) = row(Span(0.0, 0.1, UP, "label"), Span(0.2, 100.0, UP))
    assert left_out.label == ""


def test_what_is_short_can_be_seen_and_stays_within() -> None:
    for at in (0.0, 50.0, 100.0):
        (one,) = row(Span(at, at, UP))
        assert one.right - one.left >= LEAST
        assert one.left >= LEFT and one.right <= RIGHT


def test_a_pause_makes_room_for_labels_on_both_sides() -> None:
    found = row(Span(0.0, 1.0, UP, "first"), Span(1.0, 99.0, PAUSE), Span(99.0, 99.9, UP, "second"))
    assert [one.label for one in found] == ["first", "", "second"]
    expect_no_overlap(found)


@pytest.mark.parametrize("seed", range(40))
def test_no_overlap_whatever_the_row(seed: int) -> None:
    chance = random.Random(seed)
    times = sorted(chance.uniform(0, 100) for _ in range(2 * chance.randrange(1, 40)))
    kinds = [UP, UP, PAUSE, LEFT_OUT]
    spans = []
    for begin, end in zip(times[::2], times[1::2], strict=True):
        kind = chance.choice(kinds)
        label = "" if kind in (PAUSE, LEFT_OUT) else "held, 0.11 s"[: chance.randrange(13)]
        spans.append(Span(begin, end, kind, label))
    expect_no_overlap(row(*spans))


def test_text_is_fit_for_xml() -> None:
    ugly = "<a href='x'>&\x00\x1b[2J\ufffe\ud800\u202e]]>"
    text = ElementTree.fromstring(f"<t>{clean(ugly)}</t>").text or ""
    assert text.startswith("<a href='x'>&\\x00\\x1b[2J\ufffd")
    assert "\u202e" not in text


@pytest.mark.parametrize("is_mono", [False, True])
@pytest.mark.parametrize("text", ["word " * 200, "w" * 5000, "一" * 300, "a", ""])
def test_text_is_broken_into_lines_that_fit(text: str, is_mono: bool) -> None:
    lines = wrapped(text, 12.0, 300.0, 3, is_mono)
    assert len(lines) <= 3
    assert all(width(line, 12.0, is_mono) <= 300.0 for line in lines)
    assert bool(lines) == bool(text)
    if len(text) > 200:
        assert lines[-1].endswith("…")


def test_a_name_that_is_too_long_ends_in_an_ellipsis() -> None:
    assert cut("kubelet.service", 12.0, 200.0) == "kubelet.service"
    short = cut("var-lib-" + "a" * 300, 12.0, 200.0)
    assert re.fullmatch("var-lib-a{10,}…", short)
    assert width(short, 12.0) <= 200.0
