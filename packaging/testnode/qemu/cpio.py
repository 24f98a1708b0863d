"""Archives for the kernel's initramfs."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple


class Node(NamedTuple):
    """A file, a folder or a link; a link's content is its target."""

    mode: int
    content: bytes = b""


FOLDER = Node(stat.S_IFDIR | 0o755)


def file(content: bytes | str) -> Node:
    """A file as most are."""
    return Node(stat.S_IFREG | 0o644, content.encode() if isinstance(content, str) else content)


def program(content: bytes) -> Node:
    """A file that can be started."""
    return Node(stat.S_IFREG | 0o755, content)


def link(target: str) -> Node:
    """A symbolic link."""
    return Node(stat.S_IFLNK | 0o777, target.encode())


def archive(nodes: Mapping[str, Node]) -> bytes:
    """A cpio archive of these paths and of the folders above them.

    Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
    """
    whole: dict[str, Node] = {}
    for path, node in nodes.items():
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            whole.setdefault(str(parent), FOLDER)
        whole[path] = node
    whole["TRAILER!!!"] = Node(0)
    return b"".join(_entries(whole))


def _entries(nodes: Mapping[str, Node]) -> Iterator[bytes]:
    for number, (path, (mode, content)) in enumerate(nodes.items(), 1):
        name = path.encode() + b"\0"
        # inode, mode, uid, gid, links, time, size, device twice, name's length, checksum
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % value for value in fields)
        yield _padded(header + name)
        yield _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
