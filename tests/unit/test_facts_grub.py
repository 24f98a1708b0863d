"""nodefix/facts/grub.py: which entry boots by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakehost import Node

from nodefix.facts.boot_entries import BootEntry
from nodefix.facts.grub import default_entry

FIRST = BootEntry("m-6.12.0-124", "Rocky Linux (6.12.0-124) 10.1 (Red Quartz)", "6.12.0-124")
SECOND = BootEntry(
    "m-6.12.0-55",
    "Rocky Linux (6.12.0-55.9.1.el10_0.x86_64) 10.0 (Red Quartz)",
    "6.12.0-55",
)
ENTRIES = (FIRST, SECOND)

# What grub2-mkconfig makes of GRUB_DEFAULT=saved, cut short.
MENU = """\
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set boot_once=true
else
   set default="${saved_entry}"
fi
insmod blscfg
blscfg
    set default=1
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
}
"""
GRUBENV = "/boot/grub2/grubenv"
CFG = "/boot/grub2/grub.cfg"

_DATA = Path(__file__).with_name("data") / "bls"


@pytest.mark.parametrize("menu", ["", MENU])
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("", FIRST),
        ("saved_entry=\n", FIRST),
        (f"saved_entry={SECOND.id}\n", SECOND),
        ((_DATA / "05-grubenv-title").read_text(), SECOND),
        ("saved_entry=1\n", SECOND),
        ("saved_entry=gone\n", FIRST),
        (f"saved_entry={FIRST.id}\nnext_entry={SECOND.id}\n", SECOND),
        (f"saved_entry={SECOND.id}\nnext_entry=\n", SECOND),
        ("#saved_entry=1\n", FIRST),
        ("saved_entry=1>0\n", None),
        ("boot_counter=0\nboot_success=0\n", SECOND),
        ("boot_counter=2\nboot_success=0\n", FIRST),
        ("boot_counter=0\nboot_success=1\n", FIRST),
        (f"saved_entry={'9' * 5000}\n", FIRST),
    ],
)
def test_environment(node: Node, menu: str, environment: str, expected: BootEntry | None) -> None:
    node.file(GRUBENV, environment)
    node.file(CFG, menu)
    assert default_entry(node.host, ENTRIES) == expected


@pytest.mark.parametrize("chosen", ["UEFI Firmware Settings", "uefi-firmware", "2"])
def test_an_entry_of_grub_cfg_is_no_answer(node: Node, chosen: str) -> None:
    node.file(CFG, MENU)
    node.file(GRUBENV, f"saved_entry={chosen}\n")
    assert default_entry(node.host, ENTRIES) is None


def test_entries_before_these_move_the_numbers(node: Node) -> None:
    node.file(CFG, f"menuentry 'Windows' {{\n}}\n{MENU}")
    assert default_entry(node.host, ENTRIES) is None
    node.file(GRUBENV, f"saved_entry={SECOND.id}\n")
    assert default_entry(node.host, ENTRIES) == SECOND


def test_a_menu_without_blscfg_is_no_answer(node: Node) -> None:
    node.file(CFG, "set default=\"0\"\nmenuentry 'Linux' {\n}\n")
    assert default_entry(node.host, ENTRIES) is None


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("GRUB_DEFAULT=saved", SECOND),
        ('GRUB_DEFAULT="saved"', SECOND),
        ("GRUB_DEFAULT=0", FIRST),
        ("GRUB_DEFAULT=saved\nGRUB_DEFAULT=0 # x", FIRST),
        ("#GRUB_DEFAULT=0\nGRUB_DEFAULT=saved", SECOND),
        ("GRUB_TIMEOUT=5", FIRST),
        (f"GRUB_DEFAULT='{SECOND.title}'", SECOND),
    ],
)
def test_grubenv_counts_where_the_default_is_the_saved_one(
    node: Node, setting: str, expected: BootEntry
) -> None:
    node.file("/etc/default/grub", f"{setting}\n")
    node.file(GRUBENV, f"saved_entry={SECOND.id}\n")
    assert default_entry(node.host, ENTRIES) == expected


def test_what_grub_reads_counts_more_than_what_it_is_made_of(node: Node) -> None:
    node.file("/etc/default/grub", "GRUB_DEFAULT=0\n")
    node.file(GRUBENV, f"saved_entry={SECOND.id}\n")
    node.file(CFG, MENU)
    assert default_entry(node.host, ENTRIES) == SECOND
    node.file(CFG, MENU.replace("${saved_entry}", "0"))
    assert default_entry(node.host, ENTRIES) == FIRST


def test_a_menu_without_entries_has_no_default(node: Node) -> None:
    node.file(GRUBENV, "saved_entry=0\n")
    assert default_entry(node.host, ()) is None
