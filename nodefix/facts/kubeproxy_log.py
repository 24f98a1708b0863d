"""The last error in the log of kube-proxy's container.

Sources: kubernetes pkg/kubelet/kuberuntime/helpers.go (the place of logs, one file for each
attempt, of which the last but one is kept), the format of the CRI's logs (time, stream, tag, line);
klog's header (E or F, month and day).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.facts.kubeproxy_pod import ContainerFacts
from nodefix.host.node import Host
from nodefix.host.tail import read_tail
from nodefix.shape import an, parsed
from nodefix.text import one_line

_LOGS = "/var/log/pods"
# Bytes of the end of a log that are looked at, and characters of a line that are told.
_TAIL, _LINE = 256 << 10, 600

# klog's errors and fatal ones, Go's own, and what kube-proxy exits with.
_ERROR = re.compile(r"^[EF]\d{4} |^(panic|fatal error|error|Error|FATAL)\b|segmentation fault")
_CRI = re.compile(r"(\S+) (?:stdout|stderr) [FP](?::\S*)? (.*)")


class LastError(NamedTuple):
    """The last error of a log.

    Attributes:
        time: when, as the runtime wrote it; empty where it did not.
        line: what kube-proxy printed, harmless and short.
        file: the log.
    """

    time: str
    line: str
    file: str


def read_last_error(host: Host, container: ContainerFacts) -> LastError | None:
    """The last error of a container's log, else of the attempt before; None if there is none.

    A container that runs and has none may have been started anew for what the one before says.

    Raises:
        OSError: a log is there and cannot be read.
    """
    folder = f"{_LOGS}/kube-system_{container.pod}_{container.uid}/kube-proxy"
    for attempt in (container.attempt, container.attempt - 1):
        file = f"{folder}/{attempt}.log"
        try:
            lines = list(_lines(read_tail(host.path(file), _TAIL)))
        except FileNotFoundError:
            continue
        errors = [line for line in lines if _ERROR.search(line[1])]
        # What ended without an error that is known as one says it in its last line.
        last = errors[-1:] or ([] if container.runs else lines[-1:])
        if last:
            time, line = last[0]
            return LastError(time, one_line(line, _LINE), file)
    return None


def errors_in(content: bytes) -> list[tuple[str, str]]:
    """The lines of a log that are errors, each with its time, which is empty where it has none."""
    return [line for line in _lines(content) if _ERROR.search(line[1])]


def _lines(content: bytes) -> Iterator[tuple[str, str]]:
    """Each line with its time, in the CRI's format or in that of Docker's json-file."""
    for line in content.decode("utf-8", "replace").split("\n"):
        if found := _CRI.fullmatch(line):
            yield found[1], found[2]
        elif line.startswith("{"):
            try:
                entry = parsed(line.encode())
                yield an(str, entry["time"]), an(str, entry["log"]).rstrip("\n")
            except (KeyError, TypeError, ValueError, RecursionError):
                continue
        elif line.strip():
            yield "", line
