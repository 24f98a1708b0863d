"""`nodefix wait`: hold a kubelet unit until the node is ready."""

from __future__ import annotations

import os
import sys
import time

from nodefix import gate
from nodefix.words import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, KUBELET

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "wait until the node is ready for kubelet"
STATUSES = {
    EXIT_DONE: "kubelet may start",
    EXIT_FAILED: "kubelet is held, and standard error says why",
    EXIT_USAGE: "the command line is not valid",
}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="how long (default: 60)")
    parser.add_argument(
        "--hold",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="where the node is not ready: say why, and go on waiting for so long",
    )


def main(options: argparse.Namespace, arguments: list[str]) -> int:
    """Wait as long as the options say."""
    return wait(options.timeout, options.hold)


def wait(timeout: float | None = None, hold: float = 0.0) -> int:
    """Wait until kubelet may start, and say why it must not.

    Args:
        timeout: seconds to wait for a run that is going on.
        hold: seconds to hold it before this ends, once it was said why; none as a rule, since
            systemd tries again.

    Returns:
        The exit status.
    """
    timeout = gate.DEFAULT_TIMEOUT if timeout is None else timeout
    end = time.monotonic() + hold
    reason = gate.wait("/", timeout)
    if not reason:
        return EXIT_DONE
    from nodefix.terminal import tell

    tell(_for_the_journal(reason))
    if hold:
        from nodefix.holding import go_on

        if go_on("/", timeout, end, reason, tell):
            return EXIT_DONE
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
    from nodefix.host.kubelets import holder
    from nodefix.told import briefly
    from nodefix.words import TOLD_BY_WAIT

    # Not by INVOCATION_ID: a login shell on the console has its getty's.
    if not journal.goes_to_journal(sys.stderr, os.environ):
        return reason
    # One for each unit: two that are held take turns.
    file = Path("/") / f"{TOLD_BY_WAIT}-{holder('/') or KUBELET}"
    return briefly(file, reason, "nodefix wait --timeout 0")
