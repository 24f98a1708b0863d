"""Leaving what only tells to a child, so that nobody waits for it."""

from __future__ import annotations

import os
from collections.abc import Callable


def leave_to_child(action: Callable[[], None]) -> bool:
    """Do something in a child process that nobody waits for, which ends with it.

    Only without threads, whose locks a child would find taken for ever. systemd leaves such a child
    alone as long as the service is not stopped, and a service of the type oneshot is active as soon
    as its own process has ended.

    Returns:
        Whether there is such a child; if not nothing was done.
    """
    try:
        child = os.fork()
    except OSError:
        return False
    if child:
        return True
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)
