"""Swap of every origin goes at the first boot, and does not come back at the next two."""

from __future__ import annotations

import json

import pytest
from origins import (
    ADMIN_UNIT,
    ADMIN_ZRAM,
    ADMIN_ZRAM_FILE,
    ALL,
    BY_HAND,
    FSTAB,
    FSTAB_LINES,
    FSTAB_SWAPS,
    GPT_AND_UNIT,
    GPT_END,
    GPT_UNIT,
    VOLUMES,
    Origins,
)
from testnode.qemu import Booted, Ran

every_origin = pytest.mark.parametrize(
    "ran", ALL, indirect=True, ids=lambda scenario: scenario.name
)


def _one(origins: Origins) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("ran", [origins.scenario], indirect=True, ids=["machine"])


def _kubelet_came_after(booted: Booted) -> bool:
    return 0 < booted.started("nodefix.service") < booted.started("kubelet.service")


@every_origin
def test_first_boot_turns_it_off_before_kubelet(ran: Ran) -> None:
    first = ran.boots[0]
    # Else nothing of this was put to the test.
    assert set(first.swapped_on()) == set(ALL[ran.scenario].named)
    assert first.stage("swap")["outcome"] == "changed"
    assert first.stage("swap")["problems"] == []
    assert first.swaps == []
    assert first.ready
    assert _kubelet_came_after(first)


@every_origin
def test_report_and_journal_say_where_it_came_from(ran: Ran) -> None:
    first = ran.boots[0]
    changes = [json.dumps(change) for change in first.stage("swap")["changes"]]
    journal = first.told("nodefix.service")
    for name, origin in ALL[ran.scenario].named.items():
        device = VOLUMES.get(name, name)
        about = [change for change in changes if device in change]
        assert any(origin in change for change in about), (device, changes)
        assert any(device in line and origin in line for line in journal.splitlines()), device


def _by_hand(booted: Booted) -> list[str]:
    """What a machine's own script turned on at the end of this boot, in that order."""
    return [*BY_HAND] if "script/no-bus-before" in booted.files else []


@every_origin
@pytest.mark.parametrize("number", [2, 3])
def test_later_boots_never_have_swap_and_change_nothing(ran: Ran, number: int) -> None:
    later = ran.boots[number - 1]
    assert later.swapped_on() == _by_hand(later)
    assert later.swaps == []
    # By the journal: the report is of the last run, which a machine's own script may have begun.
    told = later.told("nodefix.service").splitlines()
    assert next(line for line in told if line.startswith("swap: ")) == "swap: unchanged"
    assert later.ready
    assert _kubelet_came_after(later)


@every_origin
def test_nothing_wider_than_needed_is_masked(ran: Ran) -> None:
    for booted in ran.boots:
        about_swap = {unit for unit in booted.masked if "swap" in unit or "zram" in unit}
        assert about_swap <= ALL[ran.scenario].masks


@every_origin
def test_no_unit_fails(ran: Ran) -> None:
    # One that still waits for its swap, or that systemd could not stop in order.
    assert [booted.failed for booted in ran.boots] == [[], [], []]


@_one(FSTAB)
def test_fstab_keeps_every_other_byte(ran: Ran) -> None:
    for booted in ran.boots:
        lines = booted.on_disk("/etc/fstab").split(b"\n")
        assert len(lines) == len(FSTAB_LINES)
        for number, (before, after) in enumerate(zip(FSTAB_LINES, lines, strict=True)):
            if number in FSTAB_SWAPS:
                assert after.startswith(b"#")
                assert after.endswith(before.encode())
            else:
                assert after == before.encode()


@_one(FSTAB)
def test_without_a_bus_the_unit_may_turn_off_files_partitions_and_volumes(ran: Ran) -> None:
    last = ran.boots[2]
    assert len(last.script("no-bus-before").splitlines()[1:]) == len(BY_HAND)
    assert last.script("no-bus-after").splitlines()[1:] == [], last.told("nodefix.service")
    assert last.script("no-bus-result") == "Result=success\n"


@_one(GPT_AND_UNIT)
def test_file_of_the_admins_unit_stays(ran: Ran) -> None:
    for booted in ran.boots:
        assert booted.on_disk("/etc/systemd/system/dev-vda3.swap").decode() == ADMIN_UNIT


@_one(GPT_AND_UNIT)
def test_what_is_named_keeps_a_partition_away_without_a_mask(ran: Ran) -> None:
    assert GPT_END in ran.boots[0].told("nodefix.service")
    assert GPT_UNIT in ran.boots[2].script("generated")
    assert GPT_UNIT not in ran.boots[2].script("ended")


@pytest.mark.parametrize(
    "ran",
    [origins.scenario for origins in ALL.values() if "/dev/zram0" in origins.named],
    indirect=True,
    ids=lambda scenario: scenario.name,
)
def test_zram_gives_its_memory_back(ran: Ran) -> None:
    for booted in ran.boots:
        # Empty where the device is not even there.
        assert booted.script("zram0").strip() in ("", "0")


@_one(ADMIN_ZRAM)
def test_file_system_on_zram_lives_on(ran: Ran) -> None:
    for booted in ran.boots:
        assert booted.script("scratch").split()[:2] == ["/dev/zram1", "ext2"]


@_one(ADMIN_ZRAM)
def test_zram_configuration_is_left_alone(ran: Ran) -> None:
    for booted in ran.boots:
        assert booted.on_disk(ADMIN_ZRAM_FILE).decode() == ran.scenario.files[ADMIN_ZRAM_FILE]
