"""How a picture looks, light and dark; fonts are those that the viewer has."""

from __future__ import annotations

from collections.abc import Mapping

from nodefix.picture.model import (
    BEFORE,
    HELD,
    KINDS,
    LEFT_OUT,
    PAUSE,
    STARTING,
    STOPPED,
    UNKNOWN,
    UP,
    WAITS,
)
from nodefix.words import (
    CHANGED,
    DEGRADED,
    FAILED,
    NOT_RUN,
    PREPARED,
    READY,
    RUNNING,
    SKIPPED,
    UNCHANGED,
)

# The colour of each kind of bar, on a light ground and on a dark one.
COLOURS: Mapping[str, tuple[str, str]] = {
    BEFORE: ("#8ba1ba", "#6d849e"),
    UNCHANGED: ("#9fb9a6", "#6f8f79"),
    PREPARED: ("#4f8fcf", "#5a9be0"),
    CHANGED: ("#7a5cc0", "#a48be6"),
    SKIPPED: ("#c3c9d1", "#4d5663"),
    READY: ("#2f9150", "#3fae66"),
    DEGRADED: ("#d99a00", "#e3b341"),
    FAILED: ("#cf3a3a", "#f0605c"),
    RUNNING: ("#2ea3b5", "#45c1d3"),
    NOT_RUN: ("#c3c9d1", "#4d5663"),
    UNKNOWN: ("#c3c9d1", "#4d5663"),
    WAITS: ("#8b97a6", "#7f8b9b"),
    HELD: ("#c2571a", "#f08c4a"),
    STARTING: ("#93cda4", "#5f9c73"),
    UP: ("#2f9150", "#3fae66"),
    STOPPED: ("#c3c9d1", "#4d5663"),
    PAUSE: ("#9aa5b1", "#6b7686"),
    LEFT_OUT: ("#9aa5b1", "#6b7686"),
}

# Parts of the picture beside the bars: class to property and both colours.
_PARTS = (
    ("ground", "fill", "#ffffff", "#14171c"),
    ("box", "fill", "#f5f7f9", "#1b2027"),
    ("cut", "fill", "#e3e8ed", "#262d36"),
    ("edge", "stroke", "#aab4bf", "#4a5563"),
    ("grid", "stroke", "#dde2e8", "#2b323c"),
    ("line", "stroke", "#eceff3", "#222831"),
    ("text", "fill", "#1c2128", "#e6e9ee"),
    ("muted", "fill", "#5b6673", "#9aa4b2"),
    ("in", "fill", "#ffffff", "#0d1014"),
    ("fix", "fill", "#1f5fa8", "#7cb7ff"),
)

_FIXED = """\
text { font-family: Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
.mono { font-family: Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; }
.bold { font-weight: 600; }
.edge, .grid, .line { stroke-width: 1; shape-rendering: crispEdges; }
.edge { stroke-dasharray: 2 3; }
.left-out { stroke-dasharray: 3 4; stroke-width: 3; fill: none; }
.pause { stroke-width: 1.5; fill: none; }
"""


def css_class(kind: str) -> str:
    """The class of a kind of bar."""
    return kind.replace(" ", "-")


def sheet() -> str:
    """The style sheet."""
    light, dark = (_colours(number) for number in (0, 1))
    return f"{_FIXED}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _colours(number: int) -> str:
    rules = [f".{name} {{ {what}: {both[number]}; }}\n" for name, what, *both in _PARTS]
    for kind in KINDS:
        colour = COLOURS[kind][number]
        what = "stroke" if kind in (PAUSE, LEFT_OUT, WAITS) else "fill"
        rules.append(f".{css_class(kind)} {{ {what}: {colour}; }}\n")
    return "".join(rules)
