"""dnf is told to leave kernel packages out.

Source: dnf.conf(5), excludepkgs, for which `exclude` is another name, in [main] and in the sections
of repositories; a list of patterns with commas or blanks between them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host

NAME = "dnf_exclude"

_MAIN = "/etc/dnf/dnf.conf"
_REPOSITORIES = "/etc/yum.repos.d"
_PACKAGES = ("kernel", "kernel-core", "kernel-modules", "kernel-modules-extra")
_LINE = re.compile(r"(excludepkgs|exclude)\s*=(.*)")


class Excluded(NamedTuple):
    """One line that leaves kernel packages out.

    Attributes:
        file: where it stands.
        line: its number.
        text: the line.
        key: the option that it begins with; empty for a line that goes on with the last.
        kept: what else it leaves out.
    """

    file: str
    line: int
    text: str
    key: str = ""
    kept: tuple[str, ...] = ()


def read(host: Host, config: Config) -> tuple[Excluded, ...]:
    """Each such line in dnf's files."""
    return tuple(
        found
        for file in _files(host)
        for found in excluded(file, host.read(file).decode("utf-8", "replace"))
    )


def _files(host: Host) -> Iterator[str]:
    if host.path(_MAIN).exists():
        yield _MAIN
    try:
        names = sorted(place.name for place in host.path(_REPOSITORIES).iterdir())
    except FileNotFoundError:
        return
    yield from (f"{_REPOSITORIES}/{name}" for name in names if name.endswith(".repo"))


def excluded(file: str, text: str) -> Iterator[Excluded]:
    """The lines of a file that leave kernel packages out; indented ones go on with the last."""
    is_list = False
    for number, line in enumerate(text.split("\n"), 1):
        begun = _LINE.fullmatch(line.rstrip("\r"))
        is_list = bool(begun) or (is_list and line[:1] in (" ", "\t"))
        if not is_list:
            continue
        patterns = re.split(r"[\s,]+", (begun[2] if begun else line).strip())
        kept = tuple(one for one in patterns if one and not _is_kernel(one))
        if len(kept) < len([one for one in patterns if one]):
            yield Excluded(file, number, line.strip(), begun[1] if begun else "", kept)


def _is_kernel(pattern: str) -> bool:
    return any(fnmatchcase(package, pattern) for package in _PACKAGES) and pattern != "*"


def judge(found: tuple[Excluded, ...]) -> tuple[Advice, ...]:
    """Such a line is an admin's choice, and one that hides packages that are missing."""
    if not found:
        return ()
    where = ", ".join(f"{one.file} line {one.line} (`{one.text}`)" for one in found)
    return (
        Advice(
            "dnf-excludes-kernel",
            f"dnf: found kernel packages left out by {where}, expected them to be found",
            "dnf finds no kernel-modules-extra then, says that there is no match, and the kernel"
            " gets no updates.",
            " && ".join(_edit(one) for one in found),
        ),
    )


def _edit(one: Excluded) -> str:
    """The line with what is kept; as many lines as before, since several are named by number."""
    left = " ".join(one.kept)
    line = f"{one.key}={left}" if one.key else f" {left}" if left else "#"
    plain = line.replace("\\", r"\\").replace("&", r"\&").replace("|", r"\|")
    return f"sed -i {shlex.quote(f'{one.line}s|.*|{plain}|')} {shlex.quote(one.file)}"
