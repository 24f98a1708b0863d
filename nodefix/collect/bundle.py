"""All parts, redacted and within bounds, as the files of an archive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from nodefix import __version__
from nodefix.collect import files, records, said
from nodefix.collect.hosts import Hosts
from nodefix.collect.names import names_of, read_names
from nodefix.collect.part import Got, Lines, Part, gather
from nodefix.collect.redact import Redactor
from nodefix.collect.taken import KINDS, Count
from nodefix.deadline import Deadline
from nodefix.errors import NodefixError
from nodefix.host.node import Host
from nodefix.shape import Json
from nodefix.text import harmless
from nodefix.words import LEARNED_MODE, MARKER, REPAIRED, REPORT, RESTART_DUE, STATE_FILE, SWITCH

# Bytes of all files, and seconds: for all of it, and of these for reading.
SIZE = 8 << 20
SECONDS, READING = 60.0, 42.0

INDEX, TAKEN = "index.txt", "taken-out.txt"
_FILE = 3.0

# How an entry ends in which a key begins, by RFC 7468; a line of it after that, by RFC 1421 and RFC
# 9580 section 6.2; the most that one has. What has spaces is a sentence.
_KEY_BEGUN = re.compile(r"-----BEGIN [A-Z0-9 ]{1,60}-----[ \t\r]*(?:\n[A-Za-z0-9+/=\r]*)*\Z")
_KEY_LINE = re.compile(
    r"[A-Za-z0-9+/=]*|(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): .*|(-----END .*)"
)
_KEY_LINES = 400

NAMES = Part("names", 8.0, read_names)
# What is cheap and tells most comes first: what is too much or too late is what stands last.
PARTS = (
    Part("report.json", _FILE, files.data_of(f"/{REPORT}")),
    Part("state.txt", _FILE, files.text_of(f"/{STATE_FILE}")),
    Part("ready.json", _FILE, files.data_of(f"/{MARKER}")),
    Part("repaired.json", _FILE, files.data_of(f"/{REPAIRED}")),
    Part("kube-proxy-mode.json", _FILE, files.data_of(f"/{LEARNED_MODE}")),
    Part("kube-proxy-restart-due.txt", _FILE, files.text_of(f"/{RESTART_DUE}")),
    Part("disabled.txt", _FILE, files.text_of(f"/{SWITCH}")),
    Part("settings.json", _FILE, files.settings),
    Part("undo-entries.json", _FILE, files.undo_entries),
    Part("backups.json", _FILE, files.backups),
    Part("versions.json", 10.0, said.versions),
    Part("status.json", 15.0, said.nodefix("status", "--format", "json", seconds=12)),
    Part("check.json", 23.0, said.nodefix("check", "--format", "json", seconds=20)),
    Part("journal-nodefix.txt", 9.0, records.journal(records.OF_NODEFIX)),
    Part("kube-proxy-errors.txt", _FILE, records.kube_proxy_errors),
    Part("config-show.json", 11.0, said.nodefix("config", "show", "--format", "json", seconds=8)),
    Part("dry-run.txt", 18.0, said.nodefix("run", "--dry-run", seconds=15, data=False)),
    Part("history.json", 13.0, said.nodefix("history", "--format", "json", seconds=10)),
    Part("journal-systemd.txt", 9.0, records.journal(records.OF_SYSTEMD)),
    Part("journal-units.txt", 9.0, records.journal(records.OF_UNITS)),
    Part("journal-kernel.txt", 9.0, records.journal(records.OF_KERNEL)),
)


class Bundle(NamedTuple):
    """What goes into an archive.

    Attributes:
        files: name to content.
        taken: what was taken out.
        missing: name to what is missing of it, redacted.
    """

    files: Mapping[str, bytes]
    taken: list[Count]
    missing: Mapping[str, str]


def collect(host: Callable[[], Host], by: str, now: str, parts: Iterable[Part] = PARTS) -> Bundle:
    """Read, redact, and describe what there is.

    Args:
        host: opens a node.
        by: who collects: root, or an ordinary user.
        now: the time, as text.
        parts: what is read.
    """
    whole = Deadline("collecting", SECONDS)
    got = dict(gather((NAMES, *parts), host, Deadline("collecting", READING)))
    names = got.pop(NAMES.name)
    redactor = _redactor(names, lambda: whole.left(1))
    found: dict[str, bytes] = {}
    lines: dict[str, str] = {}
    missing: dict[str, str] = {}
    if names.missing:
        got[NAMES.name] = Got(missing=names.missing)
    late = _learned(redactor, got)
    size = 0
    for name, one in got.items():
        try:
            if late:
                raise late
            text, note, lack = _redacted(redactor, one)
        except NodefixError as error:
            # What was not looked through goes nowhere.
            text, note, lack = "", "", f"left out: {error.message}"
        content = harmless(text).encode("utf-8", "replace")
        if size + len(content) > SIZE:
            content, lack = b"", f"left out: with it there were more than {SIZE} bytes"
        size += len(content)
        if content:
            found[name] = content
        if lack:
            missing[name] = lack
        what = f"{len(content)} bytes" if content else "none"
        lines[name] = ": ".join(filter(None, (name, what)))
        lines[name] += f"; {note}" if note else ""
        lines[name] += f"; missing: {lack}" if lack else ""
    taken = redactor.counts()
    found[TAKEN] = _taken_out(taken, redactor.left_names).encode()
    found[INDEX] = _index(by, now, lines, missing).encode("utf-8", "replace")
    return Bundle(found, taken, missing)


def _redactor(names: Got, check: Callable[[], object]) -> Redactor:
    return Redactor(Hosts(*names_of(names)), check)


def _learned(redactor: Redactor, got: Mapping[str, Got]) -> NodefixError | None:
    """Learn names from all parts; an error where there was no time for that."""
    try:
        for one in got.values():
            redactor.learn(_plain(one))
            redactor.learn([one.note, one.missing])
    except NodefixError as error:
        return error
    return None


def _plain(got: Got) -> Json:
    if isinstance(got.content, Lines):
        return [text for entry in got.content.entries for text in entry]
    return got.content


def _redacted(redactor: Redactor, got: Got) -> tuple[str, str, str]:
    """A part's text, its note, and what is missing, all redacted.

    Raises:
        NodefixError: there was no time for it.
    """
    note, lack = redactor.text(got.note), redactor.text(got.missing)
    content = got.content
    if content is None:
        return "", note, lack
    if isinstance(content, Lines):
        text = "".join(_entry(redactor, *entry) for entry in _whole(content.entries))
    elif isinstance(content, str):
        text = redactor.text(content)
    else:
        text = json.dumps(redactor.value(content), indent=1) + "\n"
    return redactor.again(text), note, lack


def _whole(entries: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The entries, keys that were printed line by line as one: only a whole one is known."""
    found: list[tuple[str, list[str]]] = []
    # Of each source, by what stands before an entry without its time.
    begun: dict[str, list[str]] = {}
    for head, body in entries:
        source = head.partition(" ")[2]
        lines = begun.pop(source, [])
        part = _KEY_LINE.fullmatch(body.strip()) if 0 < len(lines) < _KEY_LINES else None
        if part:
            lines.append(body)
            goes_on = not part[1]
        else:
            lines = [body]
            found.append((head, lines))
            goes_on = bool(_KEY_BEGUN.search(body))
        if goes_on:
            begun[source] = lines
    return ((head, "\n".join(lines)) for head, lines in found)


def _entry(redactor: Redactor, head: str, body: str) -> str:
    # What one entry says may go over lines: a key, for example.
    lines = redactor.text(body).splitlines() or [""]
    return "\n    ".join([f"{redactor.text(head)} {lines[0]}", *lines[1:]]) + "\n"


def in_words(taken: Iterable[Count]) -> list[str]:
    """What was taken out, a line a kind."""
    return [f"{KINDS[one.kind]}: {one.values} (in {one.places} places)" for one in taken]


def _taken_out(taken: Iterable[Count], left: int) -> str:
    lines = [
        "What was taken out of these files. The same value has the same name in all of them.",
        "",
        *(in_words(taken) or ["nothing"]),
    ]
    if left:
        lines += ["", f"left: {left} names of hosts that are common words or single letters"]
    return "\n".join([*lines, ""])


def _index(by: str, now: str, lines: Mapping[str, str], missing: Mapping[str, str]) -> str:
    state = f"{len(missing)} parts are missing or not whole" if missing else "all parts are whole"
    head = f"nodefix {__version__}, collected at {now} by {by}: {state}"
    return harmless("\n".join([head, "", *(lines[name] for name in sorted(lines)), ""]))
