"""A node of its own for one fault, within the booted node: namespaces, and what is written in them.

Mounts and network are private to the process that enters, so whatever is broken, and whatever
nodefix then does to files and chains, is gone with it: nothing has to be repaired afterwards.
Bus, journal and service manager are the booted node's.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

# What faults are made in, copied into memory once: below an overlay there must be no other one.
BASE = Path("/faults")
FOLDERS = ("etc", "var", "usr/bin", "usr/sbin", "usr/local", "boot")
# Too much to copy, and nobody's that is tested here.
_LEFT_OUT = ("var/cache", "var/lib/apt", "var/lib/dpkg/info", "var/log", "var/tmp")
# Of what is the booted node's in /run, what nodefix reads as files.
STARTED_UNITS = "/run/systemd/units"
_SCRATCH = Path("/mnt")
# Bytes that a run may say, and more than any says.
_SAID = 1 << 20
_OUTSIDE = Path("/proc/self/ns/mnt").readlink()

_LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


class Ran(NamedTuple):
    """What a command came to.

    Attributes:
        status: exit status, negative for a signal; None where it had to be killed.
        said: standard output and standard error, which need not be text.
        seconds: how long it took.
    """

    status: int | None
    said: bytes
    seconds: float


def mount(
    source: str, target: Path | str, kind: str = "", flags: int = 0, options: str = ""
) -> None:
    """mount(2).

    Raises:
        OSError: the kernel refuses.
    """
    words = [word.encode() or None for word in (source, str(target), kind)]
    if _LIBC.mount(*words, ctypes.c_ulong(flags), options.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def unmount(target: Path | str) -> None:
    """Take the uppermost mount away, whoever uses it."""
    if _LIBC.umount2(str(target).encode(), 2):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def make_base() -> None:
    """Copy the booted node's folders; once, before the first world is entered."""
    BASE.mkdir(exist_ok=True)
    mount("faults", BASE, "tmpfs", 0, "mode=0755")
    for name in FOLDERS:
        skip = {str(Path("/", left).name) for left in _LEFT_OUT if left.startswith(f"{name}/")}
        source = Path("/", name)

        def ignore(folder: str, names: list[str], skip: set[str] = skip) -> set[str]:
            left = {one for one in names if f"{folder}/{one}".lstrip("/") in _LEFT_OUT}
            return left if skip else set()

        shutil.copytree(source, BASE / name, symlinks=True, ignore=ignore)
    for left in _LEFT_OUT:
        (BASE / left).mkdir(parents=True, exist_ok=True)


def enter(target: str = "") -> None:
    """Put this process into a world of its own, in which `target` can be broken."""
    os.unshare(os.CLONE_NEWNS | os.CLONE_NEWNET)
    mount("", "/", "", MS_REC | MS_PRIVATE)
    mount("scratch", _SCRATCH, "tmpfs", 0, "mode=0755")
    for number, name in enumerate(FOLDERS):
        upper, work = _SCRATCH / f"{number}/upper", _SCRATCH / f"{number}/work"
        upper.mkdir(parents=True)
        work.mkdir()
        options = f"lowerdir={BASE / name},upperdir={upper},workdir={work}"
        mount("faults", Path("/", name), "overlay", 0, options)
    _own_run(target.startswith(STARTED_UNITS))
    if os.path.realpath(Path(target).parent).startswith("/usr/lib"):
        _own_libraries()


def _own_libraries() -> None:
    """A /usr/lib in which settings of vendors are copies, and all else is the booted node's."""
    before = _SCRATCH / "lib"
    before.mkdir()
    mount("/usr/lib", before, "", MS_BIND | MS_REC)
    mount("lib", "/usr/lib", "tmpfs", 0, "mode=0755")
    for entry in sorted(before.iterdir()):
        place = Path("/usr/lib", entry.name)
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
        elif entry.is_dir() and (entry.name.endswith(".d") or entry.name == "nodefix"):
            shutil.copytree(entry, place, symlinks=True)
        elif entry.is_dir():
            place.mkdir()
            mount(str(entry), place, "", MS_BIND | MS_REC)
        elif entry.name == "os-release":
            shutil.copy2(entry, place)
        else:
            place.touch()
            mount(str(entry), place, "", MS_BIND)


