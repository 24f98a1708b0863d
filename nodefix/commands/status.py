"""`nodefix status`: what became of this boot's run, and who waits for it."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from nodefix.commands.wait import seconds
from nodefix.errors import BusError
from nodefix.host.systemd import Systemd
from nodefix.messages import in_words
from nodefix.output import TEXT, add_format, show
from nodefix.status.seen import Seen, look
from nodefix.status.text import as_data, duration, in_text
from nodefix.status.verdict import EXITS, Verdict, judge
from nodefix.terminal import tell
from nodefix.text import bounded
from nodefix.words import (
    EXIT_DEGRADED,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_FINISHED,
    EXIT_USAGE,
    RUNNING,
)

HELP = "show the state of this boot's run, and who waits for it"
STATUSES = {
    EXIT_DONE: "kubelet may start: the run ended as ready, nodefix is switched off, or this system"
    " is out of scope",
    EXIT_FAILED: "the run failed or was aborted",
    EXIT_DEGRADED: "the run ended as degraded",
    EXIT_NOT_FINISHED: "no run has ended in this boot; with --wait: not within the time-out",
    EXIT_USAGE: "the command line is not valid",
}

# Seconds. A run may take six minutes, and before it begins it waits for the disks.
_DEFAULT_TIMEOUT = 600.0
_POLL_SECONDS = 0.2
# Characters of a record that is shown while it goes on.
_RECORD = 2000


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--wait", action="store_true", help="wait until the run has ended, and show how it goes"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="with --wait: how long (default: 600)",
    )
    parser.add_argument("--long", action="store_true", help="show each change and remark, too")
    add_format(parser)


def main(options: Namespace, arguments: list[str]) -> int:
    """Say it, after the run if that is wanted."""
    if options.timeout is not None and not options.wait:
        tell("nodefix status: --timeout goes with --wait\n  see: nodefix status --help")
        return EXIT_USAGE
    systemd, root = Systemd(), Path("/")
    timeout = _DEFAULT_TIMEOUT if options.timeout is None else options.timeout
    try:
        if options.wait:
            seen, verdict = wait(root, systemd, timeout, tell)
        else:
            seen = look(root, systemd)
            verdict = judge(seen)
    except KeyboardInterrupt:
        tell("nodefix: no longer waiting; a run that is going on goes on")
        return EXIT_NOT_FINISHED
    # Data and text are both made only for who asked.
    is_text = options.format == TEXT
    text = in_text(seen, verdict, os.geteuid() == 0, options.long) if is_text else ""
    show(options.format, {} if is_text else as_data(seen, verdict), text)
    return EXITS[verdict.state]


def wait(
    root: Path, systemd: Systemd, timeout: float, say: Callable[[str], None]
) -> tuple[Seen, Verdict]:
    """Wait for the end of the run that is going on or will begin, and say how it goes.

    Args:
        root: the node's root.
        systemd: its service manager.
        timeout: seconds.
        say: shows a line.

    Returns:
        What is seen in the end, and what that comes to: not finished where it took too long.
    """
    end = time.monotonic() + timeout
    progress = _Progress(systemd, say)
    while True:
        seen = look(root, systemd)
        verdict = judge(seen)
        progress.show(seen, verdict)
        left = end - time.monotonic()
        if not verdict.is_coming:
            # What it said last may still be under way.
            progress.hear(_POLL_SECONDS)
            return seen, verdict
        if left <= 0:
            say(f"nodefix: no longer waiting, after {duration(timeout)}: it is {verdict.state}")
            return seen, verdict
        progress.hear(min(_POLL_SECONDS, left))


class _Progress:
    """Shows each record of the run as it is sent; without a bus each stage that begins."""

    def __init__(self, systemd: Systemd, say: Callable[[str], None]) -> None:
        self._say = say
        self._stage = ""
        self._stopped: tuple[int, ...] = ()
        self._hears = True
        try:
            self.hear = systemd.records(self._record)
        except BusError:
            self._hears = False
            self.hear = time.sleep

    def _record(self, fields: Mapping[str, str]) -> None:
        self._say(bounded(str(fields.get("MESSAGE", "")), _RECORD))

    def show(self, seen: Seen, verdict: Verdict) -> None:
        stage = seen.last.stage if verdict.state == RUNNING and seen.is_locked else ""
        if stage and stage != self._stage and not (self._hears and self._stage):
            # With a bus only where it stands now; its records tell the rest.
            self._say(f"stage {stage} is running")
        self._stage = stage or self._stage
        if seen.stopped != self._stopped:
            for problem in verdict.why:
                self._say(in_words(problem))
        self._stopped = seen.stopped
