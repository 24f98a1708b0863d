"""Swap entries of /etc/fstab."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.host.node import Host

FSTAB = "/etc/fstab"

# fstab(5): udev's folders of links for the tags that name a device.
_TAGS = {
    "UUID": "by-uuid",
    "LABEL": "by-label",
    "PARTUUID": "by-partuuid",
    "PARTLABEL": "by-partlabel",
}


class FstabSwap(NamedTuple):
    """One swap entry.

    Attributes:
        number: its line, from 1.
        line: the line's bytes without its end.
    """

    number: int
    line: bytes

    @property
    def device(self) -> str:
        """The path of the device or file that the first field names."""
        return device_of(unescape(self.line.split()[0]))

    @property
    def comes_at_boot(self) -> bool:
        """Whether systemd turns it on at boot: `auto` and `noauto`, of which the last counts.

        Source: systemd.swap(5); systemd's src/shared/fstab-util.c, fstab_test_yes_no_option().
        """
        options = b"".join(self.line.split()[3:4]).split(b",")
        names = [option.partition(b"=")[0] for option in options]
        said = [name for name in names if name in (b"auto", b"noauto")]
        return said[-1:] != [b"noauto"]


def device_of(spec: str) -> str:
    """The path of the device or file that a first field, without its escapes, names."""
    # Behind a NUL byte libmount and the kernel see nothing.
    spec = spec.partition("\0")[0]
    tag, equals, value = spec.partition("=")
    if equals and tag in _TAGS:
        return f"/dev/disk/{_TAGS[tag]}/" + value.strip("\"'")
    return spec


def unescape(field: bytes) -> str:
    """Decode the octal escapes that fstab(5) and the kernel write for blanks."""
    plain = re.sub(rb"\\([0-3][0-7]{2})", lambda m: bytes((int(m[1], 8),)), field)
    return os.fsdecode(plain)


def read_fstab(host: Host) -> tuple[FstabSwap, ...]:
    """The swap entries; none where there is no fstab.

    Raises:
        UnclearError: it cannot be read.
    """
    try:
        return fstab_swaps(host.read(FSTAB))
    except FileNotFoundError:
        return ()
    except OSError as error:
        message = f"{FSTAB}: cannot be read: {error.strerror}"
        raise UnclearError(message, f"ls -lZ {FSTAB}") from error


def fstab_swaps(content: bytes) -> tuple[FstabSwap, ...]:
    """The entries whose third field is `swap`, as libmount reads it (fstab(5))."""
    found = []
    for number, line in enumerate(content.split(b"\n"), 1):
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith(b"#") and fields[2] == b"swap":
            found.append(FstabSwap(number, line))
    return tuple(found)
