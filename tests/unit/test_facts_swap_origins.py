"""nodefix/facts/swap_origins.py: where swap comes from, in words."""

from __future__ import annotations

import pytest
from fakehost import Node
from swaps import from_fstab, from_the_field, turn_on, unit

from nodefix.facts.swap import ActiveSwap, read_swap


def active(node: Node) -> ActiveSwap:
    """The one swap that is on."""
    (only,) = read_swap(node.host).active
    return only


def test_origin_fstab_with_its_line(node: Node) -> None:
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    node.file("/etc/fstab", "# one\nUUID=790f none swap sw 0 0\n")
    turn_on(node, "/dev/vda2")
    from_fstab(node, "by-uuid-790f.swap", "/dev/disk/by-uuid/790f")
    assert active(node).origin == "/etc/fstab line 2"
    # Its entry becomes a comment, so nothing else has to be kept out.
    assert read_swap(node.host).coming == ()


@pytest.mark.parametrize(
    ("name", "what", "fragment", "origin"),
    [
        ("dev-vda2.swap", "/dev/vda2", "", "a manual swapon (no unit file)"),
        (
            "dev-vda2.swap",
            "/dev/vda2",
            "/run/systemd/generator.late/dev-vda2.swap",
            "a swap partition found by systemd-gpt-auto-generator",
        ),
        (
            "extra.swap",
            "/extra",
            "/etc/systemd/system/extra.swap",
            "the unit /etc/systemd/system/extra.swap",
        ),
        (
            "dev-zram0.swap",
            "/dev/zram0",
            "/run/systemd/generator/dev-zram0.swap",
            "zram-generator, a file that is no longer there",
        ),
    ],
)
def test_origin(node: Node, name: str, what: str, fragment: str, origin: str) -> None:
    turn_on(node, what)
    unit(node, name, what, fragment_path=fragment)
    assert active(node).origin == origin


def test_origin_of_zram_is_the_file_that_won(node: Node) -> None:
    turn_on(node, "/dev/zram0")
    unit(node, "dev-zram0.swap", "/dev/zram0")
    node.file("/usr/lib/systemd/zram-generator.conf", "[zram0]\n")
    assert active(node).origin.endswith(" /usr/lib/systemd/zram-generator.conf")
    node.file("/etc/systemd/zram-generator.conf", "# [zram0]\n  [zram0]\nzram-size = 100\n")
    assert active(node).origin.endswith(" /etc/systemd/zram-generator.conf")
    node.file("/usr/lib/systemd/zram-generator.conf.d/10-a.conf", "[zram1]\n")
    node.file("/etc/systemd/zram-generator.conf.d/20-b.conf", "[zram0]\n")
    assert active(node).origin.endswith(" /etc/systemd/zram-generator.conf.d/20-b.conf")


def test_01_kernel_argument(node: Node) -> None:
    argument = from_the_field("01-kernel-command-line").decode().strip()
    node.file("/proc/cmdline", f'root=/dev/vda1 a="b c" {argument} quiet\n')
    turn_on(node, "/dev/vda2")
    unit(node, "dev-vda2.swap", "/dev/vda2", source_path="/proc/cmdline")
    origin = "the kernel's command line (systemd.swap-extra=/dev/vda2)"
    assert active(node).origin == origin
    (coming,) = read_swap(node.host).coming
    assert (coming.origin, coming.argument) == (origin, argument)


@pytest.mark.parametrize(
    "argument",
    [
        "systemd.swap-extra=UUID=790f",
        "systemd.swap_extra=/dev/vda2:x-systemd.makefs",
        "rd.systemd.swap-extra=/dev/disk/by-uuid/790f:pri=5",
    ],
)
def test_other_forms_of_it(node: Node, argument: str) -> None:
    node.file("/proc/cmdline", f"systemd.swap-extra=/dev/vdb {argument}\n")
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    turn_on(node, "/dev/vda2")
    # The initrd's unit is forgotten by now.
    assert active(node).origin == f"the kernel's command line ({argument})"


def test_credential(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    unit(node, "dev-vda2.swap", "/dev/vda2", source_path="/run/credentials")
    assert active(node).origin.startswith("the credential fstab.extra")


def gpt(node: Node, name: str, what: str) -> None:
    """Swap on a partition that systemd has found."""
    turn_on(node, "/dev/vda2")
    node.file("/dev/vda2")
    node.link("/dev/disk/by-diskseq/1-part2", "../../vda2")
    unit(node, name, what, fragment_path=f"/run/systemd/generator.late/{name}")


@pytest.mark.parametrize("number", ["2\n", "", None])
def test_what_keeps_a_partition_away_whose_unit_has_a_passing_name(
    node: Node, number: str | None
) -> None:
    gpt(node, r"dev-disk-by\x2ddiskseq-1\x2dpart2.swap", "/dev/disk/by-diskseq/1-part2")
    node.link("/sys/class/block/vda2", "../../devices/virtio/block/vda/vda2")
    if number is not None:
        node.file("/sys/devices/virtio/block/vda/vda2/partition", number)
    (coming,) = read_swap(node.host).coming
    line = "sfdisk --no-reread --no-tell-kernel --part-attrs /dev/vda 2"
    wanted = f'{line} "$({line}) GUID:63"' if number else "grubby --update-kernel=ALL"
    assert coming.lasting_end.startswith(wanted)


def test_a_mask_lasts_where_a_name_does(node: Node) -> None:
    gpt(node, "dev-vda2.swap", "/dev/vda2")
    (coming,) = read_swap(node.host).coming
    assert coming.lasting_end == ""
