"""nodefix/facts/boot_entries.py: the boot loader's entries, in its order."""

from __future__ import annotations

import itertools

import pytest
from fakehost import Node

from nodefix.facts.boot_entries import BootEntry, read_boot_entries

A, B = "0123456789abcdef0123456789abcdef", "9123456789abcdef0123456789abcdef"


def ids(node: Node) -> list[str]:
    return [entry.id for entry in read_boot_entries(node.host)]


@pytest.mark.parametrize(
    "order",
    [
        (f"{A}-6.12.0-124.8.1.el10_1.x86_64", f"{A}-6.12.0-55.9.1.el10_0.x86_64", f"{A}-0-rescue"),
        (f"{A}-6.12.0-55.el10.aarch64+64k", f"{A}-6.12.0-55.el10.aarch64"),
        # A clone keeps the entries of the machine that it was made of.
        (f"{B}-6.12.0-1.el10.x86_64", f"{A}-6.12.0-124.el10.x86_64"),
        ("ostree-10", "ostree-2", "ostree-1"),
        ("ostree-2-rhel", "ostree-1-rhel"),
        ("x-1.0-1", "x-1.0~rc1-1"),
        ("x-1.0-1a", "x-1.0-1"),
        ("x-1.0-2", "x-1.0-a"),
        ("x-1.0-1.b", "x-1.0-1+b"),
        ("x-1.0-010", "x-1.0-9"),
        ("x-1.0-9", "x-1.0-008"),
        ("x-1.00-2", "x-1.0-1"),
        ("b", "a"),
    ],
)
def test_order_is_the_one_of_grub(node: Node, order: tuple[str, ...]) -> None:
    for permutation in itertools.permutations(order):
        for name in permutation:
            node.file(f"/boot/loader/entries/{name}.conf", "version 1\nlinux /vmlinuz-6\n")
        assert ids(node) == list(order)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("title T x\nlinux /vmlinuz-6.1\n", ("T x", "6.1")),
        ("  title\tT\n\t linux\t/boot/vmlinuz-6.1\n", ("T", "6.1")),
        ("# title T\nlinux ($root)/vmlinuz-6.1+64k\n", ("", "6.1+64k")),
        ("linux /ostree/a-b/vmlinuz-6.1 \r\n", ("", "6.1")),
        ("linux vmlinuz-6.1\nlinux vmlinuz-6.2\n", ("", "6.1")),
        ("linux /memtest.bin\n", ("", "")),
    ],
)
def test_keys(node: Node, content: str, expected: tuple[str, str]) -> None:
    node.file("/boot/loader/entries/x.conf", content)
    assert read_boot_entries(node.host) == (BootEntry("x", *expected),)


def test_what_is_not_in_the_menu(node: Node) -> None:
    for name in (".hidden.conf", "x.conf.rpmsave", "x", ".conf"):
        node.file(f"/boot/loader/entries/{name}", "linux /vmlinuz-6.1\n")
    node.file("/boot/loader/entries/uki.conf", "title U\nefi /x.efi\n")
    assert ids(node) == []


def test_missing(node: Node) -> None:
    with pytest.raises(FileNotFoundError):
        read_boot_entries(node.host)
