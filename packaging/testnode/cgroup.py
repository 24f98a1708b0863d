"""A tree of control groups for one node, on a machine without a systemd that makes one.

There systemd-nspawn keeps to the group that it is started in, and two nodes at once would find
each other's processes in theirs.
"""

from collections.abc import Iterator
from pathlib import Path

from testnode.undo import Action, later

_ENTER = 'echo $$ >"$0" && exec "$@"'


def own_group(name: str) -> tuple[list[str], Action]:
    """Make a group; returns what a program that is to run in it is started with, and its removal.

    Nothing is made where systemd does it: see --keep-unit in systemd-nspawn(1).
    """
    if Path("/run/systemd/system").exists() or not (trees := list(_trees("cgroup2"))):
        return [], lambda: None
    group = trees[0] / name
    group.mkdir()
    # systemd-nspawn repeats it in the old tree of this machine's systemd, where there is one.
    groups = [group, *(tree / name for tree in _trees("cgroup", "name=systemd"))]

    def remove() -> None:
        for folder in groups:
            _remove(folder)

    return ["sh", "-c", _ENTER, str(group / "cgroup.procs")], later(remove)


def _trees(kind: str, option: str = "") -> Iterator[Path]:
    """Where control groups of this kind are mounted, as proc(5) has it for mountinfo."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        found, _, options = source.split(maxsplit=2)
        if found == kind and (not option or option in options.split(",")):
            yield Path(mount.split()[4])


def _remove(group: Path) -> None:
    """Remove a group and those below it: each has to be empty, and has only files of the kernel."""
    if group.is_dir():
        for below in group.iterdir():
            if below.is_dir():
                _remove(below)
        group.rmdir()
