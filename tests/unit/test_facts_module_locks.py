"""nodefix/facts/module_locks.py: what keeps every module from loading."""

from __future__ import annotations

import os

import pytest
from fakehost import Node

from nodefix.facts.module_locks import Locks, read_locks

DISABLED = "/proc/sys/kernel/modules_disabled"
BOOLEAN = "/sys/fs/selinux/booleans/secure_mode_insmod"
ENFORCE = "/sys/fs/selinux/enforce"


@pytest.mark.parametrize("content", ["0\n", "", "\n"])
def test_nothing_is_locked(node: Node, content: str) -> None:
    assert read_locks(node.host) == Locks()
    node.file(DISABLED, content)
    assert read_locks(node.host) == Locks()


@pytest.mark.parametrize(
    "file", ["/etc/sysctl.conf", "/etc/sysctl.d/99-hard.conf", "/usr/lib/sysctl.d/x.conf"]
)
@pytest.mark.parametrize("line", ["kernel.modules_disabled = 1", "-kernel/modules_disabled=1"])
def test_who_disabled_modules(node: Node, file: str, line: str) -> None:
    node.file(DISABLED, "1\n")
    node.file("/etc/sysctl.d/01.conf", "#kernel.modules_disabled=1\nkernel.modules_disabled=0\n")
    node.file(file, f"# site\n{line}\n")
    assert read_locks(node.host) == Locks(True, f"{file} line 2 (`{line}`)")


def test_disabled_by_the_kernels_command_line(node: Node) -> None:
    node.file(DISABLED, "1\n")
    node.file("/proc/cmdline", "quiet sysctl.kernel.modules_disabled=1\n")
    word = "sysctl.kernel.modules_disabled=1"
    assert read_locks(node.host) == Locks(True, f"`{word}` on the kernel's command line", word)


def test_disabled_by_an_unknown_hand(node: Node) -> None:
    node.file(DISABLED, "1\n")
    (node.root / "etc").mkdir()
    os.mkfifo(node.root / "etc/sysctl.conf")
    assert read_locks(node.host) == Locks(True)


@pytest.mark.parametrize(
    ("boolean", "enforce", "expected"),
    [("1 1", "1", True), ("1 0", "1", True), ("0 1", "1", False), ("1 1", "0", False)],
)
def test_selinux(node: Node, boolean: str, enforce: str, expected: bool) -> None:
    node.file(BOOLEAN, boolean)
    node.file(ENFORCE, enforce)
    assert read_locks(node.host).selinux is expected
