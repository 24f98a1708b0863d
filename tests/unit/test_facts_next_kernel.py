"""nodefix/facts/next_kernel.py: the kernel that boots next."""

from __future__ import annotations

import pytest
from fakehost import Node, result

from nodefix.errors import DeadlineError
from nodefix.facts.next_kernel import next_kernel

OLD = "6.12.0-55.9.1.el10_0.x86_64"
NEW = "6.12.0-124.8.1.el10_1.x86_64"
MACHINE = "0123456789abcdef0123456789abcdef"
GRUBENV = "/boot/grub2/grubenv"
GRUBBY = "/usr/sbin/grubby"


def entry(node: Node, release: str, content: str = "") -> str:
    """Give a node a boot loader entry; its id."""
    name = f"{MACHINE}-{release}"
    content = content or f"title Linux\nversion {release}\nlinux /vmlinuz-{release}\n"
    node.file(f"/boot/loader/entries/{name}.conf", content)
    return name


@pytest.fixture
def both(node: Node) -> Node:
    """A node with two kernels and a rescue entry."""
    entry(node, OLD)
    entry(node, NEW)
    entry(node, "0-rescue", f"version 0-rescue\nlinux /vmlinuz-0-rescue-{MACHINE}\n")
    return node


def test_nothing_known(node: Node) -> None:
    assert next_kernel(node.host) == ""


def test_rescue_entry_is_never_the_default(node: Node) -> None:
    entry(node, "0-rescue", f"version 0-rescue\nlinux /vmlinuz-0-rescue-{MACHINE}\n")
    assert next_kernel(node.host) == ""


def test_newest_by_number_where_nothing_was_chosen(both: Node) -> None:
    assert next_kernel(both.host) == NEW


@pytest.mark.parametrize("release", [OLD, NEW])
@pytest.mark.parametrize("file", [GRUBENV, "/boot/grub/grubenv"])
def test_saved_entry(both: Node, release: str, file: str) -> None:
    both.file(file, f"# GRUB Environment Block\nsaved_entry={MACHINE}-{release}\n######\n")
    assert next_kernel(both.host) == release


def test_next_entry_wins_for_one_boot(both: Node) -> None:
    both.file(GRUBENV, f"saved_entry={MACHINE}-{NEW}\nnext_entry={MACHINE}-{OLD}\n")
    assert next_kernel(both.host) == OLD


@pytest.mark.parametrize(("number", "release"), [("0", NEW), ("1", OLD)])
def test_entry_by_its_place_in_the_menu(both: Node, number: str, release: str) -> None:
    both.file(GRUBENV, f"saved_entry={number}\n")
    assert next_kernel(both.host) == release


@pytest.mark.parametrize("content", ["saved_entry=gone\n", "saved_entry=9\n", "", "\xff\0"])
def test_saved_entry_that_is_no_longer_there(both: Node, content: str) -> None:
    both.file(GRUBENV, content.encode("latin-1"))
    assert next_kernel(both.host) == NEW


def test_release_of_an_entry_with_a_longer_path_and_a_variant(node: Node) -> None:
    entry(node, f"{OLD}+64k", f"linux ($root)/boot/vmlinuz-{OLD}+64k\n")
    assert next_kernel(node.host) == f"{OLD}+64k"


def test_entry_without_a_kernel_file_goes_by_its_version(node: Node) -> None:
    entry(node, OLD, f"title x\nversion {OLD}\nefi /a.efi\n")
    assert next_kernel(node.host) == OLD


def test_grubby_where_there_are_no_entries(node: Node) -> None:
    node.file(GRUBBY)
    node.commands.table[(GRUBBY, "--default-kernel")] = result(0, f"/boot/vmlinuz-{OLD}\n")
    assert next_kernel(node.host) == OLD


@pytest.mark.parametrize(
    "answer",
    [result(1, "/boot/vmlinuz-x"), result(0, ""), DeadlineError("too long")],
    ids=["refuses", "says nothing", "hangs"],
)
def test_grubby_that_does_not_know(node: Node, answer: object) -> None:
    node.file(GRUBBY)
    node.commands.table[(GRUBBY, "--default-kernel")] = answer  # type: ignore[assignment]
    assert next_kernel(node.host) == ""
