"""The state before each lasting change that nodefix makes, saved before the change.

One file a change below /var/lib/nodefix/undo, numbered in their order. A change that is `begun` may
be there or not: whoever reverts it compares what is there with what the change left.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.host.reading import read_file
from nodefix.host.writing import make_folder, write_atomic
from nodefix.plan import Change, Undo
from nodefix.shape import JsonObject, an, mapping, parsed
from nodefix.text import stamp
from nodefix.words import UNDO

SCHEMA = 1
BEGUN, MADE, UNDONE = "begun", "made", "undone"

# Of more than these one of the middle goes: the first ones are what the admin had.
MOST = 1000
# Bytes of one entry. JSON takes six for a byte that is no text, and fstab may have 1 MiB of them.
LIMIT = 16 << 20

# As _file() writes it: four digits at least, and no more zeros than that takes.
_NAME = re.compile(r"(\d{4}|[1-9]\d{4,17})\.json", re.ASCII)
_WORDS = ("stage", "target", "state", "time")


class Entry(NamedTuple):
    """One change, as it was written down.

    Attributes:
        number: its place in the order; the file's name.
        stage: whose change it is.
        target: what was changed, in words.
        undo: what stood there, and what the change left.
        state: `begun` before it is made, `made` once it was seen to be there, `undone` once what
            stood there is back.
        time: when it was begun, ISO 8601 in UTC.
    """

    number: int
    stage: str
    target: str
    undo: Undo
    state: str
    time: str


class UndoLog:
    """The entries of one node."""

    def __init__(self, root: Path) -> None:
        self._folder = root / UNDO

    def begin(self, stage: str, change: Change) -> int:
        """Save a change that is about to be made.

        Returns:
            Its number; that of an earlier entry where the same change is made once more.

        Raises:
            NodefixError: it cannot be saved, so the change must not be made.
        """
        assert change.undo is not None
        try:
            make_folder(self._folder, 0o700)
            there = self._numbers()
            number = self._same(stage, change, there) or max(there, default=0) + 1
            self._write(_entry(number, stage, change, BEGUN))
        except OSError as error:
            raise NodefixError(
                f"{change.target} is left unchanged, because its present state cannot be saved"
                f" in /{UNDO}: {error.strerror}",
                f"df -h /var/lib; df -i /var/lib; ls -ldZ /{UNDO}; findmnt -T /var/lib",
            ) from error
        if number not in there and len(there) >= MOST:
            # One entry too many does no harm.
            with contextlib.suppress(OSError):
                self._file(there[MOST // 2]).unlink()
        return number

    def confirm(self, number: int) -> None:
        """Note that a change was seen to be there.

        Raises:
            OSError: it cannot be written; the change counts as begun, which loses nothing.
        """
        self._mark(number, MADE)

    def revert(self, number: int) -> None:
        """Note that all that stood there is back; the same change made again is begun once more.

        Raises:
            OSError: it cannot be written; whoever reverts it again finds nothing to do.
        """
        self._mark(number, UNDONE)

    def entries(self) -> Iterator[Entry | Path]:
        """All entries, newest first; the path of one that cannot be read.

        Raises:
            OSError: the folder cannot be listed.
        """
        for number in reversed(self._numbers()):
            yield self._read(number) or self._file(number)

    def _mark(self, number: int, state: str) -> None:
        entry = self._read(number)
        if entry:
            self._write(entry._replace(state=state))

    def _same(self, stage: str, change: Change, there: list[int]) -> int:
        """The newest entry about this target, if it is about the same change; else 0."""
        for number in reversed(there):
            entry = self._read(number)
            if entry and (entry.stage, entry.target) == (stage, change.target):
                return number if entry.undo == change.undo else 0
        return 0

    def _numbers(self) -> list[int]:
        with contextlib.suppress(FileNotFoundError):
            found = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
            return sorted(int(name[1]) for name in found if name)
        return []

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:04}.json"

    def _write(self, entry: Entry) -> None:
        content = {"schema": SCHEMA, **entry._asdict(), "undo": entry.undo._asdict()}
        text = json.dumps(content, indent=1) + "\n"
        if len(text) > LIMIT:
            # It could not be read back.
            raise OSError(errno.EOVERFLOW, f"found {len(text)} bytes, expected at most {LIMIT}")
        write_atomic(self._file(entry.number), text.encode(), 0o600)

    def _read(self, number: int) -> Entry | None:
        try:
            found = parsed(read_file(self._file(number), LIMIT))
            undo = mapping(found["undo"])
            if found["schema"] != SCHEMA:
                return None
            stage, target, state, begun = (an(str, found[key]) for key in _WORDS)
            changed = Undo(an(str, undo["kind"]), mapping(undo["was"]), mapping(undo["became"]))
            return Entry(number, stage, target, changed, state, begun)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


def _entry(number: int, stage: str, change: Change, state: str) -> Entry:
    assert change.undo is not None
    now = stamp()
    return Entry(number, stage, change.target, change.undo, state, now)


def text(content: bytes) -> str:
    """Bytes as an entry holds them."""
    return content.decode("utf-8", "surrogateescape")


def content_of(found: JsonObject, key: str) -> bytes:
    """The bytes that text() made a string of.

    Raises:
        KeyError, TypeError, UnicodeError: there is no such string.
    """
    return an(str, found[key]).encode("utf-8", "surrogateescape")
