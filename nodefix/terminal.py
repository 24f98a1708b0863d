"""What a command says to whoever typed it."""

from __future__ import annotations

import os
import sys


def tell(text: str) -> None:
    """Print to standard error, if it is there."""
    from nodefix.text import harmless

    if sys.stderr is not None:
        try:
            print(harmless(text), file=sys.stderr, flush=True)
        except (OSError, ValueError):
            return


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
