"""What the neighbours of nodefix print, and which of it stands in a text.

No regular expressions: a line is looked through once for each text that occurs at all, so that no
input makes it slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.host.image import for_this_node
from nodefix.host.reading import read_file
from nodefix.shape import an, items, mapping
from nodefix.yamlfile import parse

_FILE = Path(__file__).with_name("symptoms.yaml")

# Quotation marks differ by program and are changed on the way through a browser; JSON and Go put
# backslashes before them.
_MARKS = str.maketrans(
    {"`": "'", '"': "'", "\u2018": "'", "\u2019": "'", "\u00b4": "'", "\\": None}
)


class Symptom(NamedTuple):
    """One row of symptoms.yaml, which explains the attributes; `lines` are ready for matching."""

    id: str
    by: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    cause: str
    source: str
    fix: str
    example: str
    now: str = ""
    about: tuple[str, ...] = ()
    look: str = ""
    follows: bool = False


class Text(NamedTuple):
    """Something to be explained.

    Attributes:
        where: what it is from; empty for what was typed.
        content: its lines, oldest first.
        times: when each line was printed, in seconds since 1970; empty where that is not known.
    """

    where: str
    content: str
    times: Sequence[float] = ()


class Found(NamedTuple):
    """A symptom that is there.

    Attributes:
        symptom: which.
        seen: lines that show it.
        line: the newest of them.
        where: what that is from.
        time: when it was printed; 0 where that is not known.
    """

    symptom: Symptom
    seen: int
    line: str
    where: str
    time: float = 0.0


def load() -> tuple[Symptom, ...]:
    """All symptoms, those that matter most first.

    Raises:
        NodefixError: the file that comes with nodefix cannot be read.
    """
    try:
        return tuple(_symptom(mapping(row)) for row in items(parse(read_file(_FILE))))
    except (OSError, KeyError, TypeError, NodefixError) as error:
        hint = for_this_node("dnf reinstall nodefix")
        raise NodefixError(f"{_FILE}: {error}", hint) from error


def find(symptoms: Sequence[Symptom], texts: Iterable[Text]) -> list[Found]:
    """The symptoms that are in the texts: causes before consequences, the most frequent first."""
    found: dict[str, Found] = {}
    for text in texts:
        flat = _flat(text.content)
        lines = text.content.split("\n"), flat.split("\n")
        for symptom in symptoms:
            # What does not occur anywhere is out after one look.
            patterns = [line for line in symptom.lines if all(piece in flat for piece in line)]
            numbers = list(_matching(lines[1], patterns)) if patterns else []
            if numbers:
                before = found.get(symptom.id)
                found[symptom.id] = _newest(symptom, text, lines[0], numbers, before)
    order = {symptom.id: number for number, symptom in enumerate(symptoms)}
    return sorted(
        found.values(), key=lambda one: (one.symptom.follows, -one.seen, order[one.symptom.id])
    )


def own_words(found: Found) -> frozenset[str]:
    """What a line has beside the symptom's own text, such as the name of a module.

    Returns:
        Words in lower case, of four characters and more, one of them a letter.
    """
    common = {word for line in found.symptom.lines for piece in line for word in _words_of(piece)}
    return frozenset(_words_of(_flat(found.line))) - common


def _words_of(flat: str) -> Iterator[str]:
    words = "".join(c if c.isalnum() or c in "_-/." else " " for c in flat).split()
    return (word for word in words if len(word) > 3 and any(c.isalpha() for c in word))


def _newest(
    symptom: Symptom, text: Text, lines: Sequence[str], numbers: Sequence[int], before: Found | None
) -> Found:
    last = numbers[-1]
    time = text.times[last] if last < len(text.times) else 0.0
    new = Found(symptom, len(numbers), lines[last].strip(), text.where, time)
    if not before:
        return new
    newest = before if before.time > new.time else new
    return newest._replace(seen=before.seen + new.seen)


def _matching(lines: Sequence[str], patterns: Sequence[Sequence[str]]) -> Iterator[int]:
    for number, line in enumerate(lines):
        if any(_is_in(pattern, line) for pattern in patterns):
            yield number


def _is_in(pattern: Sequence[str], line: str) -> bool:
    """Whether the pieces stand in the line, one after the other."""
    place = 0
    for piece in pattern:
        place = line.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


def _flat(text: str) -> str:
    """The text as it is compared: as many lines, in lower case, with one kind of mark."""
    return text.translate(_MARKS).lower()


def _symptom(row: object) -> Symptom:
    found = mapping(row)
    return Symptom(
        id=an(str, found["id"]),
        by=_words(found["by"]),
        lines=tuple(
            tuple(piece for piece in _flat(line).split("*") if piece)
            for line in _words(found["lines"])
        ),
        cause=an(str, found["cause"]),
        source=an(str, found["source"]),
        fix=an(str, found["fix"]),
        example=an(str, found["example"]),
        now=an(str, found.get("now", "")),
        about=_words(found.get("about", [])),
        look=an(str, found.get("look", "")),
        follows=an(bool, found.get("follows", False)),
    )


def _words(value: object) -> tuple[str, ...]:
    return tuple(an(str, word) for word in items(value))