def _own_run(has_own_units: bool) -> None:
    """A /run with what the booted node's has, without what nodefix leaves there."""
    before = _SCRATCH / "run"
    before.mkdir()
    mount("/run", before, "", MS_BIND | MS_REC)
    mount("run", "/run", "tmpfs", 0, "mode=0755")
    for entry in sorted(before.iterdir()):
        if entry.is_dir() and entry.name not in ("nodefix", "motd.d", "xtables.lock"):
            place = Path("/run", entry.name)
            place.mkdir()
            if has_own_units and Path(STARTED_UNITS).parent == place:
                _own_units(entry, place)
            else:
                mount(str(entry), place, "", MS_BIND | MS_REC)


def _own_units(before: Path, folder: Path) -> None:
    """A /run/systemd in which the list of started units is a copy."""
    for entry in sorted(before.iterdir()):
        place = folder / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
        elif place == Path(STARTED_UNITS):
            shutil.copytree(entry, place, symlinks=True)
        elif entry.is_dir():
            place.mkdir()
            mount(str(entry), place, "", MS_BIND | MS_REC)
        else:
            place.touch()
            mount(str(entry), place, "", MS_BIND)


def in_memory(folder: Path, options: str) -> None:
    """Put a copy of a folder, in a tmpfs with these options, in its place."""
    place = _SCRATCH / f"copy-of-{folder.name}"
    place.mkdir()
    mount("copy", place, "tmpfs", 0, f"mode=0755,{options}")
    if folder == Path("/run"):
        for entry in sorted(folder.iterdir()):
            if entry.is_dir():
                (place / entry.name).mkdir()
            if entry.is_dir() and any(entry.iterdir()):
                mount(str(entry), place / entry.name, "", MS_BIND | MS_REC)
    else:
        shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)
    mount(str(place), folder, "", MS_BIND | MS_REC)


def nodefix(
    *words: str, seconds: float = 120.0, prefix: tuple[str, ...] = (), **how: object
) -> Ran:
    """Run nodefix; `prefix` is what it is started with, `how` is subprocess.Popen's."""
    # No file, which a limit on the size of files would keep empty, and read at the end: what is
    # left running keeps it open.
    said, theirs = os.pipe()
    try:
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _SAID)
        os.set_blocking(said, False)
        begun = time.monotonic()
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": theirs,
            "stderr": theirs,
            "env": ENVIRONMENT,
            "start_new_session": True,
            "cwd": "/",
            **how,
        }
        process = subprocess.Popen([*prefix, "/usr/bin/nodefix", *words], **options)
        status: int | None
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = None
        took = time.monotonic() - begun
        # So that there is always something to read.
        os.write(theirs, b"\n")
        return Ran(status, os.read(said, _SAID).removesuffix(b"\n"), took)
    finally:
        os.close(said)
        os.close(theirs)


def others() -> list[int]:
    """The processes of this world beside this one; none where no world was entered."""
    ours = Path("/proc/self/ns/mnt").readlink()
    if ours == _OUTSIDE:
        return []
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if place.joinpath("ns/mnt").readlink() == ours and int(place.name) != os.getpid():
                state = place.joinpath("stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found.append(int(place.name))
        except OSError:
            continue
    return found


def signature(path: Path) -> tuple[object, ...]:
    """What stands there: its kind, mode, size and time of change, or where a link leads."""
    try:
        status = path.lstat()
    except OSError as error:
        return (error.errno,)
    if stat.S_ISLNK(status.st_mode):
        return ("link", str(path.readlink()))
    if stat.S_ISDIR(status.st_mode):
        return ("folder", status.st_mode)
    return (status.st_mode, status.st_size, status.st_mtime_ns)


def signatures(folder: Path) -> dict[str, tuple[object, ...]]:
    """The same of everything in a folder, by path."""
    found = {}
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(where, name)
            found[str(path)] = signature(path)
    return found
