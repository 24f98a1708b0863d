"""Which modules a kernel has: loaded, built in, on disk.

Sources: proc_modules(5), modules.builtin and modules.dep as depmod(8) writes them.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodefix.facts.module_locks import read_locks
from nodefix.facts.system import kernel_release
from nodefix.host.node import Host

_LOADED = "/proc/modules"
# Some thousand modules with all their dependencies.
_LIMIT = 1 << 24


def loaded_modules(host: Host) -> frozenset[str] | None:
    """The names of loaded modules; None for a kernel without CONFIG_MODULES.

    Raises:
        OSError: /proc/modules cannot be read.
    """
    try:
        text = host.read(_LOADED, _LIMIT).decode("utf-8", "backslashreplace")
    except FileNotFoundError:
        return None
    return frozenset(line.split(" ", 1)[0] for line in text.splitlines())


def modules_of(
    host: Host, kernel: str, folder: str = ""
) -> tuple[frozenset[str], Mapping[str, str]]:
    """A kernel's built-in modules, and those on disk with the files that each one depends on.

    Args:
        host: the node.
        kernel: its release.
        folder: where they are; empty for the place of an installed kernel's.

    Raises:
        OSError: an index exists and cannot be read.
    """
    folder = folder or f"/lib/modules/{kernel}"
    built_in = (module_name(line) for line in _lines(host, f"{folder}/modules.builtin"))
    on_disk = {}
    for line in _lines(host, f"{folder}/modules.dep"):
        file, colon, needed = line.partition(":")
        if colon and (name := module_name(file)):
            on_disk[name] = needed
    return frozenset(name for name in built_in if name), on_disk


def loadable_modules(host: Host, kernel: str) -> frozenset[str]:
    """The modules that the running kernel may still load by itself when a program needs them.

    Raises:
        OSError: a list or an index cannot be read.
    """
    loaded = loaded_modules(host)
    if loaded is None or read_locks(host).disabled:
        return frozenset()
    built_in, on_disk = modules_of(host, kernel)
    return frozenset(on_disk) - loaded - built_in


def must_not_ask(host: Host, module: str) -> bool:
    """Whether a program that needs a module is not to be run: it would load it, in a dry run."""
    if host.may_load:
        return False
    try:
        return module in loadable_modules(host, kernel_release(host.root))
    except OSError:
        # Not known, so nothing is risked.
        return True


def is_absent_now(host: Host, module: str) -> bool:
    """Whether this boot does without a module: it is neither loaded nor part of the kernel.

    False where no list of the kernel's names it and there is none of what is built in.

    Raises:
        OSError: a list or an index cannot be read.
    """
    loaded = loaded_modules(host)
    if loaded is None or module in loaded:
        return False
    built_in, on_disk = modules_of(host, kernel_release(host.root))
    return module not in built_in and (module in on_disk or bool(built_in))


def module_name(file: str) -> str:
    """A module's name by its file's name; `-` and `_` are the same."""
    # Called some thousand times at each boot: no pattern.
    name, suffix, packed = file.strip().rpartition("/")[2].partition(".ko")
    return name.replace("-", "_") if suffix and packed[:1] in ("", ".") else ""


def _lines(host: Host, file: str) -> list[str]:
    # A kernel without modules has no folder.
    try:
        return host.read(file, _LIMIT).decode("utf-8", "backslashreplace").split("\n")
    except FileNotFoundError:
        return []
