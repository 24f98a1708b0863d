"""The machines of test_vm_swap.py: swap of every origin, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from testnode.qemu import Boot, Scenario

_UUID = "6f1b0a52-7d0e-4b5c-9a38-0f2f6f1d2c11"
_SWAP_TYPE = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"

ADMIN_ZRAM_FILE = "/etc/systemd/zram-generator.conf"
_VENDOR_ZRAM = "/usr/lib/systemd/zram-generator.conf"
# As Fedora's zram-generator-defaults has it.
_ZRAM_DEFAULT = "[zram0]\nzram-size = min(ram, 8192)\n"

ADMIN_UNIT = "[Swap]\nWhat=/dev/vda3\n[Install]\nWantedBy=swap.target\n"
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
GPT_UNIT = r"dev-disk-by\x2ddiskseq-1\x2dpart2.swap"

# What keeps it away whatever the number is, and what the generator makes before and after it.
GPT_END = (
    "sfdisk --no-reread --no-tell-kernel --part-attrs /dev/vda 2"
    ' "$(sfdisk --no-reread --no-tell-kernel --part-attrs /dev/vda 2) GUID:63"'
)
_GPT_LOOK = "systemctl daemon-reload; ls /run/systemd/generator.late >{} 2>&1 || true\n"
_GPT_SCRIPT = (
    f"rm '/etc/systemd/system/{GPT_UNIT}'\n"
    + _GPT_LOOK.format("generated")
    + f"{GPT_END}\n"
    + _GPT_LOOK.format("ended")
)

# As Enterprise Linux's installer makes swap, beside another volume that is named by its UUID. There
# is no udev yet, which makes the names.
_LVM = """\
modprobe dm-mod
export DM_DISABLE_UDEV=1
lvm vgcreate --quiet --yes rhel /dev/vda3
for volume in swap more; do
    lvm lvcreate --quiet --yes --size 8MiB --name "$volume" rhel
done
mkswap /dev/rhel/swap
"""
# What /proc/swaps calls them, and nodefix after it; the kernel's log has the names of udev.
VOLUMES = {"/dev/mapper/rhel-swap": "/dev/dm-0", "/dev/mapper/rhel-more": "/dev/dm-1"}
_LVM_END = "lvm vgchange --quiet --activate n rhel\n"

# Without a bus nodefix calls swapoff itself, within the limits of its unit; that opens a swap file
# for writing.
BY_HAND = ("/home/swapfile", "/swapfile", "/dev/vda2", "/dev/mapper/rhel-swap")
_NO_BUS_SCRIPT = (
    "mkdir -p /run/nodefix/nodefix.yaml.d\n"
    "echo 'swap: off' >/run/nodefix/nodefix.yaml.d/test.yaml\n"
    "fallocate -l 32MiB /home/swapfile; chmod 600 /home/swapfile; mkswap /home/swapfile\n"
    f"swapon {' '.join(BY_HAND)}\n"
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
    "/dev/mapper/rhel-swap   none    swap    defaults        0 0",
    "  LABEL=moth none swap sw,nofail 0 0",
    "tmpfs /srv tmpfs size=1m,x-systemd.note=swap 0 0",
)
FSTAB_SWAPS = (1, 3, 4, 5, 6)

FSTAB = Origins(
    Scenario(
        "swap-fstab",
        boots=_boots(
            "mkswap /dev/vda2\n"
            + _swap_file("/swapfile")
            + "mkswap --label moth /dev/vda4\n"
            + _LVM
            + f"mkswap --uuid {_UUID} /dev/rhel/more\n"
            + _LVM_END,
            last=_NO_BUS_SCRIPT,
        ),
        files={"/etc/fstab": "\n".join(FSTAB_LINES)},
        collect=("/etc/fstab", "/run/nodefix"),
    ),
    named=dict.fromkeys(("/dev/vda2", "/swapfile", *VOLUMES, "/dev/vda4"), "/etc/fstab"),
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
        files={"/etc/systemd/system/dev-vda3.swap": ADMIN_UNIT},
        collect=("/etc/systemd/system/dev-vda3.swap", "/run/nodefix"),
    ),
    named={
        "/dev/vda2": "systemd-gpt-auto-generator",
        "/dev/vda3": "/etc/systemd/system/dev-vda3.swap",
    },
    masks=frozenset({GPT_UNIT}),
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
            ADMIN_ZRAM_FILE: "[zram0]\nzram-size = 64\n\n"
            "[zram1]\nzram-size = 32\nfs-type = ext2\nmount-point = /scratch\n",
        },
        collect=("/run/nodefix", ADMIN_ZRAM_FILE),
    ),
    named={"/dev/zram0": ADMIN_ZRAM_FILE},
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
            "/etc/systemd/system/dev-vda3.swap": ADMIN_UNIT,
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
    masks=frozenset({GPT_UNIT}) | _ZRAM_UNITS,
)

ALL = {
    origins.scenario: origins
    for origins in (FSTAB, GPT_AND_UNIT, VENDOR_ZRAM_AND_SOMEBODY, ADMIN_ZRAM, ALL_AT_ONCE)
}
