"""Takes out of texts and data what belongs to nobody else: names, addresses, secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nodefix.collect.addresses import take_addresses
from nodefix.collect.hosts import Hosts
from nodefix.collect.secrets import is_secret, take_secrets
from nodefix.collect.taken import SECRET, Count, Taken
from nodefix.shape import Json

# What text.shortened() puts in the place of what it cuts out: the words at both ends may be halves
# of what a rule would know.
_CUT = re.compile(r" \[[0-9]{1,12} characters left out\] ")
_AFTER_CUT = re.compile(r"^[^\s\"]*")
# A secret that is found elsewhere too, without what tells that it is one: long enough not to be a
# word, and so many of them.
_LEAST, _MOST = 8, 500
_DEPTH = 60


class Redactor:
    """Takes out, and remembers what it took.

    Args:
        hosts: the names.
        check: called before each text; raises what it wants when the time is over.
    """

    def __init__(self, hosts: Hosts, check: Callable[[], object] = lambda: None) -> None:
        self._hosts = hosts
        self._taken = Taken()
        self._check = check

    def learn(self, value: Json) -> None:
        """Look for names of hosts in what will be redacted."""
        for text in _texts(value):
            self._check()
            self._hosts.learn(self._taken.begin(text))

    def text(self, text: str) -> str:
        """A text without what is to be taken out."""
        self._check()
        found = self._taken.begin(text)
        found = _without_halves(found)
        found = take_secrets(found, self._taken)
        found = self._hosts.take(found, self._taken)
        found = take_addresses(found, self._taken)
        return self._taken.end(found)

    def value(self, value: Json, depth: int = 0) -> Json:
        """Data of JSON's shapes, each text in it redacted; keys, too."""
        if depth > _DEPTH:
            return "[too deep]"
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return list(self._items(value, depth + 1))
        if isinstance(value, dict):
            return {self.text(key): self._member(key, one, depth + 1) for key, one in value.items()}
        return value

    def again(self, text: str) -> str:
        """A redacted text without the secrets that stand in it bare, and were told elsewhere."""
        secrets = [
            secret
            for secret in self._taken.values(SECRET)
            if _LEAST <= len(secret) <= 500 and re.search("[0-9]", secret)
        ][:_MOST]
        if not secrets:
            return text
        secrets.sort(key=len, reverse=True)
        either = re.compile("|".join(map(re.escape, secrets)))
        marked = either.sub(lambda found: self._taken.put(SECRET, found[0]), text)
        return self._taken.end(marked)

    @property
    def left_names(self) -> int:
        """How many names of hosts were left, since they are words like others."""
        return len(self._hosts.left)

    def counts(self) -> list[Count]:
        """What was taken out."""
        return self._taken.counts()

    def _member(self, key: str, value: Json, depth: int) -> Json:
        if isinstance(value, str) and is_secret(key, value):
            return self._taken.end(self._taken.put(SECRET, value))
        if isinstance(value, int) and not isinstance(value, bool) and is_secret(key, str(value)):
            return self._taken.end(self._taken.put(SECRET, str(value)))
        if isinstance(value, list) and is_secret(key, "1"):
            return [self._member(key, one, depth) for one in value]
        return self.value(value, depth)

    def _items(self, values: list[Json], depth: int) -> Iterator[Json]:
        """The items of a list; what follows `--token` is its value."""
        before = ""
        for one in values:
            is_value = isinstance(one, str) and not one.startswith("-") and "=" not in before
            if isinstance(one, str) and is_value and before.startswith("-"):
                yield self._member(before, one, depth)
            else:
                yield self.value(one, depth)
            before = one if isinstance(one, str) else ""


def _without_halves(text: str) -> str:
    pieces = _CUT.split(text)
    if len(pieces) == 1:
        return text
    marks = _CUT.findall(text)
    last = len(pieces) - 1
    for number, piece in enumerate(pieces):
        piece = _AFTER_CUT.sub("", piece) if number else piece
        pieces[number] = piece if number == last else piece[: _last_word(piece)]
    return "".join(piece + mark for piece, mark in zip(pieces, [*marks, ""], strict=True))


def _last_word(text: str) -> int:
    """Where the last word of a text begins."""
    return max(text.rfind(end) for end in ' \n\t"') + 1


def _texts(value: Json) -> Iterator[str]:
    """All texts in data."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += [*one.keys(), *one.values()]
