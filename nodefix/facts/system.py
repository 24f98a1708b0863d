"""What kind of system this is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import NodefixError
from nodefix.host.image import read_image
from nodefix.host.reading import LIMIT, read_file
from nodefix.words import BOOT_ID

# Rebuilds of RHEL by os-release(5)'s ID, for systems without a PLATFORM_ID.
_FAMILY = frozenset({"rhel", "centos", "rocky", "almalinux", "ol"})
_FIRST_MAJOR = 10
_WANTED = f"RHEL-family {_FIRST_MAJOR} or later"

_OS_RELEASE = ("etc/os-release", "usr/lib/os-release")
# An assignment as a shell reads it; all other lines are ignored.
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)", re.ASCII | re.DOTALL)
# Longer than any real name.
_NAME_LENGTH = 100


class Scope(NamedTuple):
    """Whether nodefix acts on a system, and what that was judged by."""

    inside: bool
    reason: str


def read_scope(root: Path) -> Scope:
    """Judge by os-release(5): RHEL-family systems of major version 10 and later are inside.

    A system that does not identify itself is outside: on other systems nothing is changed and
    kubelet is not held.
    """
    try:
        release = read_os_release(root)
    except NodefixError as error:
        return Scope(False, error.message)
    name = release.get("PRETTY_NAME") or release.get("NAME") or release.get("ID") or "no name"
    name = "".join(letter for letter in name if letter.isprintable())[:_NAME_LENGTH]
    major = _el_major(release)
    if major is None:
        return Scope(False, f"found {name}, which is not of the RHEL family; expected {_WANTED}")
    if major < _FIRST_MAJOR:
        return Scope(False, f"found {name}, which is RHEL-family {major}; expected {_WANTED}")
    return Scope(True, f"found {name}, which is RHEL-family {major}")


def read_os_release(root: Path) -> Mapping[str, str]:
    """Parse /etc/os-release, or /usr/lib/os-release where that is missing or empty.

    Raises:
        NodefixError: neither can be read.
    """
    found: Mapping[str, str] = {}
    missing, unreadable = f"{root / _OS_RELEASE[0]}: found no such file", ""
    for name in _OS_RELEASE:
        try:
            content = read_file(root / name)
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable = unreadable or (
                f"{root / name}: cannot be read ({error.strerror}), so the system is not"
                f" known; expected {_WANTED}"
            )
            continue
        missing = ""
        found = _assignments(content.decode("utf-8", "replace"))
        if found.get("ID") or found.get("PLATFORM_ID"):
            return found
    if unreadable or missing:
        raise NodefixError(unreadable or missing)
    return found


def _assignments(text: str) -> dict[str, str]:
    """Every assignment; of a key that is there twice the last one counts, as in a shell."""
    lines = text.removeprefix("\ufeff").replace("\0", "").splitlines()
    matches = (_ASSIGNMENT.fullmatch(line) for line in lines)
    return {match[1]: _value(match[2].strip()) for match in matches if match}


def _value(text: str) -> str:
    """A value without its quotes and without the comment after it."""
    if text[:1] == "'":
        return text[1:].partition("'")[0]
    if text[:1] == '"':
        quoted = re.match(r'"((?:\\.|[^"\\])*)', text)
        return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    return re.split(r"\s#", text, maxsplit=1)[0].rstrip()


def _el_major(release: Mapping[str, str]) -> int | None:
    """The Enterprise Linux major version, or None for another family."""
    # The most exact: Amazon Linux 2023 is ID_LIKE fedora and centos, too, with platform:al2023.
    platform = re.match(r"(?:platform:)?([a-z]+)(\d*)", release.get("PLATFORM_ID", "").lower())
    if platform and platform[2]:
        return _major(platform[2]) if platform[1] == "el" else None
    likes = release.get("ID_LIKE", "").lower().split()
    if release.get("ID", "").lower() not in _FAMILY and "rhel" not in likes:
        return None
    return _major(release.get("VERSION_ID", ""))


def _major(version: str) -> int | None:
    """The number at a version's beginning; years belong to other families' numbering."""
    found = re.match(r"\d{1,2}(?!\d)", version, re.ASCII)
    return int(found[0]) if found else None


def boot_id(root: Path) -> str:
    """This boot's id, as in random(4); empty where the kernel shows none."""
    try:
        return _line(root / BOOT_ID)
    except OSError:
        return ""


def kernel_release(root: Path) -> str:
    """The running kernel's release, as `uname -r` prints it."""
    try:
        return _line(root / "proc/sys/kernel/osrelease")
    except OSError:
        return os.uname().release


def _line(file: Path) -> str:
    return read_file(file, 4096).decode("utf-8", "replace").strip()


def in_container(root: Path) -> bool:
    """Whether this is a container (systemd-detect-virt(1) writes the file that is looked for)."""
    return (root / "run/systemd/container").exists()


def has_ipv6(root: Path) -> bool:
    """Whether the kernel has IPv6; with ipv6.disable=1 this file is missing."""
    return (root / "proc/net/if_inet6").exists()


def is_image(root: Path) -> bool:
    """Whether this system is an image: /usr is a part of it, read-only, as its packages are."""
    return read_image(root) is not None


def mounted_on(root: Path, path: str, limit: int = LIMIT) -> tuple[str, ...]:
    """The types of the file systems that are mounted on a path; source: proc_pid_mountinfo(5).

    Args:
        root: the node's root.
        path: absolute, without spaces.
        limit: bytes of the list that are read.

    Raises:
        OSError: the list cannot be read, or is longer.
    """
    text = read_file(root / "proc/self/mountinfo", limit).decode("utf-8", "replace")
    halves = (line.partition(" - ") for line in text.split("\n"))
    return tuple(end.partition(" ")[0] for head, _, end in halves if head.split()[4:5] == [path])
