"""`nodefix history`: one line a boot, and what has to be repaired again and again."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from nodefix.errors import UnclearError
from nodefix.history import FIELDS, MATCHES, Again, Boot, again, boots
from nodefix.host.journald import MAY_NOT_READ, MOST, entries, storage
from nodefix.output import add_format, show
from nodefix.terminal import tell
from nodefix.text import one_line, stamp
from nodefix.words import EXIT_DONE, EXIT_FAILED, EXIT_USAGE

HELP = "show what nodefix did at the last boots, the newest last"
STATUSES = {
    EXIT_DONE: "there are boots to tell of",
    EXIT_FAILED: "nothing is known, or the journal cannot be read",
    EXIT_USAGE: "the command line is not valid",
}

_DEFAULT, _MOST_BOOTS = 10, 1000
_SECONDS = 20.0
# Characters of what a boot's line says at its end.
_LINE = 160

# Source: systemd-journald.service(8), journald.conf(5) on Storage=auto.
KEEP = "mkdir -p /var/log/journal && journalctl --flush"
_ONLY_THIS = "the journal is not kept on disk, so only this boot is known; to keep it"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    # The newest stands last, next to the prompt, as in `journalctl --list-boots`.
    parser.add_argument(
        "-n", type=_count, default=_DEFAULT, metavar="N", help=f"boots (default: {_DEFAULT})"
    )
    add_format(parser)


def main(options: argparse.Namespace, arguments: list[str]) -> int:
    """Show as many boots as the options say."""
    kept = storage(Path("/"))
    if kept.readable is False:
        tell(f"nodefix history: {MAY_NOT_READ}")
        tell(f"  try: {shlex.join(['sudo', 'nodefix', *arguments])}")
        return EXIT_FAILED
    try:
        found = boots(entries(MATCHES, MOST, FIELDS, _SECONDS), options.n)
    except UnclearError as error:
        tell(f"nodefix history: {error.message}\n  try: {error.hint}")
        return EXIT_FAILED
    repeated = again(found)
    show(options.format, _data(found, repeated, kept.lasts), _text(found, repeated, kept.lasts))
    return EXIT_DONE if found else EXIT_FAILED


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= _MOST_BOOTS:
        raise argparse.ArgumentTypeError(
            f"found {text!r}, expected a number from 1 to {_MOST_BOOTS}"
        )
    return count


def _data(found: Sequence[Boot], repeated: Sequence[Again], lasts: bool) -> Mapping[str, object]:
    return {
        "journal_lasts": lasts,
        "boots": [
            {
                "boot_id": boot.boot_id,
                "started": stamp(boot.started),
                "outcome": boot.outcome,
                "runs": boot.runs,
                "duration_usec": boot.usec,
                "changes": [repair._asdict() for repair in boot.repairs],
                "problem": boot.problem,
            }
            for boot in found
        ],
        "again": [one._asdict() for one in repeated],
    }


def _text(found: Sequence[Boot], repeated: Sequence[Again], lasts: bool) -> str:
    lines = [_line(boot) for boot in found]
    if not found:
        lines = [
            "nothing is known: the journal has no run of nodefix",
            "  try: systemctl status nodefix",
        ]
    for one in repeated:
        lines += ["", one_line(one.words, 2 * _LINE), f"  find it: {one.find}"]
    if not lasts:
        lines += ["", f"note: {_ONLY_THIS}: {KEEP}"]
    return "\n".join(lines)


def _line(boot: Boot) -> str:
    stages = dict.fromkeys(repair.stage for repair in boot.repairs)
    changed = "; ".join(
        f"{stage}: {', '.join(r.target for r in boot.repairs if r.stage == stage)}"
        for stage in stages
    )
    what = f"repaired {changed}" if changed else "nothing to repair"
    if boot.problem:
        what = boot.problem if not changed else f"{boot.problem}; {what}"
    runs = f" ({boot.runs} runs)" if boot.runs > 1 else ""
    return (
        f"{stamp(boot.started)}  {boot.outcome:<10}  {boot.usec / 1_000_000:8.2f} s{runs}"
        f"  {one_line(what, _LINE)}"
    )
