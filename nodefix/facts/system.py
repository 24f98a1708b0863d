"""What kind of system this is."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import NodefixError

# Rebuilds of RHEL by os-release(5)'s ID, for systems without a PLATFORM_ID.
_FAMILY = frozenset({"rhel", "centos", "rocky", "almalinux", "ol"})
_FIRST_MAJOR = 10


class Scope(NamedTuple):
    """Whether nodefix acts on a system, and what that was judged by."""

    inside: bool
    reason: str


def read_scope(root: Path) -> Scope:
    """Judge by os-release(5): RHEL-family systems of major version 10 and later are inside.

    A system whose os-release is missing or cannot be understood is outside: then nothing is
    changed and nothing held up.
    """
    try:
        release = read_os_release(root)
    except NodefixError as error:
        return Scope(False, error.message)
    name = release.get("PRETTY_NAME") or release.get("NAME") or release.get("ID") or "no name"
    wanted = f"RHEL-family {_FIRST_MAJOR} or later"
    major = _el_major(release)
    if major is None:
        return Scope(False, f"found {name}, which is not of the RHEL family; expected {wanted}")
    if major < _FIRST_MAJOR:
        return Scope(False, f"found {name}, which is RHEL-family {major}; expected {wanted}")
    return Scope(True, f"found {name}, which is RHEL-family {major}")


def read_os_release(root: Path) -> Mapping[str, str]:
    """Parse /etc/os-release, or /usr/lib/os-release, as os-release(5) says.

    Raises:
        NodefixError: neither can be read, or a line is not an assignment.
    """
    for name in ("etc/os-release", "usr/lib/os-release"):
        try:
            content = (root / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NodefixError(f"{root / name}: cannot be read: {error.strerror}") from error
        return _assignments(root / name, content.decode("utf-8", "replace"))
    raise NodefixError(f"{root / 'etc/os-release'}: found no such file")


def _assignments(file: Path, text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.partition("=")
        try:
            words = shlex.split(value)
        except ValueError:
            words = ["", ""]
        if not equals or len(words) > 1:
            raise NodefixError(f"{file}: line {number}: found {stripped!r}, expected KEY=value")
        found[key] = words[0] if words else ""
    return found


def _el_major(release: Mapping[str, str]) -> int | None:
    """The Enterprise Linux major version, or None for another family."""
    platform = release.get("PLATFORM_ID", "")
    if platform:
        # The most exact: Amazon Linux 2023 is ID_LIKE fedora and centos, too, with platform:al2023.
        found = re.fullmatch(r"platform:el(\d+)", platform)
        return int(found[1]) if found else None
    likes = release.get("ID_LIKE", "").split()
    if release.get("ID") not in _FAMILY and "rhel" not in likes:
        return None
    major = re.match(r"\d+", release.get("VERSION_ID", ""))
    # Years as versions belong to other families' numbering.
    return int(major[0]) if major and int(major[0]) < 100 else None


def boot_id(root: Path) -> str:
    """This boot's id, as in random(4); empty where the kernel shows none."""
    try:
        return (root / "proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def kernel_release(root: Path) -> str:
    """The running kernel's release, as `uname -r` prints it."""
    try:
        return (root / "proc/sys/kernel/osrelease").read_text().strip()
    except OSError:
        return os.uname().release


def in_container(root: Path) -> bool:
    """Whether this is a container (systemd-detect-virt(1) writes the file that is looked for)."""
    return (root / "run/systemd/container").exists()


def has_ipv6(root: Path) -> bool:
    """Whether the kernel has IPv6; with ipv6.disable=1 this file is missing."""
    return (root / "proc/net/if_inet6").exists()
