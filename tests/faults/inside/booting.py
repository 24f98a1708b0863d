"""Many boots in a row, each with something damaged by chance: ready, or held with a reason."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import breaking
import course
import judging
import world

_QUICK_TOOLS = ("missing", "text", "directory", "killed", "does-nothing", "fails-silently")
# Files that boots may add: one copy, one undo entry and the like for each thing that was changed.
_GROWTH = 40


def boots(fault: Mapping[str, Any]) -> Iterator[list[str]]:
    """So many boots on one node, `value` is the seed: what did not hold, of each boot by itself.

    What shows only at the end, as files that pile up, is the last boot's.
    """
    course.begin(world.STARTED_UNITS)
    luck = random.Random(fault["value"])
    sizes = []
    for number in range(1, fault["boots"] + 1):
        _boot()
        undo = _damage(luck, fault)
        ran = world.nodefix("run", seconds=200)
        waited = world.nodefix("wait", "--timeout", "0", seconds=60)
        found = [
            *judging.judge(ran, 200),
            *judging.remedies(ran),
            *judging.gate(ran, waited, always_open=False),
        ]
        undo()
        sizes.append(_entries())
        if number == fault["boots"]:
            _boot()
            found += [*course.healed(full=True), *_growth(sizes)]
        yield found


def _boot() -> None:
    """What a boot takes away: /run and the packet filter."""
    for name in ("nodefix", "motd.d"):
        shutil.rmtree(f"/run/{name}", ignore_errors=True)
    Path("/run/xtables.lock").unlink(missing_ok=True) if Path(
        "/run/xtables.lock"
    ).is_file() else shutil.rmtree("/run/xtables.lock", ignore_errors=True)
    subprocess.run(["/usr/sbin/nft", "flush", "ruleset"], check=True)


def _damage(luck: random.Random, fault: Mapping[str, Any]) -> Callable[[], None]:
    """Damage one to three things; returns what repairs those that nodefix does not."""
    undos: list[Callable[[], None]] = []
    # In this order: what this program itself writes, and that with tools, before what puts a pipe,
    # or nothing, in the place of a file or a tool.
    kinds = ["own", "fstab", "links", "none", "entries", "file", "tool"]
    for what in sorted(luck.sample(kinds, 3), key=kinds.index):
        if what == "tool":
            target = Path(luck.choice(fault["tools"]))
            undos.append(breaking.tool(target, luck.choice(_QUICK_TOOLS)))
        elif what == "file":
            target = Path(luck.choice(_breakable(fault["files"])))
            undos.append(breaking.file(target, luck.choice([*breaking.CONTENTS, "fifo"])))
        elif what == "entries":
            target = Path(luck.choice(_breakable(fault["folders"])))
            undos.append(breaking.entries(target, luck.choice([*breaking.CONTENTS])))
        elif what == "own":
            _own(luck)
        elif what == "fstab":
            Path("/etc/fstab").write_text(judging.FSTAB)
        elif what == "links":
            argv = ["/usr/bin/update-alternatives", "--quiet", "--set", "iptables"]
            argv += ["/usr/sbin/iptables-legacy"]
            subprocess.run(argv, check=False, capture_output=True, timeout=60)

    def undo() -> None:
        for one in reversed(undos):
            one()

    return undo


def _breakable(paths: list[str]) -> list[str]:
    """Those that lie in folders of this world, without what switches nodefix off."""
    return [
        path
        for path in paths
        if path.startswith(("/etc/", "/var/", "/run/")) and path != "/etc/nodefix/disabled"
    ]


def _own(luck: random.Random) -> None:
    """Damage what nodefix keeps: as a crash, or a person, may."""
    kept = sorted(path for path in Path("/var/lib/nodefix").rglob("*") if path.is_file())
    for path in luck.sample(kept, min(len(kept), 2)):
        content = path.read_bytes()
        path.write_bytes(breaking.CONTENTS[luck.choice([*breaking.CONTENTS])](content))


def _entries() -> int:
    folders = ("/etc", "/var/lib/nodefix", "/run/nodefix", "/var/tmp")
    return sum(len(world.signatures(Path(folder))) for folder in folders)


def _growth(sizes: list[int]) -> Iterator[str]:
    if sizes and sizes[-1] - min(sizes) > _GROWTH:
        yield f"files pile up: {sizes[0]} after the first boot, {sizes[-1]} after the last"
