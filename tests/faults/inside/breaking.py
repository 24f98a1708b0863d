"""What can stand in the place of a program, a file or a folder. Each returns what takes it away."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import world

Undo = Callable[[], None]


class CannotBe(Exception):
    """This fault cannot be made on this node; says why."""


# The program in a tool's place, or what else is there.
TOOLS: Mapping[str, bytes] = {
    "text": b"this is no program\n",
    "cut-off": b"\x7fELF\x02\x01\x01\0",
    "empty": b"",
    "no-interpreter": b"#!/nowhere/sh\nexit 0\n",
    "hangs": b"#!/bin/sh\nexec sleep 1000\n",
    "hangs-with-a-session": b"#!/bin/sh\nsetsid sleep 1000 &\nexec sleep 1000\n",
    "leaves-a-session": b"#!/bin/sh\nsetsid sleep 1000 &\nexit 0\n",
    "ignores-TERM": b"#!/bin/sh\ntrap '' TERM HUP INT\nwhile :; do sleep 1000; done\n",
    "killed": b"#!/bin/sh\nkill -KILL $$\n",
    "crashes": b"#!/bin/sh\necho half\nkill -SEGV $$\n",
    "does-nothing": b"#!/bin/sh\nexit 0\n",
    "fails-silently": b"#!/bin/sh\nexit 1\n",
    "fails-with-words": b"#!/bin/sh\necho 'Segmentation fault (core dumped)' >&2\nexit 139\n",
    "talks-200-MB": b"#!/bin/sh\nhead -c 200000000 /dev/zero | tr '\\0' x\n",
    "complains-200-MB": b"#!/bin/sh\nhead -c 200000000 /dev/zero | tr '\\0' x >&2\nexit 1\n",
    "NUL-and-broken-UTF-8": b"#!/bin/sh\nprintf 'a\\0b\\377\\376\\300\\n'\nexit 0\n",
    "complains-in-broken-UTF-8": b"#!/bin/sh\nprintf 'a\\0b\\377\\376\\033[2J\\n' >&2\nexit 1\n",
}
TOOL_PLACES = ("missing", "not-executable", "directory", "loop", "device")

_DEEP = b"[" * 20000
_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (97 + n, 97 + n, b",".join([b"*%c" % (96 + n)] * 9)) for n in range(1, 9)
)
# What becomes of a file's content.
CONTENTS: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "NULs": lambda was: b"\0" * max(len(was), 64),
    "cut-in-its-middle": lambda was: was[: len(was) // 2],
    "broken-UTF-8": lambda was: b"\xff\xfe\xc0" + was.replace(b"e", b"\xe9"),
    "UTF-16": lambda was: was.decode("latin-1").encode("utf-16"),
    "CRLF-and-BOM": lambda was: b"\xef\xbb\xbf" + was.replace(b"\n", b"\r\n"),
    "one-long-line": lambda was: b"x" * 900_000,
    "many-lines": lambda was: b"a b c d\n" * 100_000,
    "deep": lambda _: _DEEP,
    "bomb": lambda _: _BOMB,
    "of-another-shape": lambda _: b'{"a": [1, null, {"b": true}], "schema": "x"}\n',
    "escapes": lambda was: b"\x1b]0;x\x07\x1b[2J" + was.replace(b"\n", b"\x1b[31m\n\r"),
    "twice": lambda was: was + was,
}
PLACES = (
    "fifo",
    "directory",
    "null",
    "endless-device",
    "socket",
    "loop",
    "dangling",
    "huge",
    "unreadable",
    "not-permitted",
)
# In a folder, under each of these names, since each reader takes its own.
_NAMES = ("conf", "yaml", "json", "conflist", "repo", "nft", "swap", "env")


def tool(path: Path, kind: str) -> Undo:
    """Put something in a program's place."""
    if kind in TOOLS:
        return program(path, TOOLS[kind])
    put_back = _away(path)
    if kind == "missing":
        return put_back
    if kind == "not-executable":
        path.write_bytes(b"#!/bin/sh\nexit 0\n")
        path.chmod(0o644)
    else:
        _place(path, {"device": "null"}.get(kind, kind))
    return put_back


def program(path: Path, content: bytes) -> Undo:
    """Put another program in a program's place."""
    put_back = _away(path)
    path.write_bytes(content)
    path.chmod(0o755)
    return put_back


