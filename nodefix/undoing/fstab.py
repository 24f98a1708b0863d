"""Lines of /etc/fstab that were commented out come back; every other byte of it stays."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nodefix.facts.fstab import FSTAB
from nodefix.plan import Undo
from nodefix.text import LINE, one_line
from nodefix.undo import content_of
from nodefix.undoing.item import Item
from nodefix.undoing.tree import Tree
from nodefix.words import ALREADY, FAILED, LEFT, RESTORED


class Line(NamedTuple):
    """One line that was changed.

    Attributes:
        number: where it stood, from 1.
        was: its bytes before.
        became: its bytes afterwards.
    """

    number: int
    was: bytes
    became: bytes


class Verdict(NamedTuple):
    """What is to be done about a line.

    Attributes:
        outcome: restored, already, or left.
        at: where it stands now, from 0; only for restored.
        why: for left.
    """

    outcome: str
    at: int = -1
    why: str = ""


def lines_of(undo: Undo) -> tuple[Line, ...]:
    """The lines that an entry tells of.

    Raises:
        KeyError, TypeError, ValueError: it does not have the shape of one about fstab.
    """
    if undo.was.keys() != undo.became.keys():
        raise ValueError("`was` and `became` are about different lines")
    if not all(number.isdecimal() and int(number) for number in undo.was):
        raise ValueError("found a line without a number")
    return tuple(
        Line(int(number), content_of(undo.was, number), content_of(undo.became, number))
        for number in sorted(undo.was, key=int)
    )


def compare(told: Sequence[Line], there: Sequence[bytes]) -> dict[Line, Verdict]:
    """Find each line that still is exactly what it became, wherever it stands now.

    Where lines were added or removed above it, it is found by its text, if no more lines have that
    text than were given it.
    """
    found: dict[Line, Verdict] = {}
    taken: set[int] = set()
    for line in told:
        if there[line.number - 1 : line.number] == [line.became]:
            found[line] = Verdict(RESTORED, line.number - 1)
            taken.add(line.number - 1)
    rest = [line for line in told if line not in found]
    for line in rest:
        free = [at for at, text in enumerate(there) if text == line.became and at not in taken]
        same = [one for one in rest if one.became == line.became and one not in found]
        if len({one.was for one in same}) > 1 or len(free) > len(same):
            found[line] = Verdict(LEFT, why="more than one line there could be the one")
        elif free:
            found[line] = Verdict(RESTORED, free[0])
            taken.add(free[0])
        elif line.was in there:
            found[line] = Verdict(ALREADY)
        else:
            found[line] = Verdict(LEFT, why="nodefix's line was changed or removed since")
    return {line: found[line] for line in told}


def put_back(told: Sequence[Line], tree: Tree) -> Iterator[Item]:
    """Put the lines back in one write."""
    try:
        there = tree.content(FSTAB).split(b"\n")
    except FileNotFoundError:
        there = []
    except OSError as error:
        why = f"{FSTAB} cannot be read: {error.strerror}"
        yield from (_failed(line, why, f"ls -lZ {FSTAB}") for line in told)
        return
    verdicts = compare(told, there)
    new = {found.at: line.was for line, found in verdicts.items() if found.outcome == RESTORED}
    why = _rewrite(tree, [new.get(at, text) for at, text in enumerate(there)]) if new else ""
    for line, found in verdicts.items():
        match found.outcome:
            case "restored" if why:
                yield _failed(line, why, f"lsattr {FSTAB}; ls -lZ {FSTAB}; findmnt -T {FSTAB}")
            case "left":
                missing = "its line is not there" if there else "there is no such file"
                yield _item(line, LEFT, missing, found.why, _by_hand(line))
            case "restored":
                moved = f", on line {found.at + 1} now" if found.at + 1 != line.number else ""
                yield _item(line, RESTORED, _shown(line.became) + moved)
            case outcome:
                yield _item(line, outcome, _shown(line.was))


def _rewrite(tree: Tree, lines: list[bytes]) -> str:
    """Write the lines and read them again; why that failed."""
    content = b"\n".join(lines)
    try:
        tree.rewrite(FSTAB, content)
        if tree.content(FSTAB) == content:
            return ""
    except OSError as error:
        return f"{FSTAB} cannot be written: {error.strerror}"
    return f"{FSTAB} has other content than was just written to it"


def _failed(line: Line, why: str, hint: str) -> Item:
    return _item(line, FAILED, "what could not be restored", why, hint)


def _item(line: Line, outcome: str, found: str, why: str = "", hint: str = "") -> Item:
    return Item(f"{FSTAB} line {line.number}", outcome, found, _shown(line.was), why, hint)


def _shown(line: bytes) -> str:
    return f"`{one_line(line.decode('utf-8', 'backslashreplace'))}`"


def _by_hand(line: Line) -> str:
    """The command that has the line again, where it can be typed."""
    text = line.was.decode("ascii", "replace").rstrip("\r")
    if len(text) > LINE or "\ufffd" in text or not text.replace("\t", " ").isprintable():
        return f"grep -n swap {FSTAB}"
    return f"printf '\\n%s\\n' {shlex.quote(text)} >>{FSTAB}"
