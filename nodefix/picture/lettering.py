"""Text in a picture: how wide it is about, where it breaks, and in a form that XML takes."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from nodefix.text import harmless

# Characters that XML 1.0 has no place for, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Parts of the size of a font: of narrow, wide and other characters, rather too much than too little
# (DejaVu Sans, which is the widest of those that are asked for).
_NARROW, _WIDE = frozenset("iljtfrI.,:;|!'()[]/ -"), frozenset("mwMWQO@%&—")
_PARTS = (0.42, 0.98, 0.64)


def clean(text: str) -> str:
    """Text as the content of an element."""
    return escape(_NO_XML.sub("\ufffd", harmless(text)))


def quoted(text: str) -> str:
    """Text as the value of an attribute, with its quotes."""
    return quoteattr(_NO_XML.sub("\ufffd", harmless(text)))


def width(text: str, size: float, is_mono: bool = False) -> float:
    """How wide a text is at the most, in pixels."""
    if is_mono:
        return len(text) * size * 0.61
    return size * sum(_part(character) for character in text)


def _part(character: str) -> float:
    narrow, wide, other = _PARTS
    if character in _NARROW:
        return narrow
    # What is not Latin can be as wide as it is high.
    return wide if character in _WIDE or ord(character) > 0x24F else other


def cut(text: str, size: float, room: float) -> str:
    """The text, or its beginning and an ellipsis, so that it has room."""
    text = harmless(text).replace("\n", " ")
    if width(text, size) <= room:
        return text
    # No letter is narrower than a quarter of its height.
    text = text[: int(4 * room / size)]
    while text and width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text}…"


def wrapped(text: str, size: float, room: float, most: int, is_mono: bool = False) -> list[str]:
    """The text on so many lines at the most; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    line = ""
    for word in harmless(text).split():
        longer = f"{line} {word}" if line else word
        if width(longer, size, is_mono) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        # One without blanks is broken anywhere.
        while width(word, size, is_mono) > room and len(lines) < most:
            count = _fits(word, size, room, is_mono)
            lines.append(word[:count])
            word = word[count:]
        line = word
        if len(lines) >= most:
            break
    if line:
        lines.append(line)
    if len(lines) > most:
        lines = lines[:most]
        lines[-1] = f"{lines[-1][:-2].rstrip()} …"
    return lines


def _fits(word: str, size: float, room: float, is_mono: bool) -> int:
    count = max(int(room / size / 0.98), 1)
    while count < len(word) and width(word[: count + 1], size, is_mono) <= room:
        count += 1
    return count
