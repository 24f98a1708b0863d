"""The menu entry that grub2 boots when no key is pressed.

Sources: util/grub.d/00_header.in and 08_fallback_counting.in of https://github.com/rhboot/grub2 for
the default, get_entry_number_helper() in grub-core/normal/menu.c for the entry that it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from nodefix.facts.boot_entries import BootEntry
from nodefix.host.node import Host

_FOLDERS = ("/boot/grub2", "/boot/grub")
_SETTINGS = "/etc/default/grub"
_SAVED = "${saved_entry}"


def default_entry(host: Host, entries: Sequence[BootEntry]) -> BootEntry | None:
    """The entry that boots by default; None if it is not known.

    Args:
        entries: the menu, in its order.

    Raises:
        OSError: one of grub's files cannot be read.
    """
    menu = _first_text(host, "grub.cfg")
    return _default(entries, menu, _first_text(host, "grubenv"), _setting(host))


def _default(
    entries: Sequence[BootEntry], menu: str, environment: str, setting: str
) -> BootEntry | None:
    """The same, from grub.cfg, grubenv and GRUB_DEFAULT."""
    blscfg = re.search(r"^[ \t]*blscfg\b", menu, re.M)
    if menu.strip() and not blscfg:
        # The entries are in grub.cfg itself.
        return None
    chosen = _chosen(menu, environment, setting)
    for named in (
        next((entry for entry in entries if entry.id == chosen), None),
        next((entry for entry in entries if entry.title and entry.title == chosen), None),
    ):
        if named:
            return named
    before = menu[: blscfg.start()] if blscfg else ""
    return _by_number(chosen, entries, before, menu)


def _by_number(
    chosen: str, entries: Sequence[BootEntry], before: str, menu: str
) -> BootEntry | None:
    """The entry with a number; the first one if none was chosen, or one that does not exist."""
    if not entries:
        return None
    if _others(before):
        # Those come first, so the numbers are not of these entries.
        return None
    others = _others(menu)
    number = int(chosen) if re.fullmatch(r"\d{1,4}", chosen) else -1
    if number >= len(entries) and others:
        return None
    if number < 0 and chosen and (">" in chosen or any(chosen in other for other in others)):
        return None
    return entries[number if 0 <= number < len(entries) else 0]


def _others(menu: str) -> list[str]:
    """The lines of the entries in grub.cfg itself."""
    return re.findall(r"^[ \t]*(?:menuentry|submenu)[ \t].*", menu, re.M)


def _chosen(menu: str, environment: str, setting: str) -> str:
    """The value of `default` when the menu is shown; empty for the first entry."""
    variables = _variables(environment)
    if variables.get("boot_success") == "0" and variables.get("boot_counter") in ("0", "-1"):
        # Too many boots failed: grub rolls back.
        return "1"
    if variables.get("next_entry"):
        return variables["next_entry"]
    # grub.cfg is made from /etc/default/grub when grub2-mkconfig runs, which may be never.
    made = re.findall(r'^[ \t]*set default="(?!\$\{next_entry\})(.*)"', menu, re.M)
    default = made[0] if made else setting
    return variables.get("saved_entry", "") if default in (_SAVED, "saved") else default


def _variables(environment: str) -> Mapping[str, str]:
    lines = (line.partition("=") for line in environment.split("\n") if line[:1] != "#")
    return {key: re.sub(r"\\(.)", r"\1", value) for key, equals, value in lines if equals}


def _setting(host: Host) -> str:
    """GRUB_DEFAULT; Enterprise Linux's installer sets it to `saved`."""
    try:
        text = host.read(_SETTINGS).decode("utf-8", "replace")
    except FileNotFoundError:
        return "saved"
    found = re.findall(r"^[ \t]*GRUB_DEFAULT=(\"[^\"\n]*\"|'[^'\n]*'|[^\s#]*)", text, re.M)
    return found[-1].strip("\"'") if found else "0"


def _first_text(host: Host, name: str) -> str:
    for folder in _FOLDERS:
        try:
            return host.read(f"{folder}/{name}").decode("utf-8", "replace")
        except FileNotFoundError:
            continue
    return ""
