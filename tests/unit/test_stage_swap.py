"""nodefix/stages/swap.py: swap is off, and stays off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakehost import Node, attempt, planned, repair
from swaps import (
    HEADER,
    OTHER_LINES,
    SWAPOFF,
    from_fstab,
    turn_on,
    udev_link,
    unit,
)

from nodefix.config import Config
from nodefix.errors import BusError, DeadlineError
from nodefix.plan import Plan
from nodefix.stages import swap


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(swap, node, config)


def test_good_node(node: Node) -> None:
    turn_on(node)
    node.file("/etc/fstab", b"\n".join(OTHER_LINES))
    before = node.snapshot()
    assert plan(node) == Plan()
    assert node.snapshot() == before


def test_container_is_skipped(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    node.file("/run/systemd/container", "docker\n")
    assert plan(node) == Plan(skipped="this is a container: /proc/swaps is the host's")


def test_plan_names_target_found_wanted_and_hint(node: Node) -> None:
    turn_on(node, "/dev/vda2", used=64)
    node.file("/etc/fstab", "# first\nUUID=1\tnone\tswap sw 0 0\n")
    fstab, device = plan(node).changes
    assert (fstab.target, device.target) == ("/etc/fstab", "swap /dev/vda2")
    assert "`UUID=1\tnone\tswap sw 0 0` (line 2)" in fstab.found
    assert fstab.hint.startswith("LC_ALL=C sed -i -E ")
    assert device.found == "on (64 KiB in use), which came from a manual swapon (no unit)"
    assert device.wanted == "off"
    # Not what is about to be tried.
    assert device.hint == "systemctl reboot"
    assert fstab.required and device.required


def test_planning_changes_nothing(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    before = node.snapshot()
    plan(node)
    assert node.snapshot() == before
    assert not node.programs.calls
    assert not node.systemd.done


def test_everything_at_once_and_then_nothing_more(node: Node) -> None:
    turn_on(node, "/dev/vda2", "/dev/vda3", "/dev/zram0", "/admins", "/swapfile")
    node.file("/etc/fstab", "/dev/vda2 none swap sw 0 0\n")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    unit(node, "dev-vda3.swap", "/dev/vda3")
    unit(node, "dev-zram0.swap", "/dev/zram0")
    unit(node, "admins.swap", "/admins", fragment_path="/etc/systemd/system/admins.swap")
    node.file("/sys/block/zram0/disksize", "0\n")
    assert repair(swap, node) == Plan()
    # Stopped before they are masked: systemd forgets the device of a masked unit.
    assert node.systemd.done == [
        ("reload",),
        ("stop", "admins.swap"),
        ("stop", "dev-vda2.swap"),
        ("stop", "dev-vda3.swap"),
        ("stop", "dev-zram0.swap"),
        ("mask", "dev-vda3.swap"),
        ("reload",),
        ("mask", "dev-zram0.swap"),
        ("reload",),
        ("disable", "admins.swap"),
        ("reload",),
    ]
    assert node.programs.calls == [(SWAPOFF, "/swapfile")]
    done = node.snapshot()
    assert repair(swap, node) == Plan()
    assert node.snapshot() == done
    assert len(node.systemd.done) == 11


def test_one_device_with_many_units_is_stopped_once(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    unit(node, "dev-vda2.swap", "/dev/vda2")
    node.file("/dev/vda2")
    node.link("/dev/disk/by-uuid/790f", "../../vda2")
    udev_link(node, "by-uuid.swap", "/dev/disk/by-uuid/790f", "dev-vda2.swap")
    repair(swap, node)
    assert [did for did in node.systemd.done if did[0] == "stop"] == [("stop", "dev-vda2.swap")]


def test_swap_that_only_the_next_boot_would_bring(node: Node) -> None:
    turn_on(node)
    unit(node, "dev-vda2.swap", "/dev/vda2", active_state="inactive")
    (change,) = plan(node).changes
    assert (change.target, change.wanted) == ("unit dev-vda2.swap", "masked")
    # Not over the bus, in case that failed.
    assert change.hint == "systemctl --root=/ mask dev-vda2.swap && systemctl daemon-reload"
    assert repair(swap, node) == Plan()


def test_mask_that_systemd_refuses(node: Node) -> None:
    turn_on(node)
    unit(node, "dev-vda2.swap", "/dev/vda2", active_state="inactive")
    node.systemd.failing["mask_unit"] = BusError("read-only file system")
    (change,) = plan(node).changes
    assert attempt(swap, change, node) == "read-only file system"
    assert plan(node).changes == (change,)


def test_zram_gives_its_memory_back(node: Node) -> None:
    turn_on(node, "/dev/zram0")
    reset = node.file("/sys/block/zram0/reset")
    node.file("/sys/block/zram0/disksize", "1037041664\n")
    assert repair(swap, node) == Plan()
    assert reset.read_text() == "1"


@pytest.mark.parametrize(("busy", "is_free"), [(2, True), (1000, False)])
def test_zram_device_that_udev_keeps_busy(
    node: Node, monkeypatch: pytest.MonkeyPatch, busy: int, is_free: bool
) -> None:
    turn_on(node, "/dev/zram0")
    reset = node.file("/sys/block/zram0/reset")
    node.file("/sys/block/zram0/disksize", "1037041664\n")
    refusals, real, naps = [busy], Path.write_text, list[float]()

    def write(path: Path, text: str) -> int:
        if path == reset and refusals[0]:
            refusals[0] -= 1
            raise OSError(16, "Device or resource busy")
        return real(path, text)

    monkeypatch.setattr(Path, "write_text", write)
    monkeypatch.setattr("time.sleep", naps.append)
    (change,) = plan(node).changes
    message = attempt(swap, change, node)
    assert ("its memory is not freed: Device or resource busy" in message) == (not is_free)
    assert 0 < sum(naps) < 10
    # As swap it is off all the same.
    assert plan(node) == Plan()


def test_zram_device_that_went_away_with_its_swap(node: Node) -> None:
    turn_on(node, "/dev/zram0")
    (change,) = plan(node).changes
    assert attempt(swap, change, node) == ""


def test_zram_that_its_unit_has_reset_already(node: Node) -> None:
    turn_on(node, "/dev/zram0")
    reset = node.file("/sys/block/zram0/reset")
    node.file("/sys/block/zram0/disksize", "0\n")
    assert repair(swap, node) == Plan()
    assert reset.read_text() == ""


def test_setting_keep(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    # Then nobody looks at what is not to be changed.
    node.file("/proc/swaps", "garbage\ngarbage\n")
    left = plan(node, Config(swap="keep"))
    assert left == Plan(skipped="the setting `swap: keep` leaves swap unchanged")


def test_admins_unit_that_stays_on_for_want_of_memory_is_disabled_all_the_same(
    node: Node,
) -> None:
    turn_on(node, "/own", used=500 * 1024, available=100 * 1024)
    unit(node, "own.swap", "/own", fragment_path="/etc/systemd/system/own.swap")
    left = repair(swap, node)
    assert node.systemd.done == [("disable", "own.swap"), ("reload",)]
    assert left.changes == ()


def test_fstab_is_repaired_without_a_bus(node: Node) -> None:
    node.file("/etc/fstab", "/dev/vda2 none swap\n")
    node.systemd.failing["reload"] = BusError("no bus")
    assert repair(swap, node) == Plan()


@pytest.mark.parametrize("what", ["swap_units", "stop_unit"])
def test_swapoff_does_it_where_the_bus_fails(node: Node, what: str) -> None:
    turn_on(node, "/dev/vda2")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    node.systemd.failing[what] = BusError("no bus")
    left = repair(swap, node)
    assert left.changes == ()
    # What it could not read it says.
    assert [problem.required for problem in left.problems] == [False] * (what == "swap_units")
    assert node.programs.calls == [(SWAPOFF, "/dev/vda2")]


def test_a_stop_that_comes_to_nothing_is_seen(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    node.systemd.on_stop = lambda unit: False
    left = repair(swap, node)
    assert [change.target for change in left.changes] == ["swap /dev/vda2"]


def test_a_deadline_is_not_taken_for_a_missing_bus(node: Node) -> None:
    turn_on(node, "/dev/vda2")
    from_fstab(node, "dev-vda2.swap", "/dev/vda2")
    node.systemd.failing["stop_unit"] = DeadlineError("stopping took too long")
    (change,) = plan(node).changes
    assert attempt(swap, change, node) == "stopping took too long"
    assert not node.programs.calls


def test_a_file_with_a_blank_in_its_name(node: Node) -> None:
    turn_on(node, "/swap\\040file")
    (change,) = plan(node).changes
    assert change.target == "swap /swap file"
    attempt(swap, change, node)
    assert node.programs.calls == [(SWAPOFF, "/swap file")]


def test_a_file_whose_name_is_not_utf8(node: Node) -> None:
    turn_on(node)
    node.file("/proc/swaps", HEADER.encode() + b"/swap\xff file 1024 0 -2\n")
    (change,) = plan(node).changes
    attempt(swap, change, node)
    assert node.programs.calls == [(SWAPOFF, os.fsdecode(b"/swap\xff"))]
