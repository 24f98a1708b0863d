"""`nodefix status`: what became of this boot's run, and who waits for it."""

from __future__ import annotations

import os
import shlex
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from nodefix.commands.wait import seconds
from nodefix.errors import BusError, UnclearError
from nodefix.host.journald import MAY_NOT_READ, storage
from nodefix.host.newfile import expect_place, write_new
from nodefix.host.systemd import Systemd
from nodefix.messages import in_words
from nodefix.output import TEXT, add_format, show
from nodefix.status.seen import Seen, look
from nodefix.status.text import as_data, duration, in_text
from nodefix.status.verdict import EXITS, Verdict, judge
from nodefix.terminal import tell
from nodefix.text import bounded, compact_stamp
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
    EXIT_FAILED: "the run failed or was aborted; with --svg also: there is no picture",
    EXIT_DEGRADED: "the run ended as degraded",
    EXIT_NOT_FINISHED: "no run has ended in this boot; with --wait: not within the time-out",
    EXIT_USAGE: "the command line is not valid",
}

# Seconds. A run may take six minutes, and before it begins it waits for the disks.
_DEFAULT_TIMEOUT = 600.0
_POLL_SECONDS = 0.2
# In the place of a file's name; where everybody may write.
_STDOUT, _ELSEWHERE = "-", Path("/var/tmp")
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
    parser.add_argument(
        "--svg",
        metavar="FILE",
        help="draw this boot, from the journal: what came before nodefix, its runs and stages, and"
        " each start of kubelet, on a time line; `-` prints the picture in the place of the text",
    )
    parser.add_argument(
        "--force", action="store_true", help="with --svg: replace a file that is there"
    )
    add_format(parser)


def main(options: Namespace, arguments: list[str]) -> int:
    """Say it, after the run if that is wanted."""
    if wrong := _misused(options):
        tell(f"nodefix status: {wrong}\n  see: nodefix status --help")
        return EXIT_USAGE
    if options.svg is not None and (lack := _lack(options, arguments)):
        tell(f"nodefix status: {lack}")
        return EXIT_FAILED
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
    if options.svg != _STDOUT:
        show(options.format, {} if is_text else as_data(seen, verdict), text)
    if options.svg is not None and (lack := _draw(systemd, seen, verdict, options, arguments)):
        tell(f"nodefix status: {lack}")
        return EXIT_FAILED
    return EXITS[verdict.state]


def _misused(options: Namespace) -> str:
    if options.timeout is not None and not options.wait:
        return "--timeout goes with --wait"
    if options.force and options.svg in (None, _STDOUT):
        return "--force goes with --svg FILE"
    if options.svg == _STDOUT and options.format != TEXT:
        return f"--svg - prints a picture, and --format {options.format} something else"
    return ""


def _lack(options: Namespace, arguments: list[str]) -> str:
    """Why there can be no picture, with a remedy; empty where there can be one."""
    if storage(Path("/")).readable is False:
        return f"{MAY_NOT_READ}\n  try: {shlex.join(['sudo', 'nodefix', *arguments])}"
    if options.svg != _STDOUT:
        place = Path(options.svg)
        try:
            # The current folder may be gone.
            place = Path.cwd() / place
            expect_place(place, options.force)
        except OSError as error:
            return _not_written(error, place, arguments)
    return ""


def _draw(
    systemd: Systemd, seen: Seen, verdict: Verdict, options: Namespace, arguments: list[str]
) -> str:
    """Draw this boot; why that cannot be done, with a remedy, or empty."""
    # Only here, for what it brings along.
    from nodefix.picture.make import make

    try:
        content = make(systemd, seen, verdict)
    except UnclearError as error:
        return f"{error.message}\n  try: {error.hint}"
    if options.svg == _STDOUT:
        print(content.decode(), end="")
        return ""
    place = Path(options.svg)
    try:
        place = Path.cwd() / place
        write_new(place, content, options.force)
    except OSError as error:
        return _not_written(error, place, arguments)
    tell(f"wrote {place}; a web browser shows it")
    return ""


def _not_written(error: OSError, place: Path, arguments: list[str]) -> str:
    what = f"{error.filename or place}: {error.strerror or error}"
    if isinstance(error, FileExistsError) and place.is_file() and not place.is_symlink():
        again = shlex.join(["nodefix", *arguments, "--force"])
    elif place.parent == _ELSEWHERE:
        again = f"df -h {_ELSEWHERE}; ls -ld {_ELSEWHERE}"
    else:
        again = f"nodefix status --svg {_ELSEWHERE}/nodefix-{compact_stamp()}.svg"
    return f"{what}\n  try: {again}"


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
