"""What `alternatives` has registered for a leader: its state file, read as the program reads it.

A file that the program refuses, or crashes on, is `refused` here too: no call of it repairs that.
Source: readConfig() of https://github.com/fedora-sysv/chkconfig/blob/1.33/alternatives.c; Debian's
update-alternatives writes the same format.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodefix.host.node import Host

# Three lines for each follower: enough for more candidates than exist anywhere.
_LIMIT = 1 << 18
# What C's isspace() takes.
_SPACE = " \t\n\v\f\r"
# `[@family@]priority[service]`, the number as strtol(…, 0) takes it.
_PRIORITY = re.compile(
    r"(?:@[^@]+@)?\s*([+-]?)(0x[0-9a-f]{1,15}|0[0-7]{0,17}|[1-9][0-9]{0,17})",
    re.ASCII | re.IGNORECASE,
)


class Candidate(NamedTuple):
    """One candidate of a leader.

    Attributes:
        priority: the highest one is the best.
        followers: the target of each of its followers, by name.
    """

    priority: int
    followers: Mapping[str, str]


class Entry(NamedTuple):
    """A leader's registration.

    Attributes:
        state: `registered`, `absent`, `refused` by the program, or `unknown`: it could not be read.
        file: the state file.
        why: for `refused` and `unknown`, the reason.
        automatic: whether the best candidate is chosen, and not one by hand.
        link: the path of the leader's link.
        links: the path of each follower's link, by name.
        candidates: by path, in the file's order; of equal priorities the first is the best.
        content: the file's bytes.
    """

    state: str
    file: str
    why: str = ""
    automatic: bool = True
    link: str = ""
    links: Mapping[str, str] = {}
    candidates: Mapping[str, Candidate] = {}
    content: bytes = b""


class _RefusedError(Exception):
    """What the program refuses."""


def read_entry(host: Host, file: str) -> Entry:
    """Read a state file."""
    try:
        content = host.read(file, _LIMIT)
    except FileNotFoundError:
        return Entry("absent", file)
    except OSError as error:
        # A directory, a pipe, a broken disk: whether it is registered is not known.
        return Entry("unknown", file, error.strerror or str(error))
    return entry_of(file, content)


def entry_of(file: str, content: bytes) -> Entry:
    """What a state file with this content registers."""
    try:
        return _parsed(file, content)._replace(content=content)
    except _RefusedError as words:
        return Entry("refused", file, str(words), content=content)


def _parsed(file: str, content: bytes) -> Entry:
    """Mode; the leader's link; name and link of each follower; an empty line; the candidates."""
    # Undecodable bytes are kept as they are, since targets are passed to the program.
    text = os.fsdecode(content.split(b"\0")[0])
    lines = iter([line.lstrip(_SPACE) for line in text.removesuffix("\n").split("\n")])
    mode, link = next(lines), next(lines, "")
    if mode not in ("auto", "manual"):
        raise _RefusedError(f"line 1: found {_shown(mode)}, expected auto or manual")
    if not link.startswith("/"):
        raise _RefusedError(f"line 2: found {_shown(link)}, expected the path of the leader's link")
    links = list(_follower_links(lines))
    candidates = dict(_candidates(lines, [name for name, _ in links]))
    if not candidates:
        raise _RefusedError("found no candidate, on which the program crashes")
    return Entry("registered", file, "", mode == "auto", link, dict(links), candidates)


def _follower_links(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    while name := next(lines, None):
        link = next(lines, "")
        if name.startswith("/") or not link:
            raise _RefusedError(
                f"found {_shown(name)} and {_shown(link)}, expected a follower's name and link"
            )
        yield name, link
    if name is None:
        raise _RefusedError("found its end, expected an empty line after the followers")


def _candidates(lines: Iterator[str], names: list[str]) -> Iterator[tuple[str, Candidate]]:
    """Each is its path, its priority, and its path for each follower (empty if it has none)."""
    seen = set()
    while path := next(lines, None):
        if not path.startswith("/"):
            raise _RefusedError(f"found {_shown(path)}, expected a candidate's path")
        priority = _priority(path, next(lines, ""))
        # At the end of the file some may be missing.
        targets = [next(lines, "") for _ in names]
        for target in targets:
            if target and not target.startswith("/"):
                raise _RefusedError(f"found {_shown(target)}, expected a follower's path")
        # Of two with one path the program takes the first.
        if path not in seen:
            seen.add(path)
            pairs = zip(names, targets, strict=True)
            yield path, Candidate(priority, {name: target for name, target in pairs if target})
    if rest := next((line for line in lines if line), ""):
        raise _RefusedError(f"found {_shown(rest)} behind its end, expected nothing")


def _priority(path: str, line: str) -> int:
    number = _PRIORITY.match(line)
    if number is None:
        raise _RefusedError(f"found {_shown(line)}, expected the priority of {_shown(path)}")
    digits = number[2].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    return int(number[1] + digits, base)


def _shown(line: str) -> str:
    return repr(line[:60])
