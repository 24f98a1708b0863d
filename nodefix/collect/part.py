"""A part of what is collected, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from nodefix.deadline import Deadline, within
from nodefix.errors import NodefixError
from nodefix.host.node import Host
from nodefix.shape import Json
from nodefix.text import one_line

# Characters of why something is missing.
_REASON = 2000
# So much earlier, in seconds, a part's programs are ended than the part itself is given up.
_EARLIER = 0.5
_LEAST = 0.1


class Lines(NamedTuple):
    """Entries of a log, oldest first: what stands before each, and its text of one line or more."""

    entries: list[tuple[str, str]]


Content: TypeAlias = "Json | Lines"


class Got(NamedTuple):
    """What was read.

    Attributes:
        content: a text, data, or lines; None where there is none.
        note: what is to be known of it.
        missing: what is missing of it, and why; empty where it is whole.
    """

    content: Content = None
    note: str = ""
    missing: str = ""


class Part(NamedTuple):
    """One file of the archive.

    Attributes:
        name: the file's.
        seconds: that reading it may take.
        read: reads it.
    """

    name: str
    seconds: float
    read: Callable[[Host], Got]


def gather(
    parts: Iterable[Part], host: Callable[[], Host], whole: Deadline
) -> Iterator[tuple[str, Got]]:
    """Read all parts, each as far as it can be read; never raises for what one of them does.

    Args:
        parts: in their order.
        host: a node of its own for each part: one that hangs is left behind with its.
        whole: by when all of them must be done.
    """
    for part in parts:
        try:
            seconds = whole.left(part.seconds)
        except NodefixError:
            yield part.name, Got(missing=f"not begun: {whole.seconds:g} s for all of it were over")
            continue
        yield part.name, _tried(part, host(), seconds)


def _tried(part: Part, host: Host, seconds: float) -> Got:
    def read() -> Got:
        with host.limit(Deadline(part.name, max(seconds - _EARLIER, _LEAST))):
            return part.read(host)

    try:
        return within(seconds, read)
    except NodefixError as error:
        return Got(missing=one_line(f"{error.message}; {error.hint}".rstrip("; "), _REASON))
    except FileNotFoundError as error:
        return Got(note=f"{error.filename}: is not there")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Got(missing=one_line(f"{where}{error.strerror or error}", _REASON))
    except Exception as error:  # a defect in one part must not take the others along
        return Got(missing=one_line(f"a defect in nodefix: {error!r}", _REASON))
