"""The kernel that boots next.

A routine kernel update can take modules away that a node works with:
https://github.com/openshift/microshift/pull/7069.
Source of the order: Boot Loader Specification (type 1 entries), grubenv's next_entry and
saved_entry as GRUB's blscfg reads them.
"""

from __future__ import annotations

import re
from pathlib import Path

from nodefix.errors import NodefixError
from nodefix.host import Host

_ENTRIES = "boot/loader/entries"
_ENVIRONMENTS = ("boot/grub2/grubenv", "boot/grub/grubenv")
_GRUBBY = "/usr/sbin/grubby"


def next_kernel(host: Host) -> str:
    """The release of the kernel that boots next; empty where it cannot be told."""
    entries = _entries(host.root / _ENTRIES)
    if not entries:
        return _by_grubby(host)
    variables = _environment(host.root)
    for key in ("next_entry", "saved_entry"):
        chosen = variables.get(key, "")
        if chosen in entries:
            return entries[chosen]
        if chosen.isdigit() and int(chosen) < len(entries):
            return _newest_first(entries)[int(chosen)]
    return _newest_first(entries)[0]


def _entries(folder: Path) -> dict[str, str]:
    """Entry id to kernel release."""
    found = {}
    try:
        for file in folder.glob("*.conf"):
            release = _release(file.read_bytes().decode("utf-8", "replace"))
            # A rescue entry has no release and is never a default.
            if release and not file.stem.endswith("-0-rescue"):
                found[file.stem] = release
    except OSError:
        return {}
    return found


def _release(entry: str) -> str:
    kernel = re.search(r"^linux\s+\S*/vmlinuz-(\S+)", entry, re.M)
    if kernel:
        return kernel[1]
    version = re.search(r"^version\s+(\S+)", entry, re.M)
    return version[1] if version else ""


def _newest_first(entries: dict[str, str]) -> list[str]:
    return sorted(entries.values(), key=_parts, reverse=True)


def _parts(release: str) -> list[tuple[int, int, str]]:
    """Numbers before letters, as rpm compares versions."""
    pieces = re.findall(r"\d+|[a-zA-Z]+", release)
    return [(1, int(piece), "") if piece.isdigit() else (0, 0, piece) for piece in pieces]


def _environment(root: Path) -> dict[str, str]:
    for name in _ENVIRONMENTS:
        try:
            text = (root / name).read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        lines = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
        return {key: value for key, equals, value in lines if equals}
    return {}


def _by_grubby(host: Host) -> str:
    """For boot loaders without entry files."""
    if not host.path(_GRUBBY).exists():
        return ""
    try:
        result = host.commands.run(_GRUBBY, "--default-kernel")
    except NodefixError:
        return ""
    found = re.search(r"/vmlinuz-(\S+)", result.text)
    return found[1] if found and result.status == 0 else ""
