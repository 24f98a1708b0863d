"""The state file of Enterprise Linux's `alternatives`, as the program reads and writes it.

A part of the stand-in el_alternatives.py; independent of nodefix' own reading of the file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SPACE = " \t\n\v\f\r"
# strtol() with base 0.
_NUMBER = re.compile(r"[ \t\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


class Refused(Exception):
    """What the program says before it exits with 2."""


class Crashed(Exception):
    """It read where nothing was: SIGSEGV."""


class Follower(NamedTuple):
    """One follower of an alternative; the target is empty where it has none."""

    title: str
    link: str
    target: str = ""


class Alternative:
    """One alternative of a leader."""

    def __init__(self, path: str, priority: int) -> None:
        self.path = path
        self.priority = priority
        self.family = ""
        self.initscript = ""
        self.followers: list[Follower] = []


class State:
    """What is registered for a leader, and where its link points."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.manual = False
        self.facility = ""
        self.link = ""
        self.alternatives: list[Alternative] = []
        self.current: int | None = None

    @property
    def best(self) -> int:
        """What automatic mode chooses: the first of those with the highest priority."""
        at = range(len(self.alternatives))
        return max(at, key=lambda one: self.alternatives[one].priority, default=0)

    def index(self, path: str) -> int | None:
        """The first alternative with this path."""
        return next((at for at, one in enumerate(self.alternatives) if one.path == path), None)

    def add(self, new: Alternative, known: int | None) -> list[Follower]:
        """addService() on an existing state; the followers that nobody has any more."""
        template = list(self.alternatives[0].followers)
        for follower in new.followers:
            if all(follower.link != other.link for other in template):
                template.append(follower)
        dropped: list[Follower] = []
        if known is None:
            self.alternatives.append(new)
        else:
            self.alternatives[known] = new
            has = {f.title for one in self.alternatives for f in one.followers if f.target}
            dropped = [follower for follower in template if follower.title not in has]
            template = [follower for follower in template if follower.title in has]
        template.sort(key=lambda follower: follower.link)
        for one in self.alternatives:
            one.followers = [_matched(one, wanted) for wanted in template]
        return dropped

    def text(self) -> str:
        """The state file."""
        first = self.alternatives[0]
        lines = ["manual" if self.manual else "auto", self.facility]
        for follower in first.followers:
            lines += [follower.title, follower.link]
        lines.append("")
        for one in self.alternatives:
            family = f"@{one.family}@" if one.family else ""
            initscript = f" {one.initscript}" if one.initscript else ""
            lines += [one.path, f"{family}{one.priority}{initscript}"]
            lines += [follower.target for follower in one.followers]
        return "\n".join([*lines, ""])

    def display(self, name: str) -> str:
        """What --display prints."""
        lines = [
            f"{name} - status is {'manual' if self.manual else 'auto'}.",
            f" link currently points to {self.link}",
        ]
        for one in self.alternatives:
            lines.append(f"{one.path} - priority {one.priority}")
            lines += [f" follower {f.title}: {f.target or '(null)'}" for f in one.followers]
        lines.append(f"Current `best' version is {self.alternatives[self.best].path}.")
        return "\n".join([*lines, ""])


def _matched(one: Alternative, wanted: Follower) -> Follower:
    for follower in one.followers:
        if follower.title == wanted.title:
            if follower.link != wanted.link:
                raise Refused(
                    f"link {follower.link} incorrect for follower {follower.title}"
                    f" ({wanted.link} {wanted.title})"
                )
            return follower
    return wanted._replace(target="")


def parsed(content: bytes, path: str) -> State:
    """The part of readConfig() that takes a file apart.

    Raises:
        Refused: it says what it does not like.
        Crashed: it did not look before it read.
    """
    text = content.split(b"\0")[0].decode("utf-8", "surrogateescape")
    lines = [line.lstrip(_SPACE) for line in text.removesuffix("\n").split("\n")] if text else []
    if not lines:
        raise Refused(f"{path} empty!")
    rest = iter(lines)
    state = State()
    mode = next(rest)
    if mode not in ("auto", "manual"):
        raise Refused(f"bad mode on line 1 of {path}")
    state.manual = mode == "manual"
    state.facility = next(rest, "")
    if not state.facility.startswith("/"):
        raise Refused(f"bad primary link in {path}")
    groups = []
    while title := next(rest, None):
        if title.startswith("/"):
            raise Refused(f"path {title} unexpected in {path}")
        link = next(rest, None)
        if not link:
            shown = "(null)" if link is None else link
            raise Refused(f"missing path for follower {shown} in {path}")
        groups.append((title, link))
    if title is None:
        raise Refused(f"unexpected end of file in {path}")
    while target := next(rest, None):
        state.alternatives.append(_alternative(target, next(rest, None), path))
        for title, link in groups:
            follower = next(rest, None) or ""
            if follower and not follower.startswith("/"):
                raise _unexpected(f"follower path expected in {path}", path, follower)
            state.alternatives[-1].followers.append(Follower(title, link, follower))
    for line in rest:
        if line:
            raise Refused(f"unexpected line in {path}: {line}")
    if not state.alternatives:
        raise Crashed
    return state


def _alternative(target: str, line: str | None, path: str) -> Alternative:
    if not target.startswith("/"):
        raise _unexpected(f"path to alternate expected in {path}", path, target)
    if line is None:
        raise Crashed
    family, rest = "", line
    if line.startswith("@"):
        family, closed, rest = line[1:].partition("@")
        if not closed or not family:
            words = f"closing '@' missing or the family is empty in {path}"
            raise _unexpected(words, path, line)
    number = _NUMBER.match(rest)
    if not number:
        shown = line.split("@")[0] + f"@{family}" if family else line
        raise _unexpected(f"numeric priority expected in {path}", path, shown)
    base = number[2].lower()
    value = int(base, 16 if base.startswith("0x") else 8 if base.startswith("0") else 10)
    one = Alternative(target, -value if number[1] == "-" else value)
    one.family, one.initscript = family, rest[number.end() :].lstrip(_SPACE)
    return one


def _unexpected(expected: str, path: str, line: str) -> Refused:
    return Refused(f"{expected}\nunexpected line in {path}: {line}")
