"""Folders under build/testnode: a cache keyed by what made it, and scratch that goes away."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from testnode.command import Failed, run
from testnode.undo import Action, later

PROJECT = Path(__file__).resolve().parents[2]
BUILD = PROJECT / "build" / "testnode"
DATA = Path(__file__).with_name("data")

_swept = False


def cached(
    kind: str, made_of: list[str], make: Callable[[Path], None], parent: Path | None = None
) -> Path:
    """The folder that `make` fills, made once for each content of `made_of`.

    It is below `parent`, or in the cache.

    Safe with several processes: one makes it, the others wait. What is half made never counts: it
    is made elsewhere and gets its name when `make` has returned and no mount is left below it.
    """
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]
    folder = (parent or BUILD / "cache") / f"{kind}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _make(folder, make)
    return folder


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    # A folder of its own each time: what an earlier try left running writes into that try's.
    work, done = scratch("making")
    try:
        made = work / "made"
        made.mkdir()
        make(made)
        if left := _mounts_below(made):
            raise Failed(f"{made}: found mounts left behind, expected none: {' '.join(left)}")
        made.rename(folder)
    finally:
        done()


def scratch(prefix: str) -> tuple[Path, Action]:
    """A new folder, and the action that takes it down with every mount below it."""
    parent = BUILD / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / "lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=parent))
        folder.chmod(0o755)
        # Held as long as this process lives: an unlocked folder is the remains of a killed one.
        lock = _lock(folder)

    def take_down() -> None:
        remove_tree(folder)
        if lock is not None:
            os.close(lock)

    return folder, later(take_down)


def remove_tree(folder: Path) -> None:
    """Unmount what is mounted below `folder`, then delete it, never crossing into a mount."""
    for point in sorted(_mounts_below(folder), reverse=True):
        run(["umount", "--lazy", point], check=False)
    if folder.exists():
        run(["rm", "-rf", "--one-file-system", str(folder)], timeout=300)


def _mounts_below(folder: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(folder)]


def _lock(folder: Path) -> int | None:
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(parent: Path) -> None:
    """Take down what an earlier run of this user left that was killed outright."""
    global _swept
    if _swept:
        return
    _swept = True
    for folder in parent.glob("*-*"):
        if folder.stat().st_uid == os.geteuid() and (lock := _lock(folder)) is not None:
            remove_tree(folder)
            os.close(lock)
