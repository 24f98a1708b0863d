"""Lengths of time and moments, in few characters."""

from __future__ import annotations

from nodefix.status.text import duration

_MINUTE = 60


def length(seconds: float) -> str:
    """How long something took."""
    if seconds >= _MINUTE:
        return duration(seconds)
    if seconds < 0.01:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def moment(seconds: float, step: float) -> str:
    """A moment on an axis.

    Args:
        seconds: since its beginning.
        step: between two moments that are named.
    """
    if seconds < _MINUTE or step < 1:
        digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
        return f"{seconds:.{digits}f} s"
    parts = []
    left = round(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2])
