"""Words of other programs and of files: harmless on a terminal, on one line, and short.

`nodefix wait` and the launcher may use this too, so nothing dear is imported.
"""

from __future__ import annotations

import time

# How times are written, for strftime(3) and strptime(3).
STAMP = "%Y-%m-%dT%H:%M:%SZ"

# One line of a message, in characters.
LINE = 400
# Bytes of an output that are looked at, at its beginning and at its end.
_SEEN = 32 << 10

# C0, DEL and C1 (escape sequences begin with one of them); line and paragraph separators; what
# turns the direction of text round (Unicode UAX 9), so that a line reads as it is not; tags, which
# nobody sees.
_CONTROLS = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
    *range(0xE0000, 0xE0080),
)
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _CONTROLS}
_KEPT = {**_ESCAPES, ord("\n"): "\n", ord("\t"): "\t"}

# The same for the one line that counts.
_TELLING = 240

# How usage texts and advertisements begin; they say nothing about what went wrong.
_IDLE = (
    "usage:",
    "usage ",
    "try `",
    "try '",
    "for more information",
    "for more details",
    "see '",
    "see `",
    "this may be freely redistributed",
    "this program is free software",
)
# What iptables and nft say around the line that counts.
_NOISE = (
    "# warning",
    "error occurred at line",
    "ignoring deprecated",
    "in file included",
    "iptables -h or",
    "ip6tables -h or",
    "perhaps ",
)


def harmless(text: str) -> str:
    """The text with control characters and what is no Unicode as escapes; newline and tab stay."""
    try:
        encoded = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Halves of a pair, which JSON can hold.
        encoded = text.encode("utf-8", "backslashreplace")
    return encoded.decode("utf-8", "backslashreplace").translate(_KEPT)


def shortened(text: str, limit: int = LINE) -> str:
    """The text, cut in its middle if it has more than `limit` characters."""
    if len(text) <= limit:
        return text
    mark = f" [{len(text) - limit} characters left out] "
    kept = max(limit - len(mark), 0)
    return text[: kept - kept // 3] + mark + text[len(text) - kept // 3 :]


def bounded(text: str, limit: int = LINE) -> str:
    """The text harmless and of at most `limit` characters, at a cost that the limit bounds."""
    return shortened(harmless(shortened(text, limit)), limit)


def told(output: bytes, limit: int = LINE) -> str:
    """What a program says on one harmless line: no usage text, nothing twice; empty for silence.

    Args:
        output: what it printed.
        limit: characters of the line.
    """
    said = _lines(output)
    told_lines = _without_usage(said) or said
    whole = "; ".join(told_lines)
    if len(whole) > limit and len(told_lines) > 2:
        # The reason stands in the first line or in the last.
        count = len(told_lines) - 2
        left_out = f"[{count} line{'s' * (count > 1)} left out]"
        whole = f"{told_lines[0]}; {left_out}; {told_lines[-1]}"
    return shortened(whole, limit)


def telling(output: bytes, limit: int = _TELLING) -> str:
    """The one line of what a program says that tells what is wrong; empty if none does.

    The first one that is no decoration: iptables and nft name what they miss first, and repeat
    themselves afterwards.

    Args:
        output: what it printed.
        limit: characters of the line.
    """
    lines = [line for line in _without_usage(_lines(output)) if not line.lower().startswith(_NOISE)]
    if not lines:
        return ""
    # The tool's name and version may be a line by themselves.
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return shortened(first, limit)


def _lines(output: bytes) -> list[str]:
    """The lines of an output, harmless and each once; of one without end its two ends."""
    if len(output) > 2 * _SEEN:
        output = output[:_SEEN] + b"\n" + output[-_SEEN:]
    lines = (line.strip() for line in output.decode("utf-8", "replace").splitlines())
    return list(dict.fromkeys(line.translate(_ESCAPES) for line in lines if line))


def _without_usage(lines: list[str]) -> list[str]:
    kept = []
    for line in lines:
        low = line.lower()
        if low.startswith("usage:"):
            # All that follows is the list of options.
            break
        # nft underlines the place with ^ and ~.
        if not low.startswith(_IDLE) and line.strip("^~ "):
            kept.append(line)
    return kept


def stamp(seconds: float | None = None) -> str:
    """A time as reports and records have it: ISO 8601 in UTC.

    Args:
        seconds: since 1970; now if there are none.
    """
    return time.strftime(STAMP, time.gmtime(seconds))


def compact_stamp() -> str:
    """The time as names of files have it: ISO 8601 in UTC, without colons."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def seconds_of(stamp: str) -> float:
    """A time that stamp() wrote in seconds since 1970; 0 for what is none."""
    import calendar

    try:
        return float(calendar.timegm(time.strptime(stamp, STAMP)))
    except (ValueError, OverflowError):
        return 0.0


def uptime() -> float:
    """Seconds since the machine was started, by a clock that nobody sets.

    While it is suspended as well, unlike time.monotonic(): clock_gettime(2).
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def within_boot(seconds: float, up: float) -> float:
    """A length of time in this boot by a clock that may have been set in between.

    Args:
        seconds: the time at its end less that at its beginning.
        up: what uptime() says.
    """
    return min(max(seconds, 0.0), up)


def one_line(text: str, limit: int = LINE) -> str:
    """The text on one harmless line."""
    return bounded(" ".join(shortened(text, 64 * limit).split()), limit)
