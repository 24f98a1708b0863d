"""What a rollback says: its records, its text for people, its data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nodefix import events
from nodefix.events import Record
from nodefix.text import bounded
from nodefix.undoing.entries import Reverted, Unreadable
from nodefix.undoing.item import Item, worst
from nodefix.undoing.rollback import Rolled
from nodefix.words import ALREADY, FAILED, KEPT, LEFT, RESTORED, UNDO

# Lines that people are shown; the journal has all of them.
_MOST = 400

_PRIORITIES = {FAILED: events.ERROR, LEFT: events.WARNING}

# What is said of an item, done and planned.
_VERBS = {
    RESTORED: ("restored", "would be restored"),
    ALREADY: ("already as it was", "already as it was"),
    LEFT: ("left", "would be left"),
    KEPT: ("kept", "would be kept"),
    FAILED: ("failed", "failed"),
}


def records(rolled: Rolled) -> Iterator[Record]:
    """One for each change, then one for the chains."""
    for one in rolled.entries:
        if isinstance(one, Unreadable):
            yield _record("", FAILED, "\n".join(_entry(one, dry_run=False)), _look(one))
        else:
            text = "\n".join(_entry(one, dry_run=False))
            hint = next((item.hint for item in one.items if item.hint), "")
            yield _record(one.entry.stage, one.outcome, text, hint)
    if rolled.chains:
        text = "\n".join(_chains(rolled.chains, dry_run=False))
        hint = next((item.hint for item in rolled.chains if item.hint), "")
        yield _record("chains", worst(rolled.chains), text, hint)


def finished_record(rolled: Rolled, switched: str) -> Record:
    """The end of a rollback.

    Args:
        rolled: what came of it.
        switched: what became of nodefix itself, in words.
    """
    fields = {
        "NODEFIX_OUTCOME": rolled.outcome,
        "NODEFIX_CHANGES": str(sum(item.outcome == RESTORED for item in rolled.items)),
    }
    priority = _PRIORITIES.get(rolled.outcome, events.NOTICE)
    message = f"rolled back: {summary(rolled)}; {switched}"
    return Record(events.ROLLED_BACK, priority, message, fields)


def _record(stage: str, outcome: str, text: str, hint: str) -> Record:
    fields = {"NODEFIX_OUTCOME": outcome}
    fields |= {"NODEFIX_STAGE": stage} if stage else {}
    fields |= {"NODEFIX_HINT": hint} if hint else {}
    priority = _PRIORITIES.get(outcome, events.NOTICE)
    return Record(events.UNDONE, priority, f"rollback: {text}", fields)


def summary(rolled: Rolled) -> str:
    """`3 restored, 1 left`."""
    outcomes = [item.outcome for item in rolled.items]
    outcomes += [FAILED for one in rolled.entries if isinstance(one, Unreadable)]
    counts = ((outcomes.count(one), one) for one in (RESTORED, LEFT, KEPT, FAILED))
    return ", ".join(f"{count} {one}" for count, one in counts if count) or "nothing to restore"


def in_words(rolled: Rolled, last: Sequence[str], *, dry_run: bool) -> str:
    """All of it for people.

    Args:
        rolled: what came of it.
        last: what is said at the end, whatever is left out before it.
        dry_run: whether nothing was changed.
    """
    lines = [line for one in rolled.entries for line in _entry(one, dry_run=dry_run)]
    lines += _chains(rolled.chains, dry_run=dry_run)
    if not any(item.outcome != ALREADY for item in rolled.items) and not lines:
        lines.append("nothing to restore")
    if len(lines) > _MOST:
        more = len(lines) - _MOST
        lines[_MOST:] = [f"{more} more lines: journalctl -t nodefix -b"]
    return "\n".join([*lines, *rolled.notes, *last])


def as_data(rolled: Rolled, *, dry_run: bool, switched_off: bool) -> dict[str, object]:
    """All of it for programs; of a dry run `restored` is what would be."""
    return {
        "dry_run": dry_run,
        "outcome": rolled.outcome,
        "switched_off": switched_off,
        "entries": [
            {
                "number": one.entry.number,
                "stage": one.entry.stage,
                "target": one.entry.target,
                "time": one.entry.time,
                "outcome": one.outcome,
                "items": [item._asdict() for item in one.items],
            }
            for one in rolled.entries
            if isinstance(one, Reverted)
        ],
        "unreadable": [one._asdict() for one in rolled.entries if isinstance(one, Unreadable)],
        "chains": [item._asdict() for item in rolled.chains],
        "notes": list(rolled.notes),
    }


def _entry(one: Reverted | Unreadable, *, dry_run: bool) -> list[str]:
    if isinstance(one, Unreadable):
        return [f"{one.file}: left: {bounded(one.why)}", f"  see: {_look(one)}"]
    head = f"{one.entry.stage}: {bounded(one.entry.target)} (changed {bounded(one.entry.time)})"
    lines = [f"{head}: {_VERBS[one.outcome][dry_run]}"]
    lines += [line for item in one.items for line in _item(item, dry_run=dry_run)]
    return [*lines, f"  {one.note}"] if one.note else lines


def _look(one: Unreadable) -> str:
    return f"head -c 2000 {one.file if '/' in one.file else f'/{UNDO}/{one.file}'}"


def _chains(items: Sequence[Item], *, dry_run: bool) -> list[str]:
    return [f"chains: {line.lstrip()}" for item in items for line in _item(item, dry_run=dry_run)]


def _item(item: Item, *, dry_run: bool) -> list[str]:
    verb = _VERBS[item.outcome][dry_run]
    head = f"  {bounded(item.target)}: {verb}"
    match item.outcome:
        case "already":
            return []
        case "restored":
            return [f"{head}: {item.found} -> {item.was}"]
        case _:
            lines = [f"{head}: {bounded(item.why)}; found {item.found}, it was {item.was}"]
            return [*lines, f"    see: {item.hint}"] if item.hint else lines
