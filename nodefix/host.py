"""The node that a run works on, in one object that is passed in."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from nodefix.commands import Commands
from nodefix.deadline import Deadline
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

    def begin(self, deadline: Deadline | None) -> None:
        """Bound every command and call from now on."""
        self.commands.deadline = deadline
        self.systemd.deadline = deadline
