"""nodefix/facts/next_kernel.py: the kernel that boots next."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from fakehost import Node, result

from nodefix.errors import DeadlineError
from nodefix.facts.modules import NextKernel, read_modules
from nodefix.facts.next_kernel import next_kernel

OLD = "6.12.0-55.9.1.el10_0.x86_64"
NEW = "6.12.0-124.8.1.el10_1.x86_64"
MACHINE = "0123456789abcdef0123456789abcdef"
GRUBENV = "/boot/grub2/grubenv"
GRUBBY = "/usr/sbin/grubby"
EFI = "/sys/firmware/efi/efivars"
VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

_DATA = Path(__file__).with_name("data") / "bls"


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


@pytest.mark.parametrize(
    "content",
    [
        (_DATA / "02-memtest.conf").read_text(),
        (_DATA / "04-ostree-no-release.conf").read_text(),
        f"title UKI\nversion {NEW}\nefi /EFI/Linux/x.efi\n",
        f"title UKI\nversion {NEW}\nuki /EFI/Linux/x.efi\n",
        f"version {NEW}\nlinux /{MACHINE}/{NEW}/linux\n",
        f"version {NEW}\nlinux /vmlinuz\n",
        f"version 0-rescue\nlinux /vmlinuz-0-rescue-{MACHINE}\n",
        f"\nlinux /vmlinuz-{NEW}\n",
        "linux\n",
        "",
    ],
)
def test_no_release_no_answer(node: Node, content: str) -> None:
    node.file("/boot/loader/entries/zz.conf", content)
    assert next_kernel(node.host) == ""


def test_an_entry_without_a_release_that_boots_next_is_no_answer(both: Node) -> None:
    both.file("/boot/loader/entries/memtest.conf", (_DATA / "02-memtest.conf").read_text())
    both.file(GRUBENV, "saved_entry=memtest\n")
    assert next_kernel(both.host) == ""


def test_ostree_after_a_rollback(node: Node) -> None:
    for line in (_DATA / "01-bootc-after-rollback.txt").read_text().splitlines():
        if line.startswith("/boot/"):
            path, _, keys = line.partition(": ")
            node.file(path, keys.replace(", ", "\n") + "\n")
    assert next_kernel(node.host) == OLD
    node.file(GRUBENV, "boot_counter=0\nboot_success=0\n")
    assert next_kernel(node.host) == "6.12.0-124.13.1.el10_1.x86_64"


@pytest.mark.parametrize("variable", ["StubInfo", "LoaderInfo"])
def test_what_is_not_started_by_grub_is_no_answer(both: Node, variable: str) -> None:
    info = b"\6\0\0\0" + "systemd-boot 257".encode("utf-16-le")
    both.file(f"{EFI}/{variable}-{VENDOR}", info)
    assert next_kernel(both.host) == ""


def test_grubs_own_word_for_itself(both: Node) -> None:
    both.file(f"{EFI}/LoaderInfo-{VENDOR}", b"\6\0\0\0" + "GRUB 2.12".encode("utf-16-le"))
    assert next_kernel(both.host) == NEW


def test_zipl_is_no_answer(both: Node) -> None:
    both.file("/etc/zipl.conf")
    assert next_kernel(both.host) == ""


@pytest.mark.parametrize("path", [GRUBENV, "/boot/loader/entries/pipe.conf"])
def test_a_pipe_hangs_nobody_and_is_no_answer(both: Node, path: str) -> None:
    place = both.host.path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place)
    assert next_kernel(both.host) == ""


def test_grubby_where_there_are_no_entries(node: Node) -> None:
    node.file(GRUBBY)
    node.programs.table[(GRUBBY, "--default-kernel")] = result(0, f"/boot/vmlinuz-{OLD}\n")
    assert next_kernel(node.host) == OLD


@pytest.mark.parametrize(
    "answer",
    [result(1, "/boot/vmlinuz-x"), result(0, ""), DeadlineError("too long")],
    ids=["refuses", "says nothing", "hangs"],
)
def test_grubby_that_does_not_know(node: Node, answer: object) -> None:
    node.file(GRUBBY)
    node.programs.table[(GRUBBY, "--default-kernel")] = answer  # type: ignore[assignment]
    assert next_kernel(node.host) == ""


def test_release_that_no_folder_can_have(node: Node) -> None:
    (node.root / "lib/modules").mkdir(parents=True)
    entry(node, "a", f"title Linux\nlinux /vmlinuz-6.{'1' * 300}\n")
    assert read_modules(node.host, ("xt_comment",), ()).next == NextKernel()


def test_loader_that_cannot_be_looked_at(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    entry(node, OLD)

    def fail(path: Path) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(Path, "exists", fail)
    assert next_kernel(node.host) == ""
