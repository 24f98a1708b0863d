"""Leaving what only tells to a child, so that nobody waits for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

# Seconds. Who waited for the parent starts then, and would share the processors with the child.
_PAUSE_SECONDS = 0.3


def leave_to_child(action: Callable[[], None]) -> bool:
    """Do something in a child process that nobody waits for, a moment later; it ends with that.

    Only without threads, whose locks a child would find taken for ever. systemd leaves such a child
    alone as long as the service is not stopped, and a service of the type oneshot is active as soon
    as its own process has ended; only with RemainAfterExit= it stays so, and is not stopped then.

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
        time.sleep(_PAUSE_SECONDS)
        action()
        status = 0
    finally:
        os._exit(status)
