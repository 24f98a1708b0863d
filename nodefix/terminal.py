"""What a command says to whoever typed it."""

from __future__ import annotations

import os
import sys

from nodefix.words import STAGE_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def tell(text: str) -> None:
    """Print to standard error, if it is there."""
    from nodefix.text import harmless

    if sys.stderr is not None:
        try:
            print(harmless(text), file=sys.stderr, flush=True)
        except (OSError, ValueError):
            return


def is_watched() -> bool:
    """Whether somebody watches this at a terminal."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except (OSError, ValueError):
        return False


def is_root(arguments: list[str]) -> bool:
    """Whether this is root; an ordinary user is told what to type.

    Args:
        arguments: the words that were typed, without the program's name.
    """
    if os.geteuid() == 0:
        return True
    import shlex

    tell(
        "nodefix: this command must be run as root\n"
        f"  try: {shlex.join(['sudo', 'nodefix', *arguments])}"
    )
    return False


def add_stage(parser: ArgumentParser, what: str) -> None:
    """Add the option --stage.

    Args:
        parser: of a command.
        what: what becomes of a stage that is named.
    """
    parser.add_argument(
        "--stage",
        action="append",
        default=[],
        choices=STAGE_NAMES,
        help=f"{what}; can be given several times",
    )
