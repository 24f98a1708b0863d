"""Lengths of time and moments, in few characters."""

from __future__ import annotations

from nodefix.status.text import duration

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = (
    (_MINUTE, "min", 1, "s"),
    (_HOUR, "h", _MINUTE, "min"),
    (_DAY, "d", _HOUR, "h"),
)


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
        digits = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
        return f"{seconds:.{digits}f} s"
    whole = round(seconds)
    if step < _MINUTE and whole >= _HOUR:
        return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}"
    size, unit, small, part = next(
        one for one in reversed(_UNITS) if whole >= one[0] and (one[0] <= _HOUR or step >= _HOUR)
    )
    rest = whole % size // small
    return f"{whole // size} {unit}" + (f" {rest} {part}" if rest else "")
