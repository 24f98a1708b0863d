"""What a picture shows. Times are in seconds since the boot began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

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

# Kinds of bars beside the outcomes of stages and runs.
BEFORE, WAITS, HELD, STARTING, UP, STOPPED = "before", "waits", "held", "starting", "up", "stopped"
# What another version of nodefix may say.
UNKNOWN = "unknown"
# Between two tries, and tries that there is no room for.
PAUSE, LEFT_OUT = "pause", "left out"

# What each kind means, in the order of the legend.
KINDS: Mapping[str, str] = {
    BEFORE: "before nodefix",
    UNCHANGED: "unchanged",
    PREPARED: "prepared",
    CHANGED: "changed",
    SKIPPED: "skipped",
    READY: "ready",
    DEGRADED: "degraded",
    FAILED: "failed",
    RUNNING: "running",
    NOT_RUN: "not run",
    UNKNOWN: "unknown",
    WAITS: "waits for nodefix",
    HELD: "held by nodefix",
    STARTING: "starting",
    UP: "up",
    STOPPED: "stopped",
    PAUSE: "pause until the next try",
    LEFT_OUT: "left out",
}


class Span(NamedTuple):
    """One bar.

    Attributes:
        begin: when it begins.
        end: when it ends; where it goes on, when the picture was made.
        kind: a key of KINDS.
        label: what stands beside it.
        words: what is shown while the pointer is on it.
        is_open: whether it goes on.
    """

    begin: float
    end: float
    kind: str
    label: str = ""
    words: str = ""
    is_open: bool = False


class Row(NamedTuple):
    """A line of bars, which do not overlap.

    Attributes:
        name: of the unit, stage or phase.
        spans: its bars, the first one first.
        note: a second line below the name.
        is_inner: whether it is a part of the row above.
    """

    name: str
    spans: tuple[Span, ...]
    note: str = ""
    is_inner: bool = False


class Panel(NamedTuple):
    """Rows over one time axis."""

    title: str
    begin: float
    end: float
    rows: tuple[Row, ...]


class Picture(NamedTuple):
    """All of it.

    Attributes:
        title: one line.
        headline: what `nodefix status` says.
        summary: figures.
        panels: above each other.
        problems: what was wrong, with remedies; each of one line or several.
        notes: what is missing, and what to know.
    """

    title: str
    headline: str
    summary: str
    panels: tuple[Panel, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
