"""nodefix/host/writing.py: what killed runs left is taken away, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.facts.fstab import FSTAB
from nodefix.facts.lockfile import TMPFILES
from nodefix.host.writing import sweep, write_atomic

TOP = Path(__file__).resolve().parents[2]

LEFT = (
    "/etc/.fstab.nodefix",
    "/etc/tmpfiles.d/.nodefix.conf.nodefix",
    "/var/lib/nodefix/backup/.fstab-20260101T000000Z.nodefix",
    "/var/lib/nodefix/undo/.0001.json.nodefix",
    "/var/lib/nodefix/.repaired.json.nodefix",
    "/run/motd.d/.nodefix.nodefix",
    "/run/nodefix/.ready.nodefix",
    "/run/nodefix/.report.json.nodefix",
)


def test_what_killed_runs_left_is_taken_away(node: Node) -> None:
    files = [node.file(path, "half of it") for path in LEFT]
    assert sorted(sweep(node.root)) == sorted(map(str, files))
    assert not any(file.exists() for file in files)
    assert sweep(node.root) == []


def test_nothing_else_is_touched(node: Node) -> None:
    for path in (
        "/etc/fstab",
        "/etc/.hosts.nodefix",
        "/etc/nodefix/nodefix.yaml",
        "/var/lib/nodefix/backup/fstab-20260101T000000Z",
        "/var/lib/nodefix/.x.nodefix",
        "/run/nodefix/ready",
        "/run/nodefix/lock",
        "/run/nodefix/ready.nodefix",
    ):
        node.file(path, "precious")
    node.file("/run/nodefix/.folder.nodefix/file")
    node.file("/srv/precious")
    node.link("/run/nodefix/.link.nodefix", "../../srv/precious")
    os.mkfifo(node.root / "run/nodefix/.pipe.nodefix")
    before = node.snapshot()
    assert sweep(node.root) == []
    assert node.snapshot() == before


def test_file_of_somebody_else_is_left(node: Node) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    os.chown(node.file("/run/nodefix/.ready.nodefix"), 65534, 65534)
    assert sweep(node.root) == []


def test_node_without_any_of_the_folders(node: Node) -> None:
    assert sweep(node.root) == []


def test_left_beside_the_file_that_fstab_is_a_link_to(node: Node) -> None:
    node.file("/persist/fstab", "# swap\n")
    node.link("/etc/fstab", "../persist/fstab")
    left = node.file("/persist/.fstab.nodefix", "half of it")
    assert sweep(node.root) == [str(left)]
    write_atomic(node.host.path("/etc/fstab"), b"new")
    assert (node.root / "persist/fstab").read_bytes() == b"new"
    assert (node.root / "etc/fstab").is_symlink()
    assert sorted(path.name for path in (node.root / "persist").iterdir()) == ["fstab"]


def test_file_that_cannot_be_taken_away(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in LEFT:
        node.file(path)
    real = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == ".ready.nodefix":
            raise PermissionError(1, "Operation not permitted")
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert len(sweep(node.root)) == len(LEFT) - 1


@pytest.mark.real_commands
def test_a_real_kill_leaves_what_sweep_finds(node: Node) -> None:
    fstab = node.file("/etc/fstab", "old")
    code = (
        f"import os, sys; sys.path[:0] = [{str(TOP)!r}]\n"
        "from pathlib import Path\n"
        "from nodefix.host.writing import write_atomic\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        f"write_atomic(Path({str(fstab)!r}), b'new')\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert fstab.read_text() == "old"
    assert sweep(node.root) == [f"{node.root}/etc/.fstab.nodefix"]


def test_the_files_are_those_that_the_stages_write() -> None:
    assert LEFT[:2] == tuple(str(beside(path)) for path in (FSTAB, TMPFILES))


def beside(path: str) -> Path:
    """What a killed write of a file leaves."""
    return Path(path).with_name(f".{Path(path).name}.nodefix")
