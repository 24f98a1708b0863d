"""What it costs to read files that nobody writes: a boot must not wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from fakehost import Node

from nodefix.facts.modprobe import read_modprobe_rules
from nodefix.facts.module_locks import read_locks
from nodefix.facts.next_kernel import next_kernel
from nodefix.facts.system import read_scope

# An eighth of the most that is read; what is linear takes milliseconds.
_SIZE = 1 << 17
_SECONDS = 2.0
_MODULES = ("br_netfilter", "xt_comment", "nft_compat", "nf_conntrack")


def _boot(node: Node) -> object:
    node.file("/boot/loader/entries/a.conf", "title a\nlinux /vmlinuz-6.12.0-1.el10.x86_64\n")
    return next_kernel(node.host)


def _locks(node: Node) -> object:
    node.file("/proc/sys/kernel/modules_disabled", "1\n")
    return read_locks(node.host)


def _rules(node: Node) -> object:
    rules = read_modprobe_rules(node.host)
    return [(rules.bars(name), rules.leaves_it_to(name)) for name in _MODULES]


def _scope(node: Node) -> object:
    return read_scope(node.root)


@pytest.mark.parametrize(
    ("read", "path", "content"),
    [
        pytest.param(_boot, "/boot/grub2/grub.cfg", "\n" * _SIZE, id="grub.cfg-blank"),
        pytest.param(_boot, "/boot/grub2/grub.cfg", "blscfg\n" + "\n" * _SIZE, id="grub.cfg"),
        pytest.param(_boot, "/etc/default/grub", "\n" * _SIZE, id="default-grub"),
        pytest.param(_locks, "/etc/sysctl.conf", " " * _SIZE, id="sysctl"),
        pytest.param(_scope, "/etc/os-release", f"ID=a\nX=a{' ' * _SIZE}b\n", id="os-release"),
        pytest.param(_rules, "/etc/modprobe.d/a.conf", "# \n" * (_SIZE // 3), id="comments"),
        pytest.param(_rules, "/etc/modprobe.d/a.conf", "alias a b\n" * (_SIZE // 10), id="aliases"),
        pytest.param(
            _rules,
            "/etc/modprobe.d/a.conf",
            f"install {'*b' * (_SIZE // 2)} /bin/false\n",
            id="pattern",
        ),
        pytest.param(
            _rules,
            "/etc/modprobe.d/a.conf",
            f'install br_netfilter "{"a" * 4 * _SIZE}"\n',
            id="command",
        ),
    ],
)
def test_a_file_that_nobody_writes(
    node: Node, read: Callable[[Node], object], path: str, content: str
) -> None:
    node.file(path, content)
    begun = time.process_time()
    read(node)
    assert time.process_time() - begun < _SECONDS
