"""nodefix/facts/nft_listing.py: nft is asked where that loads nothing."""

from __future__ import annotations

import pytest
from fakehost import KERNEL, Node, result

from nodefix.errors import UnclearError
from nodefix.facts.nft_listing import listing

ARGV = ("/usr/sbin/nft", "list", "tables")
DEP = f"/lib/modules/{KERNEL}/modules.dep"
BUILT_IN = f"/lib/modules/{KERNEL}/modules.builtin"
ENTRY = "kernel/net/netfilter/nf_tables.ko.xz: kernel/net/netfilter/nfnetlink.ko.xz\n"


@pytest.mark.parametrize(
    ("dep", "built_in"),
    [
        (ENTRY, None),
        (ENTRY, "kernel/fs/ext4.ko\n"),
        # A kernel that has it nowhere, of which nft only says that it cannot be asked.
        ("kernel/net/x.ko:\n", "kernel/fs/ext4.ko\n"),
    ],
)
def test_nothing_is_loaded_to_learn_that_there_is_nothing(
    node: Node, dep: str, built_in: str | None
) -> None:
    node.file("/proc/modules", "xfs 1 1 - Live 0x0\n")
    node.file(DEP, dep)
    if built_in:
        node.file(BUILT_IN, built_in)
    assert listing(node.host, "tables") == ""
    assert node.programs.calls == []


@pytest.mark.parametrize(
    ("modules", "dep", "built_in"),
    [
        ("nf_tables 1 1 - Live 0x0\n", ENTRY, None),
        ("xfs 1 1 - Live 0x0\nnf_tables 1 1 - Live 0x0\n", ENTRY, None),
        ("xfs 1 1 - Live 0x0\n", "kernel/net/x.ko:\n", None),
        ("xfs 1 1 - Live 0x0\n", ENTRY, "kernel/net/netfilter/nf_tables.ko\n"),
        ("xfs 1 1 - Live 0x0\n", None, None),
        (None, ENTRY, None),
    ],
)
def test_nft_is_asked(
    node: Node, modules: str | None, dep: str | None, built_in: str | None
) -> None:
    for file, content in (("/proc/modules", modules), (DEP, dep), (BUILT_IN, built_in)):
        if content is not None:
            node.file(file, content)
    node.programs.table[ARGV] = result(0, "table ip nat\n")
    assert listing(node.host, "tables") == "table ip nat\n"


def test_no_answer_is_unknown(node: Node) -> None:
    node.programs.table[ARGV] = result(1, "", "Error: Operation not permitted (you must be root)")
    with pytest.raises(UnclearError, match="must be root"):
        listing(node.host, "tables")


def test_what_cannot_be_read_is_no_answer(node: Node) -> None:
    node.host.path("/proc/modules").mkdir(parents=True)
    with pytest.raises(UnclearError, match="/proc/modules: cannot be read"):
        listing(node.host, "tables")
    assert node.programs.calls == []
