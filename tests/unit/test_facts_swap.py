"""nodefix/facts/swap.py: what is on, what the next boot brings back, and through what."""

from __future__ import annotations

import pytest
from fakehost import Node
from swaps import HEADER, MEMORY, from_fstab, from_the_field, turn_on, udev_link, unit

from nodefix.answer import Answer
from nodefix.errors import BusError, NodefixError
from nodefix.facts.swap import ActiveSwap, read_swap


def active(node: Node) -> ActiveSwap:
    """The one swap that is on."""
    (only,) = read_swap(node.host).active
    return only


@pytest.mark.parametrize("content", ["", HEADER, HEADER.strip()])
def test_nothing_is_on(node: Node, content: str) -> None:
    node.file("/proc/swaps", content)
    assert read_swap(node.host).active == ()


def test_kernel_without_swap(node: Node) -> None:
    facts = read_swap(node.host)
    assert (facts.container, facts.active, facts.fstab) == (False, (), ())


def test_container_is_not_looked_at(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    node.file("/run/systemd/container", "docker\n")
    facts = read_swap(node.host)
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
    facts = read_swap(node.host)
    assert [(swap.device, swap.used, swap.unit) for swap in facts.active] == [
        ("/dev/vda2", 12, ""),
        ("/dev/zram0", 0, ""),
        ("/gone", 0, ""),
        ("/swap file", 0, ""),
    ]
    assert facts.available == 1000


@pytest.mark.parametrize(
    "line",
    ["/dev/vda2", "/dev/vda2 partition 100 used -2", "/dev/vda2 partition 100 5", "\\", "", "\xff"],
)
def test_malformed_line_is_named_and_nothing_is_known(node: Node, line: str) -> None:
    node.file("/proc/swaps", f"{HEADER}{line}\n")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    facts = read_swap(node.host)
    (unread,) = facts.unread
    assert unread.where.startswith("/proc/swaps: line 2: found b'")
    assert "expected name, type, size, used, priority" in unread.where
    assert (facts.active, facts.coming, facts.fstab) == ((), (), ())


def test_unreadable_proc_swaps(node: Node) -> None:
    (node.root / "proc/swaps").mkdir()
    (unread,) = read_swap(node.host).unread
    assert unread.where == "/proc/swaps: cannot be read: found a directory, expected a regular file"
    assert unread.hint == "ls -lZ /proc/swaps"


@pytest.mark.parametrize("content", [None, "MemTotal: 5 kB\n"])
def test_available_memory_is_not_guessed(node: Node, content: str | None) -> None:
    turn_on(node, "/dev/vda2")
    (node.root / "proc/meminfo").unlink()
    if content:
        node.file("/proc/meminfo", content)
    facts = read_swap(node.host)
    assert facts.available is None
    assert ["/proc/meminfo" in unread.where for unread in facts.unread] == [True]


def test_unreadable_fstab_leaves_the_rest_known(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    (node.root / "etc/fstab").mkdir(parents=True)
    facts = read_swap(node.host)
    assert [(swap.device, swap.origin) for swap in facts.active] == [("/dev/vda2", "/etc/fstab")]
    (unread,) = facts.unread
    assert unread.where.startswith("/etc/fstab: cannot be read: found a directory")


def test_kubelet_is_asked_only_where_it_decides(node: Node) -> None:
    node.systemd.failing["service_command"] = NodefixError("asked")
    assert not read_swap(node.host).wanted.value
    turn_on(node, "/dev/vda2")
    assert not read_swap(node.host, asks_kubelet=False).wanted.value
    with pytest.raises(NodefixError, match="asked"):
        read_swap(node.host)


def test_unit_is_the_one_that_the_others_follow(node: Node) -> None:
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    turn_on(node, "/dev/vda2")
    by_uuid = udev_link(node, "by-uuid-790f.swap", "/dev/disk/by-uuid/790f", "dev-vda2.swap")
    own = unit(node, "dev-vda2.swap", "/dev/vda2")
    for units in ((by_uuid, own), (own, by_uuid)):
        node.systemd.units = {unit.name: unit for unit in units}
        assert active(node).unit == "dev-vda2.swap"
        assert [swap.unit for swap in read_swap(node.host).coming] == ["dev-vda2.swap"]


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
    node.systemd.failing["swap_units"] = BusError("no bus", "a hint")
    assert active(node).unit == ""
    # What the next boot brings is not known then.
    (unread,) = read_swap(node.host).unread
    assert unread == Answer(None, unread.where, "a hint")
    assert unread.where.endswith("the swap of the next boot is not known: no bus")


def test_coming_units(node: Node) -> None:
    turn_on(node)
    unit(node, "dev-vda2.swap", "/dev/vda2", active_state="inactive")
    unit(node, "own.swap", "/own", fragment_path="/etc/systemd/system/own.swap")
    from_fstab(node, "dev-vda3.swap", "/dev/vda3")
    unit(node, "masked.swap", "", load_state="masked")
    unit(node, "gone.swap", "", load_state="not-found", fragment_path="")
    udev_link(node, "by-uuid.swap", "/dev/disk/by-uuid/1", "dev-vda2.swap")
    assert [(swap.unit, swap.admins) for swap in read_swap(node.host).coming] == [
        ("dev-vda2.swap", ""),
        ("own.swap", "/etc/systemd/system/own.swap"),
    ]


def test_noauto_entry_brings_nothing(node: Node) -> None:
    node.file("/etc/fstab", from_the_field("02-fstab-noauto"))
    facts = read_swap(node.host)
    assert facts.fstab == ()
    # Somebody turns it on: off it goes, and the file stays.
    turn_on(node, "/swapfile")
    from_fstab(node, "swapfile.swap", "/swapfile")
    facts = read_swap(node.host)
    assert [swap.origin for swap in facts.active] == [
        "/etc/fstab line 1, which is noauto: a manual swapon"
    ]
    assert (facts.fstab, facts.coming) == ((), ())


@pytest.mark.parametrize(
    ("arguments", "comes"),
    [
        ("quiet", True),
        ("systemd.swap=0", False),
        ("systemd.swap=No quiet", False),
        ("systemd.swap=0 systemd.swap", True),
        ("systemd.swap=0 systemd.swap=1", True),
        ("fstab=no", False),
        ("rd.fstab=no", True),
    ],
)
def test_kernel_arguments_that_leave_fstab_out(node: Node, arguments: str, comes: bool) -> None:
    node.file("/proc/cmdline", f"root=/dev/vda1 {arguments}\n")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    assert bool(read_swap(node.host).fstab) is comes


def test_unreadable_kernel_arguments_leave_fstab_alone(node: Node) -> None:
    (node.root / "proc/cmdline").mkdir()
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    facts = read_swap(node.host)
    assert facts.fstab == ()
    assert [unread.where[:13] for unread in facts.unread] == ["/proc/cmdline"]
