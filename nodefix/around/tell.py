"""Tell the tools around, once kubelet may start: none of them is worth a moment of its start."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from nodefix.around.metrics import metrics
from nodefix.around.motd import motd
from nodefix.around.run import Ran
from nodefix.config import Config, is_metrics
from nodefix.host.reading import read_file
from nodefix.host.writing import make_folder, remove, write_atomic
from nodefix.settings import is_metrics_file
from nodefix.text import bounded
from nodefix.undo import UNDONE, UndoLog
from nodefix.words import METRICS_PLACE, MOTD, STATE

# Characters of where a link leads that are shown.
_LED = 100


class _NotOurs(FileExistsError):
    """What stands in the place of the metrics is not nodefix's; its words say what to do."""


def tell(root: Path, config: Config, ran: Ran) -> Iterator[str]:
    """Write what is to be written; a file that cannot be is a remark, in words, and nothing else.

    Args:
        root: the node's.
        config: the settings.
        ran: the run.
    """
    tellers: list[tuple[str, Callable[[], None]]] = [
        (f"/{MOTD}", lambda: _message_of_the_day(root, ran))
    ]
    before = _place_before(root)
    if before and before != config.metrics_file:
        tellers.append((before, lambda: _take_away(root, before)))
    if config.metrics_file:
        tellers.append((config.metrics_file, lambda: _metrics(root, config.metrics_file, ran)))
    for path, write in tellers:
        try:
            write()
        except OSError as error:
            folder = Path(path).parent
            done = "taken away" if path == before != config.metrics_file else "written"
            see = "" if isinstance(error, _NotOurs) else f"; see: ls -ldZ {folder}"
            yield f"{path}: not {done}: {error.strerror or error}{see}"


def _message_of_the_day(root: Path, ran: Ran) -> None:
    path, line = root / MOTD, motd(ran)
    if line:
        make_folder(path.parent)
        write_atomic(path, f"{line}\n".encode("utf-8", "backslashreplace"))
    else:
        try:
            remove(path)
        except FileNotFoundError:
            return


def _metrics(root: Path, file: str, ran: Ran) -> None:
    """The folder is the admin's: one that is not there is not made, since nobody reads it.

    It may be an exporter's, who could put a link to anything there.
    """
    path = root / file.lstrip("/")
    if os.path.lexists(path) and not is_metrics(path):
        raise _NotOurs(errno.EEXIST, _not_ours(path, file), os.fspath(path))
    write_atomic(path, metrics(ran, _to_undo(root)).encode(), follow=False)
    if _place_before(root) != file:
        make_folder(root / STATE, 0o700)
        write_atomic(root / METRICS_PLACE, f"{file}\n".encode())


def _not_ours(path: Path, file: str) -> str:
    """What was found in the place of the metrics, what was expected, and what helps.

    Args:
        path: its path.
        file: the same as the settings name it: it needs no quotes.
    """
    expected = "expected no file, or nodefix's own"
    try:
        led = bounded(str(path.readlink()), _LED)
    except OSError:
        move = f"mv --backup=numbered {file} {file}.old"
        return f"found another's file, {expected}; name another metrics_file, or: {move}"
    return (
        f"found a link to {led}, {expected}; let metrics_file name what it leads to, or: rm {file}"
    )


def _place_before(root: Path) -> str:
    """The file that an earlier run wrote; empty where that is not known."""
    try:
        place = read_file(root / METRICS_PLACE).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return place if is_metrics_file(place) else ""


def _take_away(root: Path, file: str) -> None:
    """The file that the settings no longer name, whose figures would be told for ever.

    What is no longer nodefix's stays.
    """
    path = root / file.lstrip("/")
    try:
        if is_metrics(path):
            remove(path)
    except FileNotFoundError:
        pass
    with contextlib.suppress(FileNotFoundError):
        remove(root / METRICS_PLACE)


def _to_undo(root: Path) -> int | None:
    """How many changes a rollback would look at; None where that cannot be read."""
    try:
        entries = UndoLog(root).entries()
        return sum(isinstance(entry, Path) or entry.state != UNDONE for entry in entries)
    except OSError:
        return None
