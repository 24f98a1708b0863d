"""nodefix/facts/module_index.py: which modules a kernel has."""

from __future__ import annotations

import os

import pytest
from fakehost import KERNEL, Node

from nodefix.facts.module_index import (
    loadable_modules,
    loaded_modules,
    module_name,
    modules_of,
)

FOLDER = f"/lib/modules/{KERNEL}"


@pytest.fixture
def kernel(node: Node) -> Node:
    """A node with a module of each kind."""
    node.file("/proc/modules", "xt_mark 16384 2 - Live 0x0\n")
    node.file(f"{FOLDER}/modules.builtin", "kernel/net/netfilter/xt_addrtype.ko\n")
    node.file(
        f"{FOLDER}/modules.dep",
        "kernel/xt_mark.ko.xz: kernel/x_tables.ko.xz\nkernel/x_tables.ko.xz:\n",
    )
    return node


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("kernel/net/xt_mark.ko", "xt_mark"),
        ("extra/xt-mark.ko.zst", "xt_mark"),
        ("xt_mark.ko.xz\n", "xt_mark"),
        ("xt_mark.kofi", ""),
        ("xt_mark", ""),
        ("", ""),
    ],
)
def test_name_of_a_file(file: str, name: str) -> None:
    assert module_name(file) == name


def test_what_a_kernel_has(kernel: Node) -> None:
    built_in, on_disk = modules_of(kernel.host, KERNEL)
    assert built_in == {"xt_addrtype"}
    assert on_disk == {"xt_mark": " kernel/x_tables.ko.xz", "x_tables": ""}
    assert modules_of(kernel.host, "6.5.7-custom") == (frozenset(), {})


def test_what_the_kernel_may_load_by_itself(kernel: Node) -> None:
    assert loadable_modules(kernel.host, KERNEL) == {"x_tables"}
    kernel.file("/proc/sys/kernel/modules_disabled", "1\n")
    assert loadable_modules(kernel.host, KERNEL) == frozenset()


def test_a_module_that_is_built_in_is_not_loaded_from_disk(kernel: Node) -> None:
    kernel.file(f"{FOLDER}/modules.dep", "extra/xt_addrtype.ko:\n")
    assert loadable_modules(kernel.host, KERNEL) == frozenset()


def test_a_kernel_without_modules_loads_none(kernel: Node) -> None:
    (kernel.root / "proc/modules").unlink()
    assert loaded_modules(kernel.host) is None
    assert loadable_modules(kernel.host, KERNEL) == frozenset()


@pytest.mark.parametrize("file", ["/proc/modules", f"{FOLDER}/modules.dep"])
def test_what_cannot_be_read_is_not_nothing(kernel: Node, file: str) -> None:
    place = kernel.host.path(file)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(OSError, match="named pipe"):
        loadable_modules(kernel.host, KERNEL)
