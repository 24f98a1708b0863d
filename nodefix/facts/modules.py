"""Kernel modules: what they are to the running kernel, and to the one that boots next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from nodefix.facts.next_kernel import next_kernel
from nodefix.facts.probe import Failure, Feature, probe
from nodefix.facts.system import kernel_release
from nodefix.host import Host

CONNTRACK_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"

# modprobe.d(5), in its order of precedence.
_MODPROBE_FOLDERS = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "lib/modprobe.d",
)


class State(StrEnum):
    """What a module is to the running kernel."""

    LOADED = "loaded"
    BUILT_IN = "built in"
    AVAILABLE = "available"
    BLACKLISTED = "blacklisted"
    REPLACED = "replaced by a command"
    ABSENT = "absent"


class Module(NamedTuple):
    """A module's state; `where` is the line of modprobe.d(5) that keeps it from being loaded."""

    name: str
    state: State
    where: str = ""


class ModuleFacts(NamedTuple):
    """What the modules stage decides on.

    Attributes:
        kernel: the running kernel's release.
        modules: the state of each module asked for, by name.
        conntrack: whether nf_conntrack_max is there.
        failures: what of the probe does not work; empty if kube-proxy's rules do.
        next_kernel: the release of the kernel that boots next, if it is another one.
        next_missing: modules that the running kernel has and that one has not.
    """

    kernel: str
    modules: Mapping[str, Module]
    conntrack: bool
    failures: tuple[Failure, ...]
    next_kernel: str = ""
    next_missing: tuple[str, ...] = ()


def read_modules(host: Host, names: Sequence[str], features: tuple[Feature, ...]) -> ModuleFacts:
    """Probe with rules that use `features`, then read the state of each named module.

    Raises:
        CommandError: the tools for the probe are missing.
    """
    failures = probe(host, features)
    kernel = kernel_release(host.root)
    coming = next_kernel(host)
    coming = "" if coming == kernel else coming
    return ModuleFacts(
        kernel=kernel,
        modules=_states(host.root, kernel, names),
        conntrack=host.path(CONNTRACK_MAX).exists(),
        failures=failures,
        next_kernel=coming,
        next_missing=_missing(host.root, kernel, coming, names) if coming else (),
    )


def _states(root: Path, kernel: str, names: Sequence[str]) -> dict[str, Module]:
    if not (root / "proc/modules").exists():
        # A kernel without CONFIG_MODULES: what it has is built in.
        return {name: Module(name, State.BUILT_IN) for name in names}
    loaded = frozenset(line.split(" ", 1)[0] for line in _text(root / "proc/modules").splitlines())
    states = {name: Module(name, State.LOADED) for name in names if name in loaded}
    missing = [name for name in names if name not in loaded]
    if not missing:
        return states
    folder = root / "lib/modules" / kernel
    built_in = _module_names(folder / "modules.builtin")
    on_disk = _module_names(folder / "modules.dep")
    kept_out = _kept_out(root)
    for name in missing:
        if name in built_in:
            states[name] = Module(name, State.BUILT_IN)
        elif name not in on_disk:
            states[name] = Module(name, State.ABSENT)
        else:
            states[name] = kept_out.get(name, Module(name, State.AVAILABLE))
    return states


def _missing(root: Path, kernel: str, coming: str, names: Sequence[str]) -> tuple[str, ...]:
    """What the running kernel has on disk or built in, and the one that boots next has not."""
    now, then = (_known(root / "lib/modules" / release) for release in (kernel, coming))
    return tuple(name for name in names if name in now and name not in then)


def _known(folder: Path) -> frozenset[str]:
    return _module_names(folder / "modules.builtin") | _module_names(folder / "modules.dep")


def _text(file: Path) -> str:
    # Missing files are facts too: a kernel without modules has neither /proc/modules nor a folder.
    try:
        return file.read_bytes().decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def _module_names(file: Path) -> frozenset[str]:
    """Names from modules.builtin and modules.dep; `-` and `_` are the same in a name."""
    found = re.findall(r"^(?:[^\s:]*/)?([^\s:/]+?)\.ko(?:\.\w+)?(?=:|\s|$)", _text(file), re.M)
    return frozenset(name.replace("-", "_") for name in found)


def _kept_out(root: Path) -> dict[str, Module]:
    """Modules that modprobe.d(5) keeps from loading, with the file and line that does."""
    found: dict[str, Module] = {}
    seen: set[str] = set()
    for folder in _MODPROBE_FOLDERS:
        for file in sorted((root / folder).glob("*.conf")):
            # A file hides those of its name in later folders.
            if file.name in seen:
                continue
            seen.add(file.name)
            for number, line in enumerate(_text(file).splitlines(), 1):
                match line.split():
                    case ["blacklist", name, *_]:
                        state = State.BLACKLISTED
                    case ["install", name, command, *_] if command.endswith(("/false", "/true")):
                        state = State.REPLACED
                    case _:
                        continue
                name = name.replace("-", "_")
                where = f"/{file.relative_to(root)} line {number} (`{line.strip()}`)"
                if name not in found or state is State.REPLACED:
                    found[name] = Module(name, state, where)
    return found
