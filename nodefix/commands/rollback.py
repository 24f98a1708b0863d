"""`nodefix rollback`: put back what nodefix changed, and switch nodefix off."""

from __future__ import annotations

import io
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from nodefix.config import metrics_files
from nodefix.errors import NodefixError
from nodefix.host.kubelets import kubelets, spoken
from nodefix.host.lock import LOCK_SECONDS, run_lock
from nodefix.host.node import Host, open_host
from nodefix.host.writing import sweep
from nodefix.journal import Journal
from nodefix.output import add_format, show
from nodefix.rolled import as_data, finished_record, in_words, records
from nodefix.switch import Kind, kind_of_switch, write_switch
from nodefix.terminal import add_stage, is_root, tell
from nodefix.undoing.rollback import Rolled, roll_back
from nodefix.words import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_LEFT,
    EXIT_NOT_ROOT,
    EXIT_USAGE,
    EXIT_WOULD_CHANGE,
    FAILED,
    LEFT,
    RESTORED,
    SETTINGS_FILE,
    SKIP,
    STAGE_NAMES,
    SWITCH,
    UNDO,
)

HELP = "put back what nodefix changed, and switch it off"
STATUSES = {
    EXIT_DONE: "all of it is as it was, or there was nothing to restore",
    EXIT_FAILED: "something could not be restored",
    EXIT_LEFT: "something was left, since somebody has changed it since",
    EXIT_WOULD_CHANGE: "with --dry-run: something would be restored",
    EXIT_USAGE: "the command line is not valid, and nothing was changed",
    EXIT_NOT_ROOT: "not root",
}

_REASON = "rolled back"


def options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    add_stage(parser, "what this stage changed only, and nodefix stays switched on")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be restored, change nothing"
    )
    add_format(parser)


def main(options: Namespace, arguments: list[str]) -> int:
    """Roll back as the options say."""
    if not is_root(arguments):
        return EXIT_NOT_ROOT
    # What it says is printed at its end, whole; the journal gets it record by record.
    host = open_host(Path("/"))
    journal = Journal(host.systemd, io.StringIO())
    try:
        return rollback(host, journal, options.stage, options.format, dry_run=options.dry_run)
    except KeyboardInterrupt:
        tell(f"nodefix: interrupted; to go on: {shlex.join(['nodefix', *arguments])}")
        return EXIT_FAILED
    finally:
        journal.close()


def rollback(
    host: Host, journal: Journal, names: Sequence[str], form: str, *, dry_run: bool
) -> int:
    """Put back what stages changed, and say what became of it.

    Args:
        host: the node.
        journal: where records go.
        names: the stages; all if empty, and then nodefix is switched off.
        form: what is printed, one of output.FORMATS.
        dry_run: change nothing.

    Returns:
        The exit status.
    """
    stages = names or STAGE_NAMES
    refused, switched_off = "", False
    try:
        if dry_run:
            rolled = roll_back(host, stages, dry_run=True)
        else:
            with run_lock(host.root, LOCK_SECONDS):
                sweep(host.root)
                rolled = roll_back(host, stages, dry_run=False)
                if not names:
                    # Under the lock: a run that waits for it must find nodefix switched off.
                    refused = _switch_off(host.root)
                    switched_off = not refused
                _record(journal, rolled, refused, names)
    except NodefixError as error:
        tell(f"nodefix: nothing was restored: {error.message}\n  fix: {error.hint}")
        return EXIT_FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        tell(
            f"nodefix: the rollback was aborted: {where}{error.strerror or error}\n"
            f"  see: ls -ldZ /{UNDO} /run/nodefix; df -h /run /var/lib"
        )
        return EXIT_FAILED
    units = kubelets(f"{host.root}/")
    text = in_words(rolled, _last(names, refused, units, dry_run=dry_run), dry_run=dry_run)
    show(form, as_data(rolled, dry_run=dry_run, switched_off=switched_off), text)
    return EXIT_FAILED if refused else _status(rolled, dry_run=dry_run)


def _status(rolled: Rolled, *, dry_run: bool) -> int:
    if rolled.outcome == FAILED:
        return EXIT_FAILED
    if dry_run and any(item.outcome == RESTORED for item in rolled.items):
        return EXIT_WOULD_CHANGE
    return EXIT_LEFT if rolled.outcome == LEFT else EXIT_DONE


def _record(journal: Journal, rolled: Rolled, refused: str, names: Sequence[str]) -> None:
    for record in records(rolled):
        journal.send(record)
    switched = "nodefix stays switched on" if names else "nodefix is switched off"
    journal.send(finished_record(rolled, refused or switched))


def _last(
    names: Sequence[str], refused: str, units: tuple[str, ...], *, dry_run: bool
) -> list[str]:
    """What is said at the end: how to do it, or how to go on."""
    if dry_run:
        again = shlex.join(["nodefix", "rollback", *(f"--stage={name}" for name in names)])
        return [f"nothing was changed; to do it: {again}"]
    if names:
        lines = [f"    {name}: {SKIP}" for name in names]
        return [
            "nodefix stays switched on, and its next run does this again; to prevent that, write"
            f" into /{SETTINGS_FILE}:",
            "  stages:",
            *lines,
        ]
    if refused:
        return [
            f"nodefix is not switched off, so its next run does all of it again: {refused}",
            f"  see: ls -ldZ /etc/nodefix /{SWITCH}; findmnt -T /etc; then: nodefix disable",
        ]
    return [
        f"where {spoken(units)} is held now its next try goes through; at once: nodefix disable"
        " --now",
        "nodefix is switched off; to switch it on again: nodefix enable",
    ]


def _switch_off(root: Path) -> str:
    """Switch nodefix off, unless it is; why it could not be."""
    kind = kind_of_switch(root)
    if kind == Kind.DANGLING:
        return f"/{SWITCH} is a link that leads nowhere, which the service does not heed"
    if kind == Kind.MISSING:
        try:
            write_switch(root, _REASON, metrics_files(root))
        except OSError as error:
            return f"/{SWITCH} cannot be written: {error.strerror}"
    return ""
