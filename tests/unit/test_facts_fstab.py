"""nodefix/facts/fstab.py: swap entries of /etc/fstab."""

from __future__ import annotations

import pytest
from fakehost import Node
from swaps import OTHER_LINES, SWAP_LINES

from nodefix.errors import UnclearError
from nodefix.facts.fstab import FstabSwap, fstab_swaps, read_fstab, unescape


@pytest.mark.parametrize("line", SWAP_LINES)
def test_swap_entry_by_its_third_field(line: bytes) -> None:
    (found,) = fstab_swaps(b"/dev/vda1 / ext4 defaults 0 1\n" + line + b"\n")
    assert found == (2, line)


@pytest.mark.parametrize("line", OTHER_LINES)
def test_anything_else_is_no_swap_entry(line: bytes) -> None:
    assert fstab_swaps(b"/dev/vda1 / ext4 defaults 0 1\n" + line + b"\n") == ()


@pytest.mark.parametrize(
    ("spec", "device"),
    [
        (b"/dev/vda2", "/dev/vda2"),
        (b"UUID=790f-6bac", "/dev/disk/by-uuid/790f-6bac"),
        (b'UUID="790f-6bac"', "/dev/disk/by-uuid/790f-6bac"),
        (b"LABEL=SWAP", "/dev/disk/by-label/SWAP"),
        (b"PARTUUID=d013", "/dev/disk/by-partuuid/d013"),
        (b"PARTLABEL='swap'", "/dev/disk/by-partlabel/swap"),
        (b"/swap\\040file=1", "/swap file=1"),
        # As libmount reads what a crash left behind; no path has such a byte.
        (b"/dev/\0vda2", "/dev/"),
        (b"/dev/\\000vda2", "/dev/"),
    ],
)
def test_device(spec: bytes, device: str) -> None:
    assert FstabSwap(1, spec + b" none swap sw 0 0").device == device


@pytest.mark.parametrize(
    ("options", "comes"),
    [
        (b"sw", True),
        (b"defaults,nofail,pri=5", True),
        (b"noauto", False),
        (b"noauto,nofail", False),
        (b"sw,x-systemd.device-timeout=5,noauto", False),
        # The last of two counts.
        (b"noauto,auto", True),
        (b"auto,noauto", False),
        # Other words that look like it; automounts are for file systems.
        (b"noautomatic,x-noauto", True),
        (b"x-systemd.automount", True),
        (b"comment=noauto", True),
    ],
)
def test_what_comes_at_boot(options: bytes, comes: bool) -> None:
    assert FstabSwap(1, b"/swapfile none swap " + options + b" 0 0").comes_at_boot is comes


@pytest.mark.parametrize(
    ("field", "plain"),
    [
        (b"/dev/vda2", "/dev/vda2"),
        (b"/a\\040b\\011c\\134d\\012e", "/a b\tc\\d\ne"),
        (b"/not\\04escaped\\999", "/not\\04escaped\\999"),
        ("/größe".encode(), "/größe"),
        (b"/\\303\\244", "/ä"),
        # The name that the kernel knows it by, whatever its encoding.
        (b"/\xff", "/\udcff"),
    ],
)
def test_unescape(field: bytes, plain: str) -> None:
    assert unescape(field) == plain


def test_no_fstab(node: Node) -> None:
    assert read_fstab(node.host) == ()


def test_unreadable_fstab(node: Node) -> None:
    (node.root / "etc/fstab").mkdir(parents=True)
    with pytest.raises(UnclearError, match="etc/fstab: cannot be read: found a dir") as caught:
        read_fstab(node.host)
    assert "ls -lZ" in caught.value.hint


def test_entry_without_options_comes_at_boot() -> None:
    assert FstabSwap(1, b"/swapfile none swap").comes_at_boot
