"""What is taken out of a text: each value gets one name, which it keeps in all texts.

While a text is worked on a single private character stands for the name, so that no later rule
finds anything in what an earlier one has put there, and each sees a word's end beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

# Unicode's planes 15 and 16, which are private; both end with two that are no characters.
_FIRST, _LAST = 0xF0000, 0x10FFFD
_PRIVATE = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
# Behind an escape, as JSON within JSON and systemd's names have them, so that its letters are no
# part of the word that follows.
WALL = chr(_FIRST)
_ESCAPE = re.compile(r"\\(?:[abfnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})")
# Where a text has such a character of its own.
_FOREIGN = "\ufffd"

HOST, DOMAIN, USER, MAIL = "host", "domain", "user", "mail"
IPV4, IPV6, MAC = "ipv4", "ipv6", "mac"
ID, DISK, SECRET = "id", "disk", "secret"

# Kind to its words, in the order in which people are told.
KINDS = {
    HOST: "host names",
    DOMAIN: "domain names",
    IPV4: "IPv4 addresses",
    IPV6: "IPv6 addresses",
    MAC: "hardware addresses and fingerprints",
    USER: "login names",
    MAIL: "mail addresses",
    ID: "UUIDs, machine ids and other long numbers",
    DISK: "names of disks with their serial numbers",
    SECRET: "tokens, passwords, keys and certificates",
}
# Parts of names and addresses that programs read: these look like what they stand for.
_PLAIN = (HOST, DOMAIN)


class Count(NamedTuple):
    """How much of a kind was taken out: different values, and places where they stood."""

    kind: str
    values: int
    places: int


class Taken:
    """The values that were taken out, and their names."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}
        self._values: Counter[str] = Counter()
        self._places: Counter[str] = Counter()

    def put(self, kind: str, value: str) -> str:
        """The mark that stands for a value.

        Args:
            kind: one of KINDS.
            value: in the one form that all its spellings have.
        """
        self._places[kind] += 1
        value = value.replace(WALL, "")
        mark = self._marks.get((kind, value))
        if mark is None:
            mark = self._new(kind, value)
        return mark

    def _new(self, kind: str, value: str) -> str:
        self._values[kind] += 1
        # The last one stands for all that are too many.
        mark = chr(min(_FIRST + 1 + len(self._names), _LAST))
        number = "more" if ord(mark) == _LAST else self._values[kind]
        name = f"{kind}-{number}"
        self._names[mark] = name if kind in _PLAIN else f"<{name}>"
        self._marks[kind, value] = mark
        return mark

    @staticmethod
    def is_mark(text: str) -> bool:
        """Whether a text is nothing but marks."""
        return bool(text) and not _PRIVATE.sub("", text)

    def values(self, kind: str) -> list[str]:
        """The values of a kind."""
        return [value for found, value in self._marks if found == kind]

    def begin(self, text: str) -> str:
        """A text without marks of its own, and with walls."""
        return _ESCAPE.sub(lambda found: found[0] + WALL, _PRIVATE.sub(_FOREIGN, text))

    def end(self, text: str) -> str:
        """A text with names in the places of the marks."""
        return _PRIVATE.sub(lambda mark: self._names[mark[0]], text.replace(WALL, ""))

    def counts(self) -> list[Count]:
        """How much was taken out, of each kind of which there was any."""
        return [
            Count(kind, self._values[kind], self._places[kind])
            for kind in KINDS
            if self._values[kind]
        ]
