"""nodefix/stages/swap.py: what becomes of /etc/fstab."""

from __future__ import annotations

import os
import stat

import pytest
from fakehost import Node, attempt, planned, repair
from swaps import (
    OTHER_LINES,
    SWAP_LINES,
)

from nodefix.config import Config
from nodefix.plan import Plan
from nodefix.stages import swap


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(swap, node, config)


def backups(node: Node) -> list[bytes]:
    """The content of each copy of fstab that was kept."""
    folder = node.root / "var/lib/nodefix/backup"
    return [file.read_bytes() for file in sorted(folder.iterdir())] if folder.exists() else []


def commented(line: bytes) -> bytes:
    return b"# nodefix: swap is off for kubelet: " + line


@pytest.mark.parametrize("line", SWAP_LINES)
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n# the end"])
def test_fstab_stays_byte_for_byte_but_for_the_entry(node: Node, line: bytes, end: bytes) -> None:
    others = b"\n".join(OTHER_LINES)
    before = others + b"\n" + line + end
    node.file("/etc/fstab", before)
    assert repair(swap, node) == Plan()
    after = (node.root / "etc/fstab").read_bytes()
    assert after == others + b"\n" + commented(line) + end
    assert backups(node) == [before]


def test_several_entries_in_one_file_with_crlf(node: Node) -> None:
    a, b = b"/dev/vda2 none swap sw 0 0\r", b"/swapfile none swap sw 0 0\r"
    node.file("/etc/fstab", a + b"\n/dev/vda1 / ext4 defaults 0 1\r\n" + b + b"\n")
    assert repair(swap, node) == Plan()
    assert (node.root / "etc/fstab").read_bytes() == (
        commented(a) + b"\n/dev/vda1 / ext4 defaults 0 1\r\n" + commented(b) + b"\n"
    )
    assert node.systemd.done == [("reload",)]


def test_owner_and_mode_are_kept(node: Node) -> None:
    file = node.file("/etc/fstab", "/dev/vda2 none swap\n", 0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()
    repair(swap, node)
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_symbolic_link_stays_one(node: Node) -> None:
    target = node.file("/etc/fstab.d/real", "/dev/vda2 none swap\n")
    link = node.link("/etc/fstab", "fstab.d/real")
    assert repair(swap, node) == Plan()
    assert link.is_symlink()
    assert target.read_bytes() == commented(b"/dev/vda2 none swap") + b"\n"


def test_backups_are_private_and_never_written_over(node: Node) -> None:
    first, second = b"/dev/vda2 none swap\n", b"/dev/vda3 none swap\n"
    for content in (first, second, first):
        node.file("/etc/fstab", content)
        repair(swap, node)
    assert set(backups(node)) == {first, second}
    folder = node.root / "var/lib/nodefix/backup"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_fstab_changed_by_somebody_else_meanwhile_is_left_alone(node: Node) -> None:
    file = node.file("/etc/fstab", "/dev/vda2 none swap\n")
    (change,) = plan(node).changes
    theirs = b"/dev/vda1 / ext4 defaults\n/dev/vda2 none swap\n"
    file.write_bytes(theirs)
    assert "changed by somebody else" in attempt(swap, change, node)
    assert file.read_bytes() == theirs
    assert repair(swap, node) == Plan()


def test_fstab_that_cannot_be_written(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    file = node.file("/etc/fstab", "/dev/vda2 none swap\n")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    (change,) = plan(node).changes
    monkeypatch.setattr(os, "fsync", refuse)
    message = attempt(swap, change, node)
    assert message.startswith("cannot be written: Read-only file system")
    assert file.read_bytes() == b"/dev/vda2 none swap\n"
    assert plan(node).changes
