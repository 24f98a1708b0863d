"""The node that a run works on, in one object that is passed in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nodefix.deadline import Deadline
from nodefix.host.netfilter import Netfilter
from nodefix.host.programs import Programs
from nodefix.host.reading import LIMIT, read_file
from nodefix.host.systemd import Systemd


class Host(NamedTuple):
    """A node.

    Attributes:
        root: where its file system begins; `/`, or a temporary tree in tests.
        programs: runs its programs.
        systemd: its service manager.
        may_load: whether reading may make the kernel load modules, which it does by itself when
            rules are tried or listed; False in a dry run.
        netfilter: its packet filter, asked about single chains and tables; None where nft is to be
            asked about them.
    """

    root: Path
    programs: Programs
    systemd: Systemd
    may_load: bool = True
    netfilter: Netfilter | None = None

    def path(self, absolute: str) -> Path:
        """The place of an absolute path on this node."""
        return self.root / absolute.lstrip("/")

    def read(self, absolute: str, limit: int = LIMIT) -> bytes:
        """The content of a regular file of at most `limit` bytes.

        Raises:
            OSError: it cannot be read; says why.
        """
        return read_file(self.path(absolute), limit)

    def set(self, absolute: str, value: str) -> None:
        """Write to an attribute of the kernel's, below /sys or /proc.

        Raises:
            OSError: the kernel refuses, or it is not there.
        """
        self.path(absolute).write_text(value)

    @contextlib.contextmanager
    def limit(self, deadline: Deadline) -> Iterator[None]:
        """Bound every program and call meanwhile."""
        before = self.programs.deadline
        self.programs.deadline = self.systemd.deadline = deadline
        try:
            yield
        finally:
            self.programs.deadline = self.systemd.deadline = before


def open_host(root: Path) -> Host:
    """A node with its real programs and its real service manager."""
    return Host(root, Programs(), Systemd(), netfilter=Netfilter())