def file(path: Path, kind: str) -> Undo:
    """Put something in a file's place."""
    if str(path).startswith(("/proc/", "/sys/")):
        return _mounted_over(path, kind)
    was = path.read_bytes() if path.is_file() else _sample(path)
    put_back = _away(path)
    _fill(path, kind, was)
    return put_back


def folder(path: Path, kind: str) -> Undo:
    """Put something in a folder's place."""
    put_back = _away(path)
    _place(path, kind)
    return put_back


def entries(path: Path, kind: str) -> Undo:
    """Put something into a folder, under names that its readers take."""
    put_back = _folders(path)
    made = [path / f"50-odd.{name}" for name in _NAMES]
    for one in made:
        _fill(one, kind, b"[a]\nb: 1\nc = 2\n")

    def undo() -> None:
        for one in made:
            _remove(one)
        put_back()

    return undo


def crowd(path: Path) -> Undo:
    """Fill a folder with more files than anybody has."""
    put_back = _folders(path)
    made = [path / f"{number}.{name}" for number in range(6000) for name in ("conf", "yaml")]
    for one in made:
        one.touch()

    def undo() -> None:
        for one in made:
            one.unlink()
        put_back()

    return undo


def _fill(path: Path, kind: str, was: bytes) -> None:
    if kind in CONTENTS:
        path.write_bytes(CONTENTS[kind](was))
    else:
        _place(path, kind)


def _place(path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path, 0o644)
    elif kind == "directory":
        path.mkdir()
    elif kind in ("null", "endless-device"):
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3 if kind == "null" else 5))
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o666)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("/nowhere/at-all")
    elif kind == "huge":
        with path.open("wb") as sparse:
            sparse.truncate(1 << 36)
    elif kind == "unreadable":
        # A regular file that gives EIO, root or not: address 0 of a process.
        path.symlink_to("/proc/self/mem")
    elif kind == "not-permitted":
        path.write_bytes(b"a: b\n")
        path.chmod(0)
    elif kind == "regular":
        path.write_bytes(b"x\n")
    else:
        raise ValueError(kind)


def _mounted_over(path: Path, kind: str) -> Undo:
    """In /proc and /sys nothing can be made: it is mounted over what is there."""
    if str(path).startswith("/proc/net/") or not path.exists():
        raise CannotBe(f"{path}: nothing that can be covered for another process")
    was = path.read_bytes()[:65536]
    stand_in = Path("/mnt/over")
    if kind in ("directory", "loop", "dangling"):
        raise CannotBe(f"{kind} cannot be mounted over a file")
    _fill(stand_in, kind, was)
    try:
        world.mount(str(stand_in.resolve()), path, "", world.MS_BIND)
    except FileNotFoundError as error:
        # A container's own file stands there, which has been deleted since.
        raise CannotBe(f"{path}: covered already") from error
    return lambda: world.unmount(path)


def _sample(path: Path) -> bytes:
    """What stands in a file that the node does not have."""
    if path.suffix == ".json" or "conflist" in path.name:
        return b'{"name": "a", "plugins": [{"type": "bridge"}], "backend": {"Type": "vxlan"}}\n'
    if path.suffix in (".yaml", ".manifest"):
        return b"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command: [a]\n    name: b\n"
    return b"# a comment\nA=1\nswap none sw 0 0\n[section]\nkey = 'value'\n"


def _folders(path: Path) -> Undo:
    """Make a folder with those above it; the uppermost that was missing goes again."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)

    def undo() -> None:
        for one in missing:
            if one.is_dir() and not any(one.iterdir()):
                one.rmdir()

    return undo


def _away(path: Path) -> Undo:
    """Take what is there out of its place; undone it stands there again, and nothing else."""
    kept = path.with_name(f".{path.name}.away")
    folders_gone = _folders(path.parent)
    was_there = os.path.lexists(path)
    if was_there and path.is_dir() and not path.is_symlink():
        # An overlay does not rename what lies in its lower layer.
        subprocess.run(["/bin/cp", "-a", path, kept], check=True)
        subprocess.run(["/bin/rm", "-rf", path], check=True)
    elif was_there:
        path.rename(kept)

    def undo() -> None:
        _remove(path)
        if was_there:
            kept.rename(path)
        folders_gone()

    return undo


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        subprocess.run(["/bin/rm", "-rf", path], check=True)
    else:
        path.unlink(missing_ok=True)
