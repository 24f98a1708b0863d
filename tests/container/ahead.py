"""What nodes are made from, made by a process of its own while tests of other tiers still run.

No test depends on it: each makes what is not there, and waits for what is being made.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import testnode
from nodes import AROUND, EXTRA, TOP
from testnode import command
from testnode.image import OLDER
from testnode.qemu import disk
from testnode.store import BUILD
from testnode.undo import later

LOG = BUILD / "ahead.log"
# It may be amid an installation of Debian packages, which is better not broken off.
_END_SECONDS = 400


class Ahead:
    """The process, as a plugin of pytest that ends it with the tests."""

    def __init__(self, program: str = __file__) -> None:
        """Start it."""
        argv = ["env", f"PYTHONPATH={TOP / 'packaging'}", sys.executable, program]
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("wb") as log:
            self._process = command.start(argv, output=log, bound_by="TERM")
        self._broken_off = False
        self._end = later(self._terminate)

    def over(self) -> bool:
        """Whether it has come to its end."""
        return self._process.poll() is not None

    def _terminate(self) -> None:
        if not self.over():
            self._broken_off = True
            self._process.terminate()
            self._process.wait(_END_SECONDS)

    def pytest_sessionfinish(self) -> None:
        """End it."""
        self._end()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say that it failed: the tests then took the time, or failed for the same reason."""
        if self._process.poll() and not self._broken_off:
            words = f"{LOG.relative_to(TOP)}: what was to be made ahead of the tests failed"
            terminalreporter.line(words, yellow=True)


def main() -> None:
    """Make everything, in the order in which it is asked for."""
    plain = testnode.image()
    with tempfile.TemporaryDirectory() as folder:
        rpm = testnode.build_rpm(Path(folder))
        testnode.install(testnode.Root.make(plain), rpm)
    testnode.need("systemd-container")
    testnode.image(EXTRA)
    with contextlib.suppress(testnode.Failed):
        testnode.image(AROUND)
    testnode.image(disk.PACKAGES)
    testnode.need(*disk.HOST_PACKAGES)
    testnode.image(suite=OLDER)
    testnode.image(("rpm",))


if __name__ == "__main__":
    main()
