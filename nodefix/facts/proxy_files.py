"""Files that tell kube-proxy's mode, read whole and at a bounded cost."""

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
_MOST = 10_000


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


def parsed(content: bytes, path: str) -> dict[object, object]:
    """The mapping that a file of YAML holds; an empty one where it holds something else.

    Raises:
        UnclearError: it is no valid YAML, or PyYAML is missing.
    """
    from nodefix.yamlfile import parse

    try:
        return inner(parse(content))
    except NodefixError as error:
        hint = error.hint or f"cat -A {shlex.quote(path)}"
        raise UnclearError(f"{path}: {error.message}", hint) from error


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


def listed(host: Host, folder: str) -> list[str]:
    """The names in a folder, sorted; none where there is no folder.

    Raises:
        UnclearError: it cannot be listed.
    """
    try:
        with os.scandir(host.path(folder)) as entries:
            return sorted(entry.name for entry in islice(entries, _MOST))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        words = f"{folder}: cannot be listed: {error.strerror}"
        raise UnclearError(words, f"ls -ldZ {shlex.quote(folder)}") from error
