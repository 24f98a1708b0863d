"""What is around a run: places to write, bus, journal, limits, its own streams, other people."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import world

Undo = Callable[[], None]
How = dict[str, Any]
_NOBODY = 65534
_PAGE = 4096


def place(folder: Path, kind: str, left: int) -> Undo:
    """Make a folder read-only, full or out of inodes.

    Args:
        folder: /etc, /run, /var or one below them.
        kind: read-only, full or no-inodes.
        left: pages or inodes that can still be had.
    """
    if kind == "read-only":
        world.in_memory(folder, "size=64m")
        world.mount("", folder, "", world.MS_REMOUNT | world.MS_BIND | world.MS_RDONLY)
        return lambda: world.mount("", folder, "", world.MS_REMOUNT | world.MS_BIND)
    world.in_memory(folder, "size=64m,nr_inodes=20000")
    fill = folder / ".filler"
    fill.mkdir()
    if kind == "full":
        room = os.statvfs(folder).f_bavail - left
        with (fill / "pages").open("wb") as pages:
            os.posix_fallocate(pages.fileno(), 0, max(room, 1) * _PAGE)
    else:
        for number in range(os.statvfs(folder).f_favail - left):
            os.mknod(fill / str(number))

    def undo() -> None:
        subprocess.run(["/bin/rm", "-rf", fill], check=True)

    return undo


def socket_of(path: Path, kind: str) -> Undo:
    """Put something else where bus or journald listen.

    Args:
        path: the socket; its folder is the booted node's and is covered first.
        kind: missing, deaf, stalled, dying, talks-rubbish, fifo, directory.
    """
    cover = Path("/mnt/cover")
    cover.mkdir()
    for entry in path.parent.iterdir():
        if entry.is_dir():
            (cover / entry.name).mkdir()
            world.mount(str(entry), cover / entry.name, "", world.MS_BIND | world.MS_REC)
        elif entry.name != path.name:
            (cover / entry.name).touch()
            world.mount(str(entry), cover / entry.name, "", world.MS_BIND)
    world.mount(str(cover), path.parent, "", world.MS_BIND | world.MS_REC)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    child = 0
    if kind in ("deaf", "stalled", "dying", "talks-rubbish"):
        child = _listener(path, kind)

    def undo() -> None:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        world.unmount(path.parent)

    return undo


def _listener(path: Path, kind: str) -> int:
    is_journal = "journal" in str(path)
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if is_journal else socket.SOCK_STREAM)
    one.bind(str(path))
    path.chmod(0o666)
    if is_journal:
        _fill_queue(path)
    else:
        one.listen(0 if kind == "deaf" else 64)
        if kind == "deaf":
            _fill_queue_of_connections(path)
    if child := os.fork():
        one.close()
        return child
    kept = []
    while kind in ("dying", "stalled", "talks-rubbish"):
        if is_journal:
            if kind == "dying":
                one.recv(65536)
                one.close()
                path.unlink()
                os._exit(0)
            time.sleep(1000)
        connection, _ = one.accept()
        if kind == "dying":
            connection.recv(4096)
            connection.close()
        elif kind == "talks-rubbish":
            connection.recv(4096)
            connection.send(b"\0\xff\r\n" * 100)
        kept.append(connection)
    while True:
        time.sleep(1000)


def _fill_queue(path: Path) -> None:
    for _ in range(20):
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sender.setblocking(False)
        try:
            while True:
                sender.sendto(b"MESSAGE=x", str(path))
        except BlockingIOError:
            continue
        finally:
            sender.close()


_kept: list[socket.socket] = []


def _fill_queue_of_connections(path: Path) -> None:
    for _ in range(4):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.setblocking(False)
        try:
            one.connect(str(path))
        except BlockingIOError:
            return
        _kept.append(one)


_LIMITS: Mapping[str, int] = {
    "memory": resource.RLIMIT_AS,
    "data": resource.RLIMIT_DATA,
    "stack": resource.RLIMIT_STACK,
    "descriptors": resource.RLIMIT_NOFILE,
    "file-size": resource.RLIMIT_FSIZE,
    "locked": resource.RLIMIT_MEMLOCK,
    "cpu": resource.RLIMIT_CPU,
    "queue": resource.RLIMIT_SIGPENDING,
}


def limit(kind: str, value: int) -> How:
    """A limit for the run alone, as arguments for world.nodefix()."""
    which = _LIMITS[kind]
    return {"preexec_fn": lambda: resource.setrlimit(which, (value, value))}


# Calls that the kernel refuses, by what it then says.
REFUSED: Mapping[str, str] = {
    # A limit on processes, which root is not bound by.
    "EAGAIN": "clone,clone3,fork,vfork",
    "ENOSPC": "write,pwrite64,mkdir,mkdirat,rename,renameat,renameat2,symlink,symlinkat,link,"
    "linkat,setxattr,fsetxattr,ftruncate",
    "EIO": "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,fchmod,fchown",
    "EPERM": "chmod,fchmod,fchmodat,chown,fchown,fchownat,unlink,unlinkat,setxattr,fsetxattr,"
    "rename,renameat,renameat2,mkdir,mkdirat,symlink,symlinkat,setns,unshare,mount",
}


_CALLS = Path("/mnt/refused")


def refused(kind: str, calls: str, number: int, and_later: bool) -> How:
    """Have a call of a run, and perhaps all after it, refused.

    Args:
        kind: what the kernel says.
        calls: their names; strace counts each by itself, in each process.
        number: which of them.
        and_later: also those after it, of nodefix and of all that it starts.
    """
    when = f"{number}+" if and_later else str(number)
    inject = f"inject={calls}:error={kind}:when={when}"
    trace = ("-qq", "-o", str(_CALLS), "-e", "signal=none", "-e", f"trace={calls}", "-e", inject)
    # A limit on processes is everybody's; a file system refuses what nodefix itself asks for here.
    follow = ("-f",) if and_later else ()
    return {"prefix": ("/usr/bin/strace", *follow, *trace)}


def were_refused() -> bool:
    """Whether the run made the call that was to be refused."""
    return "(INJECTED)" in _CALLS.read_text("utf-8", "replace")


def streams(kind: str) -> tuple[How, Undo]:
    """Standard streams as a careless caller leaves them."""
    which, _, state = kind.partition("-")
    numbers = {"stdin": [0], "stdout": [1], "stderr": [2], "all": [0, 1, 2]}[which]
    if state == "closed":
        return {"preexec_fn": lambda: [os.close(number) for number in numbers]}, lambda: None
    if state == "full":
        opened = os.open("/dev/full", os.O_RDWR)
        ends = [opened]
    else:
        ends = list(os.pipe())
        if state == "broken":
            os.close(ends.pop(0))
        else:
            os.set_blocking(ends[1], False)
            try:
                while True:
                    os.write(ends[1], b"x" * 4096)
            except BlockingIOError:
                os.set_blocking(ends[1], True)
    names = {0: "stdin", 1: "stdout", 2: "stderr"}
    how: How = {names[number]: ends[-1] for number in numbers}
    return how, lambda: [os.close(end) for end in ends] and None


def as_nobody(action: Callable[[], None]) -> int:
    """Do something as an ordinary user, in a process of its own; returns that."""
    if child := os.fork():
        return child
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    try:
        action()
    except OSError:
        pass
    finally:
        os._exit(0)


def meddle(kind: str) -> None:
    """What an ordinary user can try to hold a run or to fool readers."""
    import fcntl

    if kind == "lock":
        for name in ("lock", "report.json", "ready", "state"):
            for flags in (os.O_RDWR, os.O_RDONLY):
                try:
                    fcntl.flock(os.open(f"/run/nodefix/{name}", flags), fcntl.LOCK_EX)
                except OSError:
                    continue
        time.sleep(60)
    elif kind == "signals":
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for entry in Path("/proc").glob("[0-9]*"):
                for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
                    try:
                        os.kill(int(entry.name), number)
                    except OSError:
                        continue
    elif kind == "files":
        for name in ("ready", "report.json", "lock", "disabled"):
            for folder in ("/run/nodefix", "/etc/nodefix", "/var/lib/nodefix"):
                try:
                    Path(folder, name).write_text("x")
                except OSError:
                    continue
        time.sleep(60)
    elif kind == "forged":
        record = json.dumps({"MESSAGE": "ready", "NODEFIX_OUTCOME": "ready"})
        argv = ["/usr/bin/busctl", "emit", "/org/nodefix1", "org.nodefix1", "Record", "s", record]
        for _ in range(200):
            subprocess.run(argv, check=False, stderr=subprocess.DEVNULL)
