"""nodefix/facts/swap.py: what is on, what the next boot brings back, and through what."""

from __future__ import annotations

import pytest
from fakehost import Node
from swaps import HEADER, MEMORY, from_fstab, turn_on, udev_link, unit

from nodefix.config import Config
from nodefix.errors import BusError, NodefixError
from nodefix.facts.swap import ActiveSwap, read


def active(node: Node) -> ActiveSwap:
    """The one swap that is on."""
    (only,) = read(node.host, Config()).active
    return only


@pytest.mark.parametrize("content", ["", HEADER, HEADER.strip()])
def test_nothing_is_on(node: Node, content: str) -> None:
    node.file("/proc/swaps", content)
    assert read(node.host, Config()).active == ()


def test_kernel_without_swap(node: Node) -> None:
    facts = read(node.host, Config())
    assert (facts.container, facts.active, facts.fstab) == (False, (), ())


def test_container_is_not_looked_at(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    node.file("/run/systemd/container", "docker\n")
    facts = read(node.host, Config())
    assert (facts.container, facts.active) == (True, ())


def test_partition_file_and_zram(node: Node) -> None:
    node.file("/proc/meminfo", MEMORY.format(1000))
    node.file(
        "/proc/swaps",
        f"{HEADER}/dev/vda2                               partition\t481276\t\t12\t\t-2\n"
        "/swap\\040file                            file\t\t1024\t\t0\t\t-3\n"
        "/gone\\040(deleted)                       file\t\t1024\t\t0\t\t-4\n"
        "/dev/zram0                              partition\t1012732\t\t0\t\t100\n",
    )
    facts = read(node.host, Config())
    assert [(swap.device, swap.used, swap.unit) for swap in facts.active] == [
        ("/dev/vda2", 12, ""),
        ("/swap file", 0, ""),
        ("/gone", 0, ""),
        ("/dev/zram0", 0, ""),
    ]
    assert facts.available == 1000


@pytest.mark.parametrize(
    "line",
    ["/dev/vda2", "/dev/vda2 partition 100 used -2", "/dev/vda2 partition 100 5", "\\", "", "\xff"],
)
def test_malformed_line_is_an_error_that_names_it(node: Node, line: str) -> None:
    node.file("/proc/swaps", f"{HEADER}{line}\n")
    with pytest.raises(NodefixError, match=r"proc/swaps: line 2: found .* expected name, type"):
        read(node.host, Config())


def test_unreadable_proc_swaps(node: Node) -> None:
    (node.root / "proc/swaps").mkdir()
    with pytest.raises(NodefixError, match="proc/swaps: cannot be read: Is a directory"):
        read(node.host, Config())


@pytest.mark.parametrize("content", [None, "MemTotal: 5 kB\n"])
def test_available_memory_is_not_guessed(node: Node, content: str | None) -> None:
    turn_on(node, "/dev/vda2")
    (node.root / "proc/meminfo").unlink()
    if content:
        node.file("/proc/meminfo", content)
    with pytest.raises(NodefixError, match="proc/meminfo"):
        read(node.host, Config())


def test_unit_is_the_one_that_the_others_follow(node: Node) -> None:
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    turn_on(node, "/dev/vda2")
    by_uuid = udev_link(node, "by-uuid-790f.swap", "/dev/disk/by-uuid/790f", "dev-vda2.swap")
    own = unit(node, "dev-vda2.swap", "/dev/vda2")
    for units in ((by_uuid, own), (own, by_uuid)):
        node.systemd.units = {unit.name: unit for unit in units}
        assert active(node).unit == "dev-vda2.swap"
        assert [swap.unit for swap in read(node.host, Config()).coming] == ["dev-vda2.swap"]


def test_unit_with_a_file_is_found_though_it_names_the_device_by_a_link(node: Node) -> None:
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    turn_on(node, "/dev/vda2")
    from_fstab(node, "by-uuid-790f.swap", "/dev/disk/by-uuid/790f")
    udev_link(node, "dev-vda2.swap", "/dev/vda2", "by-uuid-790f.swap")
    assert active(node).unit == "by-uuid-790f.swap"


@pytest.mark.parametrize(
    ("what", "state"),
    [("/dev/vda2", "inactive"), ("/dev/vda3", "active"), ("", "active")],
    ids=["inactive", "another device", "masked, without a device"],
)
def test_no_unit_fits(node: Node, what: str, state: str) -> None:
    turn_on(node, "/dev/vda2")
    unit(node, "dev-vda.swap", what, active_state=state)
    assert active(node).unit == ""


def test_a_unit_that_follows_another_is_not_stopped_in_its_place(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    udev_link(node, "by-uuid-790f.swap", "/dev/vda2", "dev-vda2.swap")
    assert active(node).unit == ""


def test_without_a_bus_there_is_no_unit(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    unit(node, "dev-vda2.swap", "/dev/vda2")
    node.systemd.failing["swap_units"] = BusError("no bus")
    assert active(node).unit == ""


def test_origin_fstab_with_its_line(node: Node) -> None:
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    node.file("/etc/fstab", "# one\nUUID=790f none swap sw 0 0\n")
    turn_on(node, "/dev/vda2")
    from_fstab(node, "by-uuid-790f.swap", "/dev/disk/by-uuid/790f")
    assert active(node).origin == "/etc/fstab line 2"
    # Its entry becomes a comment, so nothing else has to be kept out.
    assert read(node.host, Config()).coming == ()


@pytest.mark.parametrize(
    ("name", "what", "fragment", "origin"),
    [
        ("dev-vda2.swap", "/dev/vda2", "", "somebody's swapon (no unit file)"),
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


def test_coming_units(node: Node) -> None:
    turn_on(node)
    unit(node, "dev-vda2.swap", "/dev/vda2", active_state="inactive")
    unit(node, "own.swap", "/own", fragment_path="/etc/systemd/system/own.swap")
    from_fstab(node, "dev-vda3.swap", "/dev/vda3")
    unit(node, "masked.swap", "", load_state="masked")
    unit(node, "gone.swap", "", load_state="not-found", fragment_path="")
    udev_link(node, "by-uuid.swap", "/dev/disk/by-uuid/1", "dev-vda2.swap")
    assert [(swap.unit, swap.admins) for swap in read(node.host, Config()).coming] == [
        ("dev-vda2.swap", False),
        ("own.swap", True),
    ]
