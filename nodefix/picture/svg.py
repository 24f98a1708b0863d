"""A picture as SVG: one file that needs no other one, no script and no font of its own.

In the style of `systemd-analyze plot`; source: systemd src/analyze/analyze-plot.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from nodefix.picture.axis import Axis
from nodefix.picture.labels import SIZE, Bar, bars
from nodefix.picture.lengths import length, moment
from nodefix.picture.lettering import clean, cut, width, wrapped
from nodefix.picture.model import KINDS, LEFT_OUT, PAUSE, UP, WAITS, Panel, Picture, Row
from nodefix.picture.style import css_class, sheet

# Pixels.
WIDTH, _MARGIN = 1200.0, 24.0
# Names of rows begin at the margin, bars at LEFT.
LEFT, RIGHT = 286.0, WIDTH - _MARGIN
_ROOM = WIDTH - 2 * _MARGIN
_BAR, _ROW, _NOTE, _INDENT = 13.0, 23.0, 13.0, 14.0
# Sizes of letters.
_TITLE, _HEAD, _PLAIN, _SMALL = 20.0, 14.0, 12.0, 10.5
# Kinds of bars that may be cut.
_IDLE = (PAUSE, LEFT_OUT, UP, WAITS)
# Lines of a text at the most.
_LINES, _NOTE_LINES = 3, 2


def svg(picture: Picture) -> str:
    """Draw it."""
    page = _Page()
    page.text(_MARGIN, 22.0, cut(picture.title, _TITLE, _ROOM), _TITLE, "text bold")
    page.paragraph(picture.headline, _HEAD, "text")
    page.paragraph(picture.summary, _PLAIN, "muted")
    for panel in picture.panels:
        _panel(page, panel)
    _legend(page, picture)
    for number, problem in enumerate(picture.problems):
        if not number:
            page.down(8)
            page.paragraph("What held kubelet:", _PLAIN, "text bold")
        for line in problem.splitlines():
            style = "fix mono" if line.startswith("  fix: ") else "text mono"
            page.paragraph(line, 11.0, style)
    if picture.notes:
        page.down(8)
        page.paragraph("Note:", _PLAIN, "text bold")
    for note in picture.notes:
        page.paragraph(note, 11.0, "muted")
    return page.whole(picture)


class _Page:
    """What is drawn so far, from above."""

    def __init__(self) -> None:
        self.y = 30.0
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        """Draw one element."""
        self._parts.append(part)

    def down(self, by: float) -> None:
        """Leave some room."""
        self.y += by

    def text(self, x: float, down: float, text: str, size: float, style: str) -> None:
        """Write a line, and go below it by so many pixels."""
        self.add(_text(x, self.y + 0.35 * size, text, size, style))
        self.down(down)

    def paragraph(self, text: str, size: float, style: str) -> None:
        """Write a text on as many lines as it needs, within bounds."""
        is_mono = "mono" in style
        inner = 2 * size if text.startswith("  ") else 0.0
        for line in wrapped(text, size, _ROOM - inner, _LINES, is_mono):
            self.text(_MARGIN + inner, round(1.45 * size), line, size, style)

    def whole(self, picture: Picture) -> str:
        """The file."""
        height = self.y + _MARGIN
        size = f'width="{WIDTH:.0f}" height="{height:.0f}" viewBox="0 0 {WIDTH:.0f} {height:.0f}"'
        head = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"'
            ' aria-labelledby="nodefix-title nodefix-desc">',
            f'<title id="nodefix-title">{clean(picture.title)}</title>',
            f'<desc id="nodefix-desc">{clean(_described(picture))}</desc>',
            f"<style>\n{sheet()}</style>",
            '<defs><pattern id="nodefix-hatch" width="6" height="6"'
            ' patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<line class="{css_class(WAITS)}" x1="0" y1="0" x2="0" y2="6" stroke-width="3"/>'
            "</pattern></defs>",
            '<rect class="ground" width="100%" height="100%"/>',
        ]
        return "\n".join([*head, *self._parts, "</svg>", ""])


def _described(picture: Picture) -> str:
    rows = [
        f"{row.name}: {row.note or ', '.join(span.label for span in row.spans if span.label)}"
        for panel in picture.panels
        for row in panel.rows
    ]
    return "\n".join([picture.headline, picture.summary, *rows])


def _text(x: float, y: float, text: str, size: float, style: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"'
    return f'<text class="{style}" {place}>{clean(text)}</text>'


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(style: str, x: float, y: float, wide: float, high: float, more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"'
    return f'<rect class="{style}" {place}{more}/>'


def _panel(page: _Page, panel: Panel) -> None:
    page.down(24)
    page.text(_MARGIN, 22.0, cut(panel.title, 13.0, _ROOM), 13.0, "text bold")
    moments = [
        time
        for row in panel.rows
        for span in row.spans
        if span.kind not in (PAUSE, LEFT_OUT)
        for time in ((span.begin,) if span.is_open else (span.begin, span.end))
    ]
    busy = [
        (span.begin, span.end) for row in panel.rows for span in row.spans if span.kind not in _IDLE
    ]
    axis = Axis(panel.begin, panel.end, LEFT, RIGHT - 6, moments, busy)
    heights = [_ROW + _NOTE * len(_note(row)) for row in panel.rows]
    top, bottom = page.y + 6, page.y + 12 + sum(heights)
    page.add(_rect("box", LEFT - 6, top, RIGHT - LEFT + 6, bottom - top))
    _scale(page, axis, top, bottom)
    page.y = top + 3
    for row, height in zip(panel.rows, heights, strict=True):
        _row(page, row, axis)
        page.down(height)
    page.y = bottom


def _scale(page: _Page, axis: Axis, top: float, bottom: float) -> None:
    """Cuts and ticks with their names, which do not lie on each other."""
    taken: list[tuple[float, float]] = []

    def name(text: str, middle: float) -> None:
        half = width(text, _SMALL) / 2
        at = min(middle - half, RIGHT - 2 * half)
        if all(at + 2 * half + 4 < left or at > right + 4 for left, right in taken):
            taken.append((at, at + 2 * half))
            page.add(_text(at, top - 4, text, _SMALL, "muted"))

    for one in axis.segments:
        if one.is_cut:
            page.add(_rect("cut", one.left, top, one.right - one.left, bottom - top))
            for x in (one.left, one.right):
                page.add(_line("edge", x, top, x, bottom))
            # Its larger unit is enough.
            words = length(one.end - one.begin).split()
            name(" ".join(["+", *words[:2]]), (one.left + one.right) / 2)
    for tick in axis.ticks():
        page.add(_line("grid", tick.x, top, tick.x, bottom))
        name(moment(tick.seconds, axis.step), tick.x)


def _note(row: Row) -> list[str]:
    return wrapped(row.note, _SMALL, LEFT - _MARGIN - 14, _NOTE_LINES)


def _row(page: _Page, row: Row, axis: Axis) -> None:
    middle = page.y + _ROW / 2
    inner = _INDENT if row.is_inner else 0.0
    size = 11.0 if row.is_inner else _PLAIN
    name = cut(row.name, size, LEFT - _MARGIN - 14 - inner)
    page.add(_text(_MARGIN + inner, middle + 0.35 * size, name, size, "text"))
    for number, line in enumerate(_note(row), 1):
        y = middle + 0.35 * _SMALL + number * _NOTE
        page.add(_text(_MARGIN + inner, y, line, _SMALL, "muted"))
    page.add(_line("line", LEFT, middle, RIGHT - 6, middle))
    for bar in bars(row.spans, axis, LEFT, RIGHT):
        page.add("".join(_bar(bar, middle)))


def _bar(bar: Bar, middle: float) -> Iterator[str]:
    span = bar.span
    yield "<g>"
    if span.words:
        yield f"<title>{clean(span.words)}</title>"
    style, top = css_class(span.kind), middle - _BAR / 2
    if span.kind in (PAUSE, LEFT_OUT):
        yield _line(style, bar.left, middle, bar.right, middle)
    elif span.kind == WAITS:
        more = ' rx="2" fill="url(#nodefix-hatch)" stroke-width="1"'
        yield _rect(style, bar.left, top, bar.right - bar.left, _BAR, more)
    else:
        yield _rect(style, bar.left, top, bar.right - bar.left, _BAR, ' rx="2"')
    if span.is_open:
        # An arrow: it goes on.
        points = f"{bar.right:.1f},{top:.1f} {bar.right + 5:.1f},{middle:.1f}"
        points += f" {bar.right:.1f},{top + _BAR:.1f}"
        yield f'<polygon class="{style}" points="{points}"/>'
    if bar.label:
        if bar.is_inside and span.kind == WAITS:
            wide = width(bar.label, SIZE) + 4
            yield _rect("box", bar.at - 2, top + 1, wide, _BAR - 2)
        style = "in" if bar.is_inside and span.kind != WAITS else "text"
        yield _text(bar.at, middle + 0.35 * SIZE, bar.label, SIZE, style)
    yield "</g>"


def _legend(page: _Page, picture: Picture) -> None:
    """The kinds of bars that there are."""
    there = {span.kind for panel in picture.panels for row in panel.rows for span in row.spans}
    x = LEFT
    page.down(16)
    for kind in (kind for kind in KINDS if kind in there):
        wide = 26 + width(KINDS[kind], _SMALL) + 12
        if x + wide > RIGHT and x > LEFT:
            x = LEFT
            page.down(18)
        _swatch(page, kind, x)
        page.add(_text(x + 24, page.y + 0.35 * _SMALL, KINDS[kind], _SMALL, "muted"))
        x += wide
    page.down(16)


def _swatch(page: _Page, kind: str, x: float) -> None:
    style = css_class(kind)
    if kind in (PAUSE, LEFT_OUT):
        page.add(_line(style, x, page.y, x + 18, page.y))
        return
    more = ' rx="2"' + (' fill="url(#nodefix-hatch)"' if kind == WAITS else "")
    page.add(_rect(style, x, page.y - 5, 18, 10, more))
