"""The boot loader's entries, in the order in which grub2's blscfg lists them.

Sources: grub-core/commands/blscfg.c of https://github.com/rhboot/grub2 (entries are sorted by
their file names, not by `version`), and ostree-sysroot-deploy.c of
https://github.com/ostreedev/ostree (which numbers the names of its files for that reason).
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from nodefix.host.node import Host

ENTRIES = "/boot/loader/entries"

_LIMIT = 1 << 16


class BootEntry(NamedTuple):
    """One entry of the menu.

    Attributes:
        id: the name of its file, without the suffix.
        title: what the menu shows; empty if it has none.
        release: its kernel's release; empty if the file name does not say it.
        options: the kernel's command line, or what it is made of.
    """

    id: str
    title: str
    release: str
    options: str = ""


def read_boot_entries(host: Host) -> tuple[BootEntry, ...]:
    """The entries of the menu, first to last.

    Raises:
        OSError: the folder or one of the entries cannot be read.
    """
    folder = host.path(ENTRIES)
    entries = []
    for place in folder.iterdir():
        if place.suffix != ".conf" or place.name.startswith("."):
            continue
        text = host.read(f"{ENTRIES}/{place.name}", _LIMIT).decode("utf-8", "replace")
        entry = _entry(place.stem, text)
        if entry:
            entries.append(entry)
    return tuple(sorted(entries, key=functools.cmp_to_key(_compare), reverse=True))


def _entry(name: str, text: str) -> BootEntry | None:
    """The entry in a file; None if it has no kernel of its own: then grub does not list it."""
    keys = _keys(text)
    if "linux" not in keys:
        return None
    release = _release(keys["linux"])
    return BootEntry(name, keys.get("title", ""), release, keys.get("options", ""))


def _keys(text: str) -> dict[str, str]:
    """The first value of each key, up to the first line without a value, where grub stops, too."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        line = line.lstrip(" \t")
        if line.startswith("#"):
            continue
        separator = " " if " " in line else "\t"
        key, _, value = line.partition(separator)
        if not value:
            break
        found.setdefault(key, value.lstrip(" \t").rstrip("\r"))
    return found


def _release(path: str) -> str:
    # The name of a rescue kernel does not say its release.
    found = re.fullmatch(r"(?:.*/)?vmlinuz-(\d\S*)", path.rstrip())
    return found[1] if found and not found[1].startswith("0-rescue-") else ""


def _compare(one: BootEntry, other: BootEntry) -> int:
    """By name, version and release of the id: newer is greater."""
    for mine, theirs in zip(_split(one.id), _split(other.id), strict=True):
        if difference := _compare_versions(mine, theirs):
            return difference
    return 0


def _split(name: str) -> tuple[str, str, str]:
    """NAME-VERSION-RELEASE; if there are fewer parts, the last ones are empty."""
    rest, _, release = name.rpartition("-")
    front, _, version = rest.rpartition("-")
    parts = [part for part in (front, version, release) if part]
    one, two, three, *_ = (*parts, "", "", "")
    return one, two, three


def _compare_versions(one: str, other: str) -> int:
    """rpm's order of versions, as blscfg.c has it."""
    mine, theirs = (re.findall(r"[0-9]+|[a-zA-Z]+|[~+]", text) for text in (one, other))
    for a, b in zip(mine, theirs, strict=False):
        if difference := _compare_pieces(a, b):
            return difference
    if len(mine) == len(theirs):
        return 0
    common = min(len(mine), len(theirs))
    sign = 1 if len(mine) > len(theirs) else -1
    # A tilde comes before the end, all else after it.
    return -sign if (mine + theirs[common:])[common] == "~" else sign


def _compare_pieces(one: str, other: str) -> int:
    if "~" in (one, other) and one != other:
        return -1 if one == "~" else 1
    if one[0].isdigit() != other[0].isdigit():
        return 1 if one[0].isdigit() else -1
    if one[0].isdigit():
        one, other = one.lstrip("0"), other.lstrip("0")
        if len(one) != len(other):
            return 1 if len(one) > len(other) else -1
    return (one > other) - (one < other)
