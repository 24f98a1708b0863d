"""Files of nodefix's own: what runs left, the settings, the names of copies and of undo entries."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from nodefix.collect.part import Got
from nodefix.host.node import Host
from nodefix.shape import Json, parsed
from nodefix.undo import UndoLog
from nodefix.words import BACKUPS, DROP_INS, SETTINGS, SETTINGS_FOLDERS

# Bytes of one file, and files or names of one folder.
_LIMIT, _MOST = 512 << 10, 300


def text_of(path: str) -> Callable[[Host], Got]:
    """Reads a file as text."""
    return lambda host: Got(_text(host, path))


def data_of(path: str) -> Callable[[Host], Got]:
    """Reads a file of JSON; as text where it is none."""

    def read(host: Host) -> Got:
        content = host.read(path, _LIMIT)
        try:
            found = parsed(content)
        except (ValueError, TypeError, RecursionError) as error:
            return Got(content.decode("utf-8", "replace"), note=f"is no JSON: {error}")
        return Got(plain(found))

    return read


def plain(value: object) -> Json:
    """What json.loads() made, for the checker of types."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value if isinstance(value, bool | int | str) or value is None else str(value)


def settings(host: Host) -> Got:
    """All files of settings, those that are not read among them."""
    found: dict[str, Json] = {}
    missing = []
    for folder in SETTINGS_FOLDERS:
        main = f"/{folder}/{SETTINGS}"
        paths = [main] if os.path.lexists(host.path(main)) else []
        try:
            names = sorted(path.name for path in host.path(f"/{folder}/{DROP_INS}").iterdir())
            paths += [f"/{folder}/{DROP_INS}/{name}" for name in names[:_MOST]]
        except FileNotFoundError:
            pass
        except OSError as error:
            missing.append(f"/{folder}/{DROP_INS}: {error.strerror}")
        for path in paths:
            try:
                found[path] = _text(host, path)
            except OSError as error:
                missing.append(f"{path}: {error.strerror}")
    return Got(found, missing="; ".join(missing))


def undo_entries(host: Host) -> Got:
    """What of the entries tells which change each is; not what stood there."""
    entries: list[Json] = []
    for entry in islice(UndoLog(host.root).entries(), _MOST):
        if isinstance(entry, Path):
            entries.append({"file": entry.name, "state": "cannot be read"})
            continue
        entries.append(
            {
                "file": f"{entry.number:04}.json",
                "stage": entry.stage,
                "kind": entry.undo.kind,
                "state": entry.state,
                "time": entry.time,
            }
        )
    return Got(entries)


def backups(host: Host) -> Got:
    """The names of the copies, with their sizes in bytes."""
    found: dict[str, Json] = {}
    for path in sorted(host.path(f"/{BACKUPS}").iterdir())[:_MOST]:
        status = path.lstat()
        found[path.name] = status.st_size if stat.S_ISREG(status.st_mode) else "no file"
    return Got(found)


def _text(host: Host, path: str) -> str:
    return host.read(path, _LIMIT).decode("utf-8", "replace")
