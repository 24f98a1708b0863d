"""What has to be taken down again, however the program ends."""

import atexit
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

Action = Callable[[], None]

_pending: dict[int, Action] = {}
_armed_by: int | None = None


def later(action: Action) -> Action:
    """Have `action` run when the program ends; the function returned runs it now instead.

    Either way it runs once. At the end the last one registered goes first.
    """
    _arm()
    key = max(_pending, default=0) + 1
    _pending[key] = action

    def now() -> None:
        if _pending.pop(key, None) is not None:
            action()

    return now


def _arm() -> None:
    global _armed_by
    if _armed_by == os.getpid():
        return
    _armed_by = os.getpid()
    _pending.clear()  # a forked child must not undo what its parent made
    atexit.register(_undo_all)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _undo_and_die)


def _undo_all() -> None:
    if _armed_by != os.getpid():
        return
    while _pending:
        _, action = _pending.popitem()
        try:
            action()
        except Exception as error:  # the rest must still be taken down
            print(f"testnode: cleaning up: {error}")


def _undo_and_die(number: int, _frame: FrameType | None) -> None:
    # Not by SystemExit: a test runner would take it for one failed test and go on.
    signal.signal(number, signal.SIG_DFL)
    _undo_all()
    os.kill(os.getpid(), number)
