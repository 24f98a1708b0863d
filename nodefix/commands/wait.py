"""`nodefix wait`: hold kubelet until the node is ready."""

from __future__ import annotations

import os
import sys

from nodefix import gate
from nodefix.words import EXIT_DONE, EXIT_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "wait until the node is ready for kubelet"
STATUSES = {
    EXIT_DONE: "kubelet may start",
    EXIT_FAILED: "kubelet is held, and standard error says why",
}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="how long (default: 60)")


def main(options: argparse.Namespace, arguments: list[str]) -> int:
    """Wait as long as the options say."""
    return wait(options.timeout)


def wait(timeout: float | None = None) -> int:
    """Wait until kubelet may start, and say why it must not."""
    reason = gate.wait("/", gate.DEFAULT_TIMEOUT if timeout is None else timeout)
    if not reason:
        return EXIT_DONE
    from nodefix.terminal import tell

    tell(_for_the_journal(reason))
    return EXIT_FAILED


def seconds(text: str) -> float:
    """A number of seconds as it was typed.

    Raises:
        argparse.ArgumentTypeError: it is none, or more than a day.
    """
    import argparse

    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 86400:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds from 0 to 86400")
    return found


def _for_the_journal(reason: str) -> str:
    """The reason, or one line where the journal has it already; a person gets all of it."""
    from pathlib import Path

    from nodefix import journal
    from nodefix.told import briefly
    from nodefix.words import TOLD_BY_WAIT

    # Not by INVOCATION_ID: a login shell on the console has its getty's.
    if not journal.goes_to_journal(sys.stderr, os.environ):
        return reason
    return briefly(Path("/") / TOLD_BY_WAIT, reason, "nodefix wait --timeout 0")
