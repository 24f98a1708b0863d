"""Files of settings, and folders of them, read whole and at a bounded cost.

A key that stands in a file twice, and an alias, are not understood, though some programs take them.
"""

from __future__ import annotations

import os
import shlex
from itertools import islice
from typing import TYPE_CHECKING

from nodefix.errors import NodefixError, UnclearError

if TYPE_CHECKING:
    from nodefix.host.node import Host

# Bytes: PyYAML takes up to ten seconds for a megabyte, at each boot.
LIMIT = 64 << 10
# Entries of a folder; a node has some hundred pods at the most.
MOST = 10_000


def content_of(host: Host, path: str) -> bytes | None:
    """The content of a file; None where there is none.

    Raises:
        UnclearError: it cannot be read.
    """
    try:
        return host.read(path, LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {shlex.quote(path)}") from error


def parsed(content: bytes, path: str) -> object:
    """What a file of YAML holds.

    Raises:
        UnclearError: it is no valid YAML, or PyYAML is missing.
    """
    if not content:
        # PyYAML says so, too, once it is imported.
        return None
    from nodefix.yamlfile import parse

    try:
        return parse(content)
    except NodefixError as error:
        hint = error.hint or f"cat -A {shlex.quote(path)}"
        raise UnclearError(f"{path}: {error.message}", hint) from error


def mapping_in(host: Host, path: str) -> dict[object, object]:
    """A YAML file's mapping; an empty one where the file is empty or is not there.

    Raises:
        UnclearError: it cannot be read, or is something else.
    """
    found = parsed(content_of(host, path) or b"", path)
    if found is None:
        return {}
    if not isinstance(found, dict):
        words = f"{path}: found no mapping, expected a mapping of settings"
        raise UnclearError(words, f"cat -A {shlex.quote(path)}")
    return found


def inner(found: object, *keys: str) -> dict[object, object]:
    """The mapping below some keys; empty where there is none."""
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def values(found: object) -> list[object]:
    """What YAML has as a list, or as one value of it."""
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def odd(path: str, key: str, found: object, expected: str) -> UnclearError:
    """The error for a value that cannot stand where it stands."""
    return UnclearError(
        f"{path}: {key}: found {str(found)[:80]!r}, expected {expected}",
        f"cat -A {shlex.quote(path)}",
    )


def names_in(host: Host, folder: str, with_folders: bool = False) -> list[str]:
    """The names of what is in a folder, sorted by their bytes as Go's ReadDir does.

    Args:
        host: the node.
        folder: its path.
        with_folders: whether folders in it count, too.

    Raises:
        UnclearError: it is there and cannot be listed.
    """
    try:
        with os.scandir(host.path(folder)) as entries:
            found = list(islice(entries, MOST + 1))
            names = [
                entry.name
                for entry in found
                if with_folders or not entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        words = f"{folder}: cannot be listed: {error.strerror}"
        raise UnclearError(words, f"ls -ldZ {shlex.quote(folder)}") from error
    if len(found) > MOST:
        words = f"{folder}: found more than {MOST} entries, expected some hundred at the most"
        raise UnclearError(words, f"du --inodes {shlex.quote(folder)} | sort -n | tail")
    return sorted(names, key=os.fsencode)
