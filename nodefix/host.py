"""The node that a run works on, in one object that is passed in."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from nodefix.commands import Commands
from nodefix.deadline import Deadline
from nodefix.reading import LIMIT, read_file
from nodefix.systemd import Systemd


class Host(NamedTuple):
    """A node.

    Attributes:
        root: where its file system begins; `/`, or a made-up tree in tests.
        commands: runs its programs.
        systemd: its service manager.
    """

    root: Path
    commands: Commands
    systemd: Systemd

    def path(self, absolute: str) -> Path:
        """The place of an absolute path on this node."""
        return self.root / absolute.lstrip("/")

    def read(self, absolute: str, limit: int = LIMIT) -> bytes:
        """The content of a regular file of at most `limit` bytes.

        Raises:
            OSError: it cannot be read; says why.
        """
        return read_file(self.path(absolute), limit)

    def begin(self, deadline: Deadline | None) -> None:
        """Bound every command and call from now on."""
        self.commands.deadline = deadline
        self.systemd.deadline = deadline
