"""Where the labels of a row of bars go, so that none lies on another one or on a bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nodefix.picture.axis import Axis
from nodefix.picture.lettering import width
from nodefix.picture.model import LEFT_OUT, PAUSE, Span

SIZE = 11.0
# Pixels: of a bar that is too short to be seen, between a bar and its label.
LEAST, _SPACE = 3.0, 5.0


class Bar(NamedTuple):
    """A bar with its place.

    Attributes:
        span: what it shows.
        left, right: in pixels.
        label: of the span; empty where there is no room.
        at: where the label begins.
        is_inside: whether it lies on the bar.
    """

    span: Span
    left: float
    right: float
    label: str = ""
    at: float = 0.0
    is_inside: bool = False


def bars(spans: Sequence[Span], axis: Axis, left: float, right: float) -> list[Bar]:
    """The bars of a row between two margins, each with its label where there is room."""
    placed = [_placed(span, axis, right) for span in spans]
    found: list[Bar] = []
    taken = left
    for number, bar in enumerate(placed):
        if bar.span.kind == PAUSE:
            # A label may lie on its beginning.
            found.append(bar._replace(left=min(max(bar.left, taken), bar.right)))
            continue
        after = next((one.left for one in placed[number + 1 :] if one.span.kind != PAUSE), right)
        bar = _labelled(bar, taken, after)
        if bar.label and bar.at < bar.left:
            found = [_shorter(one, bar.at - _SPACE) for one in found]
        taken = max(bar.right, bar.at + width(bar.label, SIZE) + _SPACE if bar.label else 0.0)
        found.append(bar)
    # Of a line that is all below labels nothing is left.
    return [one for one in found if one.right > one.left]


def _placed(span: Span, axis: Axis, right: float) -> Bar:
    begin = min(axis.x(span.begin), right - LEAST)
    is_line = span.kind in (PAUSE, LEFT_OUT)
    return Bar(span, begin, max(axis.x(span.end), begin + (0.0 if is_line else LEAST)))


def _shorter(bar: Bar, most: float) -> Bar:
    """A line that ends where a label begins; another bar as it is."""
    if bar.span.kind != PAUSE:
        return bar
    return bar._replace(right=max(min(bar.right, most), bar.left))


def _labelled(bar: Bar, taken: float, after: float) -> Bar:
    """The same with its label behind it, on it or before it."""
    label = bar.span.label
    size = width(label, SIZE)
    if not label:
        return bar
    if bar.right + size + 2 * _SPACE <= after:
        return bar._replace(label=label, at=bar.right + _SPACE)
    if size + 2 * _SPACE <= bar.right - bar.left:
        return bar._replace(label=label, at=bar.left + _SPACE, is_inside=True)
    if bar.left - size - 2 * _SPACE >= taken:
        return bar._replace(label=label, at=bar.left - _SPACE - size)
    return bar
