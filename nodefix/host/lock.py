"""One run at a time, and one restart of kube-proxy."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nodefix.errors import NodefixError
from nodefix.host.reading import kind_of, read_file
from nodefix.text import one_line
from nodefix.words import LOCK, RESTART_LOCK

# Whoever can open the file can lock it, even for reading only: so nobody but root can.
_MODE = 0o600
_POLL_SECONDS = 0.1

# How long a command waits for another run.
LOCK_SECONDS = 30.0
# And how long for the lock that it had let go, when its work is done.
AGAIN_SECONDS = 10.0


class Lock:
    """A lock that is held; the kernel frees it however the process ends."""

    def __init__(self, root: Path, place: str, name: str) -> None:
        self._root, self._name = root, name
        self._path = root / place
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._descriptor = _opened(self._path)

    def take(self, seconds: float, pause: Callable[[float], None] | None = None) -> bool:
        """Take it.

        Args:
            seconds: how long to wait for another process.
            pause: what is done between two tries, for about so many seconds; a sleep if not given.

        Returns:
            Whether another process had it first.

        Raises:
            NodefixError: another process still holds it, and which.
        """
        end, has_waited = time.monotonic() + seconds, False
        while not _taken(self._descriptor):
            if time.monotonic() >= end:
                waited = f"waited {seconds:.3g} seconds for {self._name}, held by"
                raise _in_the_way(self._root, self._path, self._descriptor, waited)
            (pause or time.sleep)(_POLL_SECONDS)
            has_waited = True
        return has_waited

    @contextlib.contextmanager
    def let_go(self, seconds: float) -> Iterator[None]:
        """Let others have it meanwhile; it is not taken again where that raises.

        Args:
            seconds: how long to wait for another process afterwards.

        Raises:
            NodefixError: another process still holds it then, and which.
        """
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        yield
        self.take(seconds)

    def close(self) -> None:
        """Be done with it."""
        os.close(self._descriptor)


@contextlib.contextmanager
def run_lock(root: Path, seconds: float) -> Iterator[Lock]:
    """Hold the run lock.

    Args:
        root: the node's root.
        seconds: how long to wait for another run.

    Raises:
        NodefixError: another process still holds it, and which; or no lock can be there.
        OSError: the file cannot be made or opened.
    """
    with contextlib.closing(Lock(root, LOCK, "the run lock")) as lock:
        lock.take(seconds)
        yield lock


@contextlib.contextmanager
def restart_lock(
    root: Path, seconds: float, pause: Callable[[float], None] | None = None
) -> Iterator[bool]:
    """Hold the lock of whoever restarts kube-proxy; all as of Lock.take()."""
    with contextlib.closing(Lock(root, RESTART_LOCK, "the restart of kube-proxy")) as lock:
        yield lock.take(seconds, pause)


def is_held(root: Path) -> bool:
    """Whether a run is going on."""
    try:
        descriptor = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError:
        # An ordinary user may not lock it, but sees who does.
        return _is_locked(root)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def stopped_holders(root: Path) -> list[int]:
    """The processes that hold the run lock and were stopped, by ^Z at a prompt for example."""
    try:
        holders = _holders(root, root / LOCK, (root / LOCK).stat())
    except OSError:
        return []
    return [pid for pid in holders if _is_stopped(root, pid)]


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise NodefixError(
                f"{path}: found a {kind_of(mode)}, expected a regular file",
                f"mv {path} {path}.saved && systemctl restart nodefix",
            )
    descriptor = os.open(path, flags, _MODE)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != _MODE:
        os.fchmod(descriptor, _MODE)
    return descriptor


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_the_way(root: Path, path: Path, descriptor: int, waited: str) -> NodefixError:
    holders = {pid: _command(root, pid) for pid in _holders(root, path, os.fstat(descriptor))}
    if not holders:
        message = f"{waited} a process that /proc does not show"
        return NodefixError(message, f"lslocks --output-all | grep {path.relative_to(root)}")
    shown = ", ".join(f"pid {pid} ({command})" for pid, command in holders.items())
    if stopped := [pid for pid in holders if _is_stopped(root, pid)]:
        pids = " ".join(map(str, stopped))
        return NodefixError(
            f"{waited} {shown}; stopped by a signal: {pids}",
            f"kill -CONT {pids}; systemctl restart nodefix",
        )
    if any(_is_nodefix(command) for command in holders.values()):
        return NodefixError(f"{waited} {shown}", "journalctl -u nodefix -b -n 20")
    pids = " ".join(str(pid) for pid in holders)
    return NodefixError(f"{waited} {shown}", f"kill {pids}; systemctl restart nodefix")


def _holders(root: Path, path: Path, status: os.stat_result) -> list[int]:
    """The processes with a descriptor that holds the lock.

    Not by proc_locks(5): it names the one that took it, which may have handed it on and be gone.
    proc_pid_fdinfo(5) shows it with every descriptor that holds it.
    """
    place, key = str(path), _key(status)
    found = []
    for process in (root / "proc").glob("[0-9]*"):
        try:
            numbers = [fd.name for fd in (process / "fd").iterdir() if str(fd.readlink()) == place]
            infos = [read_file(process / "fdinfo" / number) for number in numbers]
        except OSError:
            # It ended meanwhile, or is somebody else's.
            continue
        if any(b"FLOCK" in info and key in info for info in infos):
            found.append(int(process.name))
    return sorted(found)


def _is_locked(root: Path) -> bool:
    """Whether proc_locks(5) shows the lock, which everybody may read."""
    try:
        locks = read_file(root / "proc/locks")
        return _key((root / LOCK).stat()) in locks
    except OSError:
        return False


def _key(status: os.stat_result) -> bytes:
    device = status.st_dev
    return b" %02x:%02x:%d " % (os.major(device), os.minor(device), status.st_ino)


def _command(root: Path, pid: int) -> str:
    try:
        words = read_file(root / f"proc/{pid}/cmdline").decode("utf-8", "replace")
    except OSError:
        return "an unknown program"
    return one_line(words.replace("\0", " "), 200) or "an unnamed program"


def _is_stopped(root: Path, pid: int) -> bool:
    try:
        return b"\nState:\tT" in read_file(root / f"proc/{pid}/status")
    except OSError:
        return False


def _is_nodefix(command: str) -> bool:
    return any(word.rsplit("/", 1)[-1] == "nodefix" for word in command.split())
