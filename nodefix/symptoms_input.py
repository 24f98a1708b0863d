"""Where the lines come from that are to be explained: words, a file, a stream, the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.host import journald, tails
from nodefix.host.node import Host
from nodefix.symptoms import Text
from nodefix.words import KUBELET_UNITS, UNIT

# Units whose lines in this boot are looked at.
UNITS = (
    *KUBELET_UNITS,
    "containerd.service",
    "crio.service",
    UNIT,
    "systemd-modules-load.service",
)
# Entries of these and of the kernel, and seconds for each of the two.
MOST, SECONDS = 50_000, 15.0
_FIELDS = ("MESSAGE", "_SYSTEMD_UNIT")
_KERNEL = "kernel"

# kubelet's folder for the logs of containers: NAMESPACE_POD_UID/CONTAINER/ATTEMPT.log.
_PODS, _LOGS = "/var/log/pods", "kube-system_kube-proxy*/kube-proxy*/*.log"
# The running container's and the one's before it, and bytes of each.
_NEWEST, _LOG_TAIL = 2, 1 << 20
# Bytes of each of many files that are named together; one has tails.TAIL.
_LEAST = 64 << 10

TO_READ = "sudo nodefix explain --journal"


class Read(NamedTuple):
    """What could be read.

    Attributes:
        texts: where something is in it.
        notes: what was left out or could not be read, each with what to type.
    """

    texts: tuple[Text, ...] = ()
    notes: tuple[str, ...] = ()


def of_file(path: Path, share: int = 1) -> Read:
    """The end of a file, which is one of so many that are read.

    Raises:
        OSError, UnclearError: it cannot be read.
    """
    limit = max(tails.TAIL // share, _LEAST)
    return _of_bytes(str(path), *tails.file_tail(path, limit), limit)


def of_stream(descriptor: int) -> Read:
    """The end of a stream."""
    return _of_bytes("standard input", *tails.stream_tail(descriptor))


def _of_bytes(where: str, content: bytes, cut: bool, limit: int = tails.TAIL) -> Read:
    text = Text(where, content.decode("utf-8", "replace"))
    size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
    note = f"{where}: only its last {size} were looked at"
    return Read((text,) if content.strip() else (), (note,) * cut)


def of_node(host: Host, boot: str) -> Read:
    """This boot's journal of UNITS and of the kernel, and the log of the running kube-proxy."""
    notes: list[str] = []
    texts = [*_journal(host, boot, notes), *kube_proxy_logs(host, notes)]
    return Read(tuple(text for text in texts if text.content.strip()), tuple(notes))


def _journal(host: Host, boot: str, notes: list[str]) -> list[Text]:
    if journald.storage(host.root).readable is False:
        notes.append(f"the journal cannot be read by this user: {TO_READ}")
        return []
    this_boot = f"_BOOT_ID={boot.replace('-', '')}"
    units = [f"_SYSTEMD_UNIT={unit}" for unit in UNITS]
    found: list[journald.Entry] = []
    try:
        for matches in ([this_boot, *units], [this_boot, "_TRANSPORT=kernel"]):
            found += journald.entries(matches, MOST, _FIELDS, SECONDS)
    except UnclearError as error:
        notes.append(f"{error.message}: {error.hint}")
    return _by_unit(reversed(found))


def _by_unit(entries: Iterable[journald.Entry]) -> list[Text]:
    """One text a unit, oldest line first."""
    lines: dict[str, list[tuple[str, float]]] = {}
    for entry in entries:
        unit = entry.fields.get("_SYSTEMD_UNIT", _KERNEL)
        message = entry.fields.get("MESSAGE", "")
        lines.setdefault(unit, []).extend((line, entry.time) for line in message.split("\n"))
    return [
        Text(unit, "\n".join(line for line, _ in found), [time for _, time in found])
        for unit, found in lines.items()
    ]


def kube_proxy_logs(host: Host, notes: list[str]) -> list[Text]:
    """The ends of the logs of the running kube-proxy and of the one before it.

    Args:
        host: the node.
        notes: takes what could not be read.
    """
    folder = host.path(_PODS)
    try:
        # glob() alone does not say that it was not allowed to look.
        if not any(folder.iterdir()):
            return []
        files = _newest(list(folder.glob(_LOGS)))
        read = [_of_bytes(str(file), *tails.file_tail(file, _LOG_TAIL)) for file in files]
    except FileNotFoundError:
        return []
    except OSError as error:
        notes.append(f"{error.filename or _PODS}: {error.strerror}: {TO_READ}")
        return []
    return [text for one in read for text in one.texts]


def _newest(files: Sequence[Path]) -> list[Path]:
    """The newest ones, oldest first."""
    return sorted(files, key=lambda file: file.stat().st_mtime)[-_NEWEST:]
