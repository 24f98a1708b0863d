"""What libraries import and nodefix does not use of them, left out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType


class Unused(Exception):
    """What stands for everything in such a module; nothing is to call it."""


def _no_loop() -> None:
    raise RuntimeError("no running event loop")


def _none() -> None:
    """No event loop, where that is no error."""


def _no_version(name: str) -> str:
    raise Unused(name)


def _system() -> str:
    return os.uname().sysname


def _nobody() -> str:
    """A name for sh's prompt for a password, which is made and never shown."""
    return ""


def _as_it_is(text: str, prefix: str) -> str:
    return text


def _last_line() -> str:
    """What the last line of a traceback says."""
    error = sys.exception()
    return f"{type(error).__name__}: {error}"


class _Mute:
    """A logger of the level that nobody listens to."""

    def __init__(self, name: str) -> None:
        """For any name."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = error = exception = debug


# sh and gi look for a running event loop, of which there is none, and sh for its own version; sh
# logs what nobody reads, and looks at callbacks and terminals, of which it gets none. The real ones
# are three quarters of what importing sh costs and a third of what gi does.
_CONTENT: dict[str, dict[str, object]] = {
    "asyncio": {"get_running_loop": _no_loop, "_get_running_loop": _none},
    "getpass": {"getuser": _nobody},
    "importlib.metadata": {"version": _no_version, "PackageNotFoundError": Unused},
    "inspect": {},
    "logging": {"getLogger": _Mute},
    "platform": {"system": _system},
    "pty": {},
    "textwrap": {"indent": _as_it_is},
    "traceback": {"format_exc": _last_line},
    "tty": {},
}
# What sh can do without.
OF_SH = (*_CONTENT,)


@contextlib.contextmanager
def stand_ins(*names: str) -> Iterator[None]:
    """Have these modules, as long as nobody has imported them, be next to nothing meanwhile."""
    made = {name: ModuleType(name) for name in names if name not in sys.modules}
    for name, module in made.items():
        module.__dict__.update(_CONTENT[name], __getattr__=lambda _: Unused)
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]
