"""Each start of a unit, from what systemd's manager told the journal about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nodefix.host.journald import Entry
from nodefix.messages import is_held
from nodefix.picture.model import STARTING, STOPPED, UP
from nodefix.text import one_line
from nodefix.words import FAILED

# Source: systemd src/systemd/sd-messages.h, SD_MESSAGE_UNIT_STARTING and so on.
UNIT_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
UNIT_STARTED = "39f53479d3a045ac8e11786248231fbf"
UNIT_FAILED = "be02cf6855d2428ba40df7e9d022f03d"
UNIT_STOPPED = "9d1aaa27d60140bd96365438aad20286"
# One that was up ends by itself, well or not; no job is done then.
UNIT_SUCCESS = "7ad2d189f7e94e70a38c781354912448"
UNIT_FAILURE_RESULT = "d9b373ed55a64feb8242e02dbe79a49c"
UNIT_PROCESS_EXIT = "98e322203f7a4ed290d09fe03c09fe15"
IDS = (
    UNIT_STARTING,
    UNIT_STARTED,
    UNIT_FAILED,
    UNIT_STOPPED,
    UNIT_SUCCESS,
    UNIT_FAILURE_RESULT,
    UNIT_PROCESS_EXIT,
)
_ENDS = {
    UNIT_FAILED: FAILED,
    UNIT_FAILURE_RESULT: FAILED,
    UNIT_STOPPED: STOPPED,
    UNIT_SUCCESS: STOPPED,
}


class Try(NamedTuple):
    """One start of a unit, and how long it was up.

    Attributes:
        begin: when systemd began with it, by the monotonic clock, as all times here.
        up: when it was up, or a oneshot had done its work; None if it never was.
        end: when it ended; None if it goes on.
        state: STARTING, UP, STOPPED or FAILED.
        is_held: whether `nodefix wait` held it before it was up, or before it ended.
        why: it was held, or ended, in one line.
        invocation: 32 hexadecimal digits; empty where they are not known.
    """

    begin: float
    up: float | None = None
    end: float | None = None
    state: str = STARTING
    is_held: bool = False
    why: str = ""
    invocation: str = ""


def tries(unit: str, manager: Iterable[Entry], said: Iterable[Entry] = ()) -> list[Try]:
    """All starts of a unit, the first one first.

    Args:
        unit: its name.
        manager: systemd's records, also of other units, oldest first.
        said: what nodefix said, also in other units, oldest first.
    """
    found: list[Try] = []
    for entry in manager:
        if entry.fields.get("UNIT") == unit:
            _take(found, entry)
    return [_told(unit, one, said_in) for one, said_in in _with_words(unit, found, said)]


def _take(found: list[Try], entry: Entry) -> None:
    """Go on with the last start by one more record."""
    kind, now = entry.fields.get("MESSAGE_ID"), entry.monotonic
    invocation = entry.fields.get("INVOCATION_ID", "")
    is_open = bool(found) and found[-1].end is None
    if kind == UNIT_STARTING:
        if is_open:
            found[-1] = found[-1]._replace(end=now, state=STOPPED)
        found.append(Try(now, invocation=invocation))
    elif kind == UNIT_STARTED:
        if is_open and found[-1].up is None:
            found[-1] = found[-1]._replace(up=now, state=UP)
        elif not is_open:
            # Type=simple without commands before, or its beginning is not in the journal.
            found.append(Try(now, now, state=UP, invocation=invocation))
    elif kind == UNIT_PROCESS_EXIT and is_open:
        found[-1] = found[-1]._replace(why=_exit(entry))
    elif kind in _ENDS and is_open:
        found[-1] = found[-1]._replace(end=now, state=_ENDS[kind])


def _exit(entry: Entry) -> str:
    command = entry.fields.get("COMMAND", "ExecStart")
    how = entry.fields.get("EXIT_CODE", "exited")
    return one_line(f"{command}= {how}, status {entry.fields.get('EXIT_STATUS', 'unknown')}")


def _with_words(
    unit: str, found: Sequence[Try], said: Iterable[Entry]
) -> list[tuple[Try, list[str]]]:
    """Each start with what nodefix said in it; journald may take that after the start's end."""
    by_invocation: dict[str, list[str]] = {}
    for entry in said:
        if entry.fields.get("_SYSTEMD_UNIT") == unit:
            invocation = entry.fields.get("_SYSTEMD_INVOCATION_ID", "")
            by_invocation.setdefault(invocation, []).append(entry.fields.get("MESSAGE", ""))
    return [(one, by_invocation.get(one.invocation, [])) for one in found]


def _told(unit: str, one: Try, said: Sequence[str]) -> Try:
    """The same with why the gate held it, where it said so."""
    head = is_held((unit,))
    at = next((number for number, text in enumerate(said) if text.startswith(head)), None)
    if at is None:
        return one
    first, _, again = said[at].partition(", as before: ")
    reason = again or next(iter(said[at + 1 : at + 2]), "") or first
    return one._replace(is_held=True, why=one_line(reason.partition(" (all of it: ")[0]))
