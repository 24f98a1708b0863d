"""What a test can do with a node, whatever kind of machine it runs on."""

import base64
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from testnode.command import Failed, Result

Entry = dict[str, str]
T = TypeVar("T")

# Seconds. systemd's own pauses between two tries grow up to 120 of them, and a machine may be slow.
PATIENCE = 240


class Machine(ABC):
    """A node that can be booted again and again on the same root.

    Used as a context manager it is gone afterwards; in any case it is when the program ends.
    """

    @abstractmethod
    def boot(self, *, arguments: Sequence[str] = (), timeout: float = 60) -> str:
        """Boot, wait until every job of the boot is done, and return systemd's state.

        That is "running", or "degraded" when a unit failed. `arguments` stand where the kernel's
        command line does, for systemd's own conditions and settings.
        """

    @abstractmethod
    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 60,
        input: str | None = None,
        check: bool = True,
        env: dict[str, str] | None = None,
    ) -> Result:
        """Run a command as root on the booted node, outside of every unit."""

    @abstractmethod
    def poweroff(self, *, timeout: float = 60) -> None:
        """Shut the node down in order; it can be booted again."""

    @abstractmethod
    def close(self) -> None:
        """Take the node down at once and delete its root; may be called again."""

    def __enter__(self) -> Self:
        """Give the machine itself; it is not booted by this."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def read(self, path: str) -> str:
        """The text of a file on the booted node, with what is mounted there in view."""
        return self.run(["cat", path]).stdout

    def exists(self, path: str) -> bool:
        """Whether the path is there on the booted node."""
        return self.run(["test", "-e", path], check=False).returncode == 0

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file on the booted node, with the folders it needs."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.run(["sh", "-c", script, "sh", path, f"{mode:o}"], input=text)

    def put(self, file: Path, path: str) -> None:
        """Copy a file of this machine, of any content, onto the booted node."""
        script = 'mkdir -p "$(dirname "$1")" && base64 --decode >"$1"'
        content = base64.b64encode(file.read_bytes()).decode()
        self.run(["sh", "-c", script, "sh", path], input=content)

    def boot_id(self) -> str:
        """The id of this boot as nodefix and journald see it."""
        return self.read("/proc/sys/kernel/random/boot_id").strip().replace("-", "")

    def journal(self, *matches: str, unit: str | None = None, boot: int = 0) -> list[Entry]:
        """Journal entries, oldest first, as fields to text; a field given twice is joined by \\n.

        `matches` are as for journalctl ("NODEFIX_STAGE=swap"); `boot` is 0 for this boot, -1 for
        the one before.
        """
        self.run(["journalctl", "--sync"])
        argv = ["journalctl", "--output=json", "--all", "--no-pager", f"--boot={boot}"]
        if unit is not None:
            argv.append(f"--unit={unit}")
        lines = self.run([*argv, *matches]).stdout.splitlines()
        return [parse_entry(line) for line in lines]

    def unit(self, name: str) -> Entry:
        """A unit's properties, as `systemctl show` has them."""
        lines = self.run(["systemctl", "show", "--no-pager", name]).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def wait_until(self, what: str, look: Callable[[], T], timeout: float = PATIENCE) -> T:
        """Call `look` until what it returns is true, and return that; `what` is for the error.

        What it returned is what was seen: asked once more the node may answer otherwise.
        """
        end = time.monotonic() + timeout
        while not (seen := look()):
            if time.monotonic() > end:
                raise Failed(f"{what}\n  found: not so after {timeout:g} s, last seen: {seen!r}")
            time.sleep(0.1)
        return seen


def parse_entry(line: str) -> Entry:
    """One line of `journalctl --output=json`."""
    return {name: _text(value) for name, value in json.loads(line).items()}


def _text(value: object) -> str:
    """A field's value: text, a list of numbers for bytes, or a list of either."""
    if isinstance(value, list):
        if value and all(isinstance(item, int) for item in value):
            return bytes(value).decode(errors="replace")
        return "\n".join(_text(item) for item in value)
    return "" if value is None else str(value)
