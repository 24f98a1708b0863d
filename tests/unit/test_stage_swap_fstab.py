"""nodefix/stages/swap.py: what becomes of /etc/fstab."""

from __future__ import annotations

import errno
import os
import stat
import subprocess

import pytest
from fakehost import Node, attempt, planned, repair
from swaps import (
    OTHER_LINES,
    SWAP_LINES,
)

from nodefix.config import Config
from nodefix.errors import BusError, NodefixError
from nodefix.plan import Change, Plan
from nodefix.stages import swap
from nodefix.text import LINE


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
    assert "changed by another program" in attempt(swap, change, node)
    assert file.read_bytes() == theirs
    assert repair(swap, node) == Plan()


def failure(node: Node, change: Change) -> NodefixError:
    """How applying a change fails."""
    with pytest.raises(NodefixError) as caught:
        swap.apply(change, node.host)
    return caught.value


def refusing(monkeypatch: pytest.MonkeyPatch, module: str, number: int) -> None:
    """Let a module's writing fail."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"{module}.write_atomic", refuse)


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EPERM, "lsattr -d /etc/fstab; chattr -i /etc/fstab && systemctl restart nodefix"),
        (errno.EBUSY, "umount /etc/fstab && systemctl restart nodefix"),
        (
            errno.EROFS,
            "mount --options-source=disable"
            ' -o "$(findmnt -n -o VFS-OPTIONS -T /etc/fstab),remount,rw"'
            ' "$(findmnt -n -o TARGET -T /etc/fstab)" && systemctl restart nodefix',
        ),
        (errno.ENOSPC, "df -h /etc/fstab; df -i /etc/fstab"),
        (errno.EACCES, "ls -ldZ /etc/fstab; findmnt -T /etc/fstab"),
    ],
)
def test_fstab_that_cannot_be_written(
    node: Node, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    file = node.file("/etc/fstab", "/dev/vda2 none swap\n")
    (change,) = plan(node).changes
    refusing(monkeypatch, "nodefix.stages.swap_fstab", number)
    error = failure(node, change)
    assert error.message == (
        f"/etc/fstab cannot be written: {os.strerror(number)};"
        " until then this swap is on again after each boot"
    )
    assert error.hint == hint
    assert file.read_bytes() == b"/dev/vda2 none swap\n"
    assert plan(node).changes


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "df -h /var/lib; df -i /var/lib"),
        (errno.EDQUOT, "df -h /var/lib; df -i /var/lib"),
        (
            errno.EROFS,
            "ls -ldZ /var/lib/nodefix /var/lib/nodefix/backup; findmnt -T /var/lib",
        ),
    ],
)
def test_backup_that_cannot_be_kept_is_not_fstabs_fault(
    node: Node, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    file = node.file("/etc/fstab", "/dev/vda2 none swap\n")
    (change,) = plan(node).changes
    refusing(monkeypatch, "nodefix.host.backups", number)
    error = failure(node, change)
    assert error.message == (
        "/etc/fstab is left unchanged, because no copy of it can be kept in"
        f" /var/lib/nodefix/backup: {os.strerror(number)}"
    )
    assert error.hint == hint
    assert file.read_bytes() == b"/dev/vda2 none swap\n"


def test_backup_folder_that_is_a_file(node: Node) -> None:
    node.file("/etc/fstab", "/dev/vda2 none swap\n")
    node.file("/var/lib/nodefix/backup", "")
    (change,) = plan(node).changes
    assert "/var/lib/nodefix/backup: File exists" in failure(node, change).message


def test_retries_keep_one_backup(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.file("/etc/fstab", "/dev/vda2 none swap\n")
    refusing(monkeypatch, "nodefix.stages.swap_fstab", errno.EROFS)
    for _ in range(5):
        repair(swap, node)
    assert backups(node) == [b"/dev/vda2 none swap\n"]


def test_systemd_that_does_not_hear_of_it(node: Node) -> None:
    node.file("/etc/fstab", "/dev/vda2 none swap\n")
    (change,) = plan(node).changes
    node.systemd.failing["reload"] = BusError("no answer")
    error = failure(node, change)
    assert error.message.startswith("the entries are commented out, but systemd has not reloaded")
    assert error.hint == "systemctl daemon-reload"
    assert plan(node) == Plan()


def test_entry_that_somebody_added_meanwhile_is_left_to_the_next_round(node: Node) -> None:
    file = node.file("/etc/fstab", "/dev/vda2 none swap\n")
    (change,) = plan(node).changes
    file.write_bytes(b"/dev/vda2 none swap\n/swapfile none swap\n")
    assert attempt(swap, change, node) == ""
    assert file.read_bytes() == commented(b"/dev/vda2 none swap\n") + b"/swapfile none swap\n"
    assert repair(swap, node) == Plan()


@pytest.mark.real_commands
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_one_line_by_hand_does_the_same_however_many_entries_there_are(
    node: Node, end: bytes
) -> None:
    """And it is not cut: what cannot be typed is no remedy."""
    noauto = b"/dev/vda9 none swap sw,noauto 0 0"
    file = node.file("/etc/fstab", b"\n".join([*OTHER_LINES, *SWAP_LINES * 50, noauto]) + end)
    (change,) = plan(node).changes
    assert len(change.found) < 1000
    assert change.found.endswith(" and 495 more")
    assert len(change.hint) < LINE
    line, _, reload = change.hint.replace("/etc/fstab", str(file)).partition(" && ")
    assert reload == "systemctl daemon-reload"
    subprocess.run(line, shell=True, check=True, timeout=30)
    wanted = [*OTHER_LINES, *(b"# " + swap for swap in SWAP_LINES * 50), noauto]
    assert file.read_bytes() == b"\n".join(wanted) + end
    assert plan(node) == Plan()
