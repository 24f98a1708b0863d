"""nodefix/advice/module_locks.py: no module can be loaded."""

from __future__ import annotations

from fakehost import Node

from nodefix.advice import module_locks
from nodefix.config import Config
from nodefix.facts.module_locks import Locks


def test_read(node: Node) -> None:
    assert module_locks.read(node.host, Config()) == Locks()
    node.file("/proc/sys/kernel/modules_disabled", "1\n")
    assert module_locks.read(node.host, Config()).disabled


def test_no_lock() -> None:
    assert module_locks.judge(Locks()) == ()


def test_both() -> None:
    found = module_locks.judge(Locks(True, "/etc/sysctl.d/x.conf line 1", selinux=True))
    assert [one.code for one in found] == ["modules-disabled", "selinux-forbids-modules"]
    assert "found 1 by /etc/sysctl.d/x.conf line 1, which" in found[0].message
    assert found[0].hint.startswith("grep ")
    assert found[1].hint == "setsebool -P secure_mode_insmod off"
    # The words by which stage modules tells the same.
    assert [one.told_by for one in found] == ["modules_disabled", "secure_mode_insmod"]


def test_by_the_kernels_command_line() -> None:
    word = "sysctl.kernel.modules_disabled=1"
    (found,) = module_locks.judge(Locks(True, f"`{word}`", word))
    assert found.hint == f"grubby --update-kernel=ALL --remove-args={word} && systemctl reboot"
