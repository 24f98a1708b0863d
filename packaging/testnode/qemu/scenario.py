"""What a machine is to go through, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Boot:
    """One boot of a machine.

    Attributes:
        damage: lines of bash, run as root in the node's root before its systemd starts; one that
            fails ends the scenario.
        arguments: added to the kernel's command line.
        script: lines of bash, run as root once the boot has settled; the files that they leave in
            their working folder come back.
        seconds: the deadline of the whole boot, with the machine's end, where it has a processor of
            its own; where it shares one it gets longer.
    """

    damage: str = ""
    arguments: tuple[str, ...] = ()
    script: str = ""
    seconds: float = 180


@dataclass(frozen=True, eq=False)
class Scenario:
    """A machine and its boots, one after the other on the same disk.

    The disk, /dev/vda, has a GPT with the node's root on vda1, and three partitions of 32 MiB,
    vda2 to vda4, which are of type Linux and empty: they are there to be damaged.

    Attributes:
        name: what the folder with its results is called, below build/vm.
        boots: in their order; if one fails the later ones do not take place.
        files: put on the disk before the first boot; their absolute paths to their text.
        collect: files that come back after each boot, by their absolute paths.
        programs: gives files of this machine by the names that they have on a further disk,
            /dev/vdc, which is read-only and of ext4; made when the machine starts.
    """

    name: str
    boots: tuple[Boot, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    collect: tuple[str, ...] = ()
    programs: Callable[[], Mapping[str, Path]] | None = None
