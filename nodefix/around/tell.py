"""Tell the tools around, once kubelet may start: none of them is worth a moment of its start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from nodefix.around.metrics import metrics
from nodefix.around.motd import motd
from nodefix.around.run import Ran
from nodefix.config import Config
from nodefix.host.writing import make_folder, remove, write_atomic
from nodefix.undo import UNDONE, UndoLog
from nodefix.words import MOTD


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
    if config.metrics_file:
        tellers.append((config.metrics_file, lambda: _metrics(root, config.metrics_file, ran)))
    for path, write in tellers:
        try:
            write()
        except OSError as error:
            folder = Path(path).parent
            yield f"{path}: not written: {error.strerror or error}; see: ls -ldZ {folder}"


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
    """The folder is the admin's: one that is not there is not made, since nobody reads it."""
    write_atomic(root / file.lstrip("/"), metrics(ran, _to_undo(root)).encode())


def _to_undo(root: Path) -> int | None:
    """How many changes a rollback would look at; None where that cannot be read."""
    try:
        entries = UndoLog(root).entries()
        return sum(isinstance(entry, Path) or entry.state != UNDONE for entry in entries)
    except OSError:
        return None
