"""What libraries import and nodefix does not use of them, left out."""

from __future__ import annotations

import contextlib
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


# sh and gi look for a running event loop, of which there is none, and sh for its own version. The
# real ones are half of what importing sh costs and a third of what gi does.
_CONTENT: dict[str, dict[str, object]] = {
    "asyncio": {"get_running_loop": _no_loop, "_get_running_loop": _none},
    "importlib.metadata": {"version": _no_version, "PackageNotFoundError": Unused},
}


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
