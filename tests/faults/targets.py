"""What nodefix runs and reads, found in its own source: each absolute path that stands there."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nodefix import words
from nodefix.facts import alternatives, rancher

TOP = Path(__file__).resolve().parents[2]
# What `nodefix run` and `nodefix wait` are made of; the rest belongs to other commands.
_ROOMS = ("facts", "stages", "host", "live", "around", "gate.py", "words.py", "journal.py")
_PATH = re.compile(r"/?(?:usr|etc|run|proc|sys|var|boot|lib)/[\w@./+-]*[\w@+-]")
_PROGRAM_FOLDERS = ("bin", "sbin")
# What is not made a target, and why.
LEFT_OUT = {
    "/etc/systemd/system": "systemd reads it, nodefix asks systemd",
    "/usr/lib/systemd/system": "likewise",
    "/usr/local/lib/systemd/system": "likewise",
    "/run/systemd": "the booted node's, shared by all faults",
    "/run/systemd/system": "likewise",
    "/run/systemd/system.attached": "likewise",
    "/run/systemd/system.control": "likewise",
    "/run/systemd/transient": "likewise",
    "/run/systemd/generator": "likewise",
    "/run/systemd/generator.early": "likewise",
    "/run/systemd/generator.late": "likewise",
    "/run/systemd/container": "likewise",
    "/run/credentials": "likewise",
    "/run/log/journal": "likewise",
    "/usr/lib/systemd": "systemd itself",
    "/usr/lib/nodefix": "nodefix itself: container/test_stuck.py",
    "/usr/lib": "where others lie",
    "/var/lib": "where others lie",
    "/usr/sbin": "where programs lie",
    "/usr/local/sbin": "where programs lie",
    "/usr/local/bin": "where programs lie",
    "/run/nodefix": "each run makes it; what is in it are targets",
    "/proc/self/cgroup": "it is not one file",
    "/proc/self/loginuid": "it is not one file",
    "/run/dbus/system_bus_socket": "faultlist.py has it with more than a place",
    "/run/systemd/journal/socket": "likewise",
}


class Targets(NamedTuple):
    """Absolute paths, sorted.

    Attributes:
        tools: programs that are run.
        files: files that are read or written.
        folders: folders whose files are.
    """

    tools: tuple[str, ...]
    files: tuple[str, ...]
    folders: tuple[str, ...]


@functools.cache
def targets() -> Targets:
    """All that nodefix names."""
    found = sorted(set(_paths()) - LEFT_OUT.keys())
    tools = [path for path in found if path.split("/")[-2] in _PROGRAM_FOLDERS]
    rest = [path for path in found if path not in tools]
    return Targets(
        tuple(tools),
        tuple(path for path in rest if _is_file(path)),
        tuple(path for path in rest if not _is_file(path)),
    )


# Whose name does not tell what they are.
_FILES = ("fstab", "disabled", "state", "lock", "ready", "machine-id", "os-release", "kubelet")
_FOLDERS = (
    "/boot/grub",
    "/etc/alternatives.admindir",
    "/etc/net.d",
    "/var/lib/kubelet",
    "/var/lib/k0s/kubelet",
)


def _is_file(path: str) -> bool:
    """By the name: one with a suffix that is not that of drop-ins, and what is known."""
    name = path.rpartition("/")[2]
    if path in _FOLDERS or name.endswith(".d"):
        return False
    of_runs = path.startswith(
        ("/proc/", "/sys/", f"/{words.FOLDER}/", "/run/ostree", "/run/motd.d")
    )
    is_link = path.startswith(f"{alternatives.LINKS}/")
    return "." in name or name in _FILES or of_runs or is_link


def _paths() -> Iterator[str]:
    for room in _ROOMS:
        place = TOP / "nodefix" / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield from _in_source(file)
    # Names that are put together of others.
    for value in vars(words).values():
        yield from (f"/{value.lstrip('/')}" for value in _texts(value) if _PATH.fullmatch(value))
    yield f"/{words.SETTINGS_FOLDERS[1]}/{words.SETTINGS}"
    for name in alternatives.COMMANDS:
        yield from (f"{alternatives.BIN}/{name}", f"{alternatives.LINKS}/{name}")
    for program in ("k3s", "rke2"):
        yield from (rancher.default_config(program), f"{rancher.default_config(program)}.d")
    yield from (f"/{folder}/{words.DROP_INS}" for folder in words.SETTINGS_FOLDERS)


def _in_source(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {
        id(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for value in node.values
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in told | parts:
            continue
        if isinstance(node.value, str) and _PATH.fullmatch(node.value):
            yield f"/{node.value.lstrip('/')}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        yield from (one for one in value if isinstance(one, str))
