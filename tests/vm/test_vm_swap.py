"""Swap of every origin goes at the first boot, and does not come back at the next two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from testnode.qemu import Boot, Booted, Ran, Scenario

_UUID = "6f1b0a52-7d0e-4b5c-9a38-0f2f6f1d2c11"
_SWAP_TYPE = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"

_ADMIN_ZRAM = "/etc/systemd/zram-generator.conf"
_VENDOR_ZRAM = "/usr/lib/systemd/zram-generator.conf"
# As Fedora's zram-generator-defaults has it.
_ZRAM_DEFAULT = "[zram0]\nzram-size = min(ram, 8192)\n"

_ADMIN_UNIT = "[Swap]\nWhat=/dev/vda3\n[Install]\nWantedBy=swap.target\n"
_ENABLE = "mkdir -p /etc/systemd/system/{1}.wants; ln -s ../{0} /etc/systemd/system/{1}.wants\n"

# Somebody's own swapon, at a boot whose command line has the word.
_SOMEBODY = "somebody.service"
_SOMEBODY_UNIT = """\
[Unit]
ConditionKernelCommandLine=somebody
Before=nodefix.service

[Service]
Type=oneshot
ExecStart=/sbin/swapon /dev/vda4
"""

# What systemd-gpt-auto-generator calls vda2, in systemd 257 by the disk's number in this boot.
_GPT_UNIT = r"dev-disk-by\x2ddiskseq-1\x2dpart2.swap"

# What keeps it away whatever the number is, and what the generator makes before and after it.
_GPT_END = (
    "sfdisk --no-reread --no-tell-kernel --part-attrs /dev/vda 2"
    ' "$(sfdisk --no-reread --no-tell-kernel --part-attrs /dev/vda 2) GUID:63"'
)
_GPT_LOOK = "systemctl daemon-reload; ls /run/systemd/generator.late >{} 2>&1 || true\n"
_GPT_SCRIPT = (
    f"rm '/etc/systemd/system/{_GPT_UNIT}'\n"
    + _GPT_LOOK.format("generated")
    + f"{_GPT_END}\n"
    + _GPT_LOOK.format("ended")
)

# Without a bus nodefix calls swapoff itself, within the limits of its unit; that opens a swap file
# for writing.
_NO_BUS_SCRIPT = (
    "mkdir -p /run/nodefix/nodefix.yaml.d\n"
    "echo 'swap: off' >/run/nodefix/nodefix.yaml.d/test.yaml\n"
    "fallocate -l 32MiB /home/swapfile; chmod 600 /home/swapfile; mkswap /home/swapfile\n"
    "swapon /home/swapfile /swapfile /dev/vda2\n"
    "cp /proc/swaps no-bus-before\n"
    "systemctl stop dbus.socket dbus.service; rm -f /run/dbus/system_bus_socket\n"
    "systemctl restart nodefix || true\n"
    "cp /proc/swaps no-bus-after\n"
    "systemctl show -p Result nodefix >no-bus-result\n"
    "systemctl start dbus.socket dbus.service\n"
)

# What a mask may stand on; anything else that a run masks is wider than needed.
_ZRAM_UNITS = frozenset({"dev-zram0.swap", "systemd-zram-setup@zram0.service"})


@dataclass(frozen=True)
class Origins:
    """What a scenario's machine swaps on, and what is to be said and done about it.

    Attributes:
        scenario: the machine.
        named: a device that is swapped on in the first boot, to what the report says of its origin.
        masks: units that may be masked afterwards.
    """

    scenario: Scenario
    named: Mapping[str, str]
    masks: frozenset[str] = field(default=frozenset())


def _swap_file(path: str) -> str:
    return f"fallocate -l 32MiB {path}; chmod 600 {path}; mkswap {path}\n"


def _gpt_partition(number: int) -> str:
    """Make it one that systemd-gpt-auto-generator takes for swap."""
    retype = f"sfdisk --quiet --no-reread --no-tell-kernel --part-type /dev/vda {number}"
    return f"{retype} {_SWAP_TYPE}\nmkswap /dev/vda{number}\n"


def _boots(damage: str, *arguments: str, last: str = "") -> tuple[Boot, ...]:
    look = "cat /sys/block/zram0/disksize 2>/dev/null >zram0 || true\n"
    look += "findmnt --noheadings --output SOURCE,FSTYPE,OPTIONS /scratch >scratch || true\n"
    first = Boot(damage=damage, arguments=arguments, script=look)
    return (first, Boot(script=look), Boot(script=look + last))


FSTAB_LINES = (
    "# swap was on /dev/vdz9 none swap sw 0 0, long ago",
    "/dev/vda2\tnone\tswap\tsw,pri=3\t0 0 ",
    "tmpfs /swap tmpfs size=1m 0 0",
    "/swapfile swap swap defaults 0 0\r",
    f"UUID={_UUID} none swap defaults",
    "  LABEL=moth none swap sw,nofail 0 0",
    "tmpfs /srv tmpfs size=1m,x-systemd.note=swap 0 0",
)
_FSTAB_SWAPS = (1, 3, 4, 5)

FSTAB = Origins(
    Scenario(
        "swap-fstab",
        boots=_boots(
            "mkswap /dev/vda2\n"
            + _swap_file("/swapfile")
            + f"mkswap --uuid {_UUID} /dev/vda3\nmkswap --label moth /dev/vda4\n",
            last=_NO_BUS_SCRIPT,
        ),
        files={"/etc/fstab": "\n".join(FSTAB_LINES)},
        collect=("/etc/fstab", "/run/nodefix"),
    ),
    named=dict.fromkeys(("/dev/vda2", "/swapfile", "/dev/vda3", "/dev/vda4"), "/etc/fstab"),
)

GPT_AND_UNIT = Origins(
    Scenario(
        "swap-gpt-unit",
        boots=_boots(
            _gpt_partition(2)
            + "mkswap /dev/vda3\n"
            + _ENABLE.format("dev-vda3.swap", "swap.target"),
            last=_GPT_SCRIPT,
        ),
        files={"/etc/systemd/system/dev-vda3.swap": _ADMIN_UNIT},
        collect=("/etc/systemd/system/dev-vda3.swap", "/run/nodefix"),
    ),
    named={
        "/dev/vda2": "systemd-gpt-auto-generator",
        "/dev/vda3": "/etc/systemd/system/dev-vda3.swap",
    },
    masks=frozenset({_GPT_UNIT}),
)

VENDOR_ZRAM_AND_SOMEBODY = Origins(
    Scenario(
        "swap-zram-somebody",
        boots=_boots(
            "mkswap /dev/vda4\n" + _ENABLE.format(_SOMEBODY, "multi-user.target"), "somebody"
        ),
        files={
            _VENDOR_ZRAM: _ZRAM_DEFAULT,
            f"/etc/systemd/system/{_SOMEBODY}": _SOMEBODY_UNIT,
        },
        collect=("/run/nodefix",),
    ),
    named={"/dev/zram0": _VENDOR_ZRAM, "/dev/vda4": "swapon"},
    masks=_ZRAM_UNITS,
)

ADMIN_ZRAM = Origins(
    Scenario(
        "swap-zram-admin",
        boots=_boots(""),
        files={
            _VENDOR_ZRAM: _ZRAM_DEFAULT,
            _ADMIN_ZRAM: "[zram0]\nzram-size = 64\n\n"
            "[zram1]\nzram-size = 32\nfs-type = ext2\nmount-point = /scratch\n",
        },
        collect=("/run/nodefix", _ADMIN_ZRAM),
    ),
    named={"/dev/zram0": _ADMIN_ZRAM},
    masks=_ZRAM_UNITS,
)

# systemd-gpt-auto-generator leaves GPT's swap alone as long as fstab names any: here it comes only
# once fstab's entries are comments.
ALL_AT_ONCE = Origins(
    Scenario(
        "swap-all",
        boots=_boots(
            _gpt_partition(2)
            + "mkswap /dev/vda3\nmkswap /dev/vda4\n"
            + _swap_file("/swapfile")
            + _ENABLE.format("dev-vda3.swap", "swap.target")
            + _ENABLE.format(_SOMEBODY, "multi-user.target"),
            "somebody",
        ),
        files={
            "/etc/fstab": "/swapfile none swap defaults 0 0\n",
            "/etc/systemd/system/dev-vda3.swap": _ADMIN_UNIT,
            f"/etc/systemd/system/{_SOMEBODY}": _SOMEBODY_UNIT,
            _VENDOR_ZRAM: _ZRAM_DEFAULT,
        },
        collect=("/etc/fstab", "/run/nodefix"),
    ),
    named={
        "/swapfile": "/etc/fstab",
        "/dev/vda3": "/etc/systemd/system/dev-vda3.swap",
        "/dev/vda4": "swapon",
        "/dev/zram0": _VENDOR_ZRAM,
    },
    masks=frozenset({_GPT_UNIT}) | _ZRAM_UNITS,
)

ALL = {
    origins.scenario: origins
    for origins in (FSTAB, GPT_AND_UNIT, VENDOR_ZRAM_AND_SOMEBODY, ADMIN_ZRAM, ALL_AT_ONCE)
}
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
    for device, origin in ALL[ran.scenario].named.items():
        about = [change for change in changes if device in change]
        assert any(origin in change for change in about), (device, changes)
        assert any(device in line and origin in line for line in journal.splitlines()), device


def _by_hand(booted: Booted) -> list[str]:
    """What a machine's own script turned on at the end of this boot, in that order."""
    if "script/no-bus-before" not in booted.files:
        return []
    return [line.split()[0] for line in booted.script("no-bus-before").splitlines()[1:]]


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
            if number in _FSTAB_SWAPS:
                assert after.startswith(b"#")
                assert after.endswith(before.encode())
            else:
                assert after == before.encode()


@_one(FSTAB)
def test_without_a_bus_the_unit_may_turn_off_files_and_partitions(ran: Ran) -> None:
    last = ran.boots[2]
    assert sorted(_by_hand(last)) == ["/dev/vda2", "/home/swapfile", "/swapfile"]
    assert last.script("no-bus-after").splitlines()[1:] == [], last.told("nodefix.service")
    assert last.script("no-bus-result") == "Result=success\n"


@_one(GPT_AND_UNIT)
def test_file_of_the_admins_unit_stays(ran: Ran) -> None:
    for booted in ran.boots:
        assert booted.on_disk("/etc/systemd/system/dev-vda3.swap").decode() == _ADMIN_UNIT


@_one(GPT_AND_UNIT)
def test_what_is_named_keeps_a_partition_away_without_a_mask(ran: Ran) -> None:
    assert _GPT_END in ran.boots[0].told("nodefix.service")
    assert _GPT_UNIT in ran.boots[2].script("generated")
    assert _GPT_UNIT not in ran.boots[2].script("ended")


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
        assert booted.on_disk(_ADMIN_ZRAM).decode() == ran.scenario.files[_ADMIN_ZRAM]
