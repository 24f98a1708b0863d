"""Addresses in texts: IPv4, IPv6, those of hardware.

Kept are those that all machines have, netmasks, and what only looks like an address: versions and
times.
"""

from __future__ import annotations

import ipaddress
import re
from re import Match

from nodefix.collect.taken import IPV4, IPV6, MAC, Taken

# Two groups with colons at least; `%3A` is a colon in a URL.
_COLONS = re.compile(
    r"(?:[0-9A-Fa-f]{0,4}(?::|%3[Aa])){2,}"
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])|[0-9A-Fa-f:]*)"
)
_PAIRS = re.compile(r"(?:[0-9A-Fa-f]{2}:){5,}[0-9A-Fa-f]{2}")
_DASHES = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}-){5,}[0-9A-Fa-f]{2}(?![0-9A-Za-z])")
_DOTS = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}(?![0-9A-Za-z.])")
# systemd.net-naming-scheme(7): the name of an interface can be its address.
_INTERFACE = re.compile(r"(?<![0-9A-Za-z])(en|wl|ww|ib|sl)x([0-9A-Fa-f]{12})(?![0-9A-Za-z])")
_QUAD = re.compile(r"(?<![0-9])(?<![0-9]\.)([0-9]{1,3})((?:\.[0-9]{1,3}){3})(?![0-9])(?!\.[0-9])")
# The names of addresses in the domain name system, and in Kubernetes' for pods.
_REVERSED = re.compile(r"(?i)(?<![0-9A-Za-z.])(?:[0-9a-f]\.){4,32}(?=ip6\.arpa)")
_POD = re.compile(
    r"(?<![0-9A-Za-z-])(?:[0-9A-Fa-f]{0,4}-){2,7}[0-9A-Fa-f]{0,4}(?=\.[a-z0-9-]{1,63}\.pod\b)"
)
# In names of hosts that clouds give, and in those of pods.
_DASHED = re.compile(
    r"(?<![0-9A-Za-z])((?:ip-)?)((?:[0-9]{1,3}-){3}[0-9]{1,3})(?![0-9A-Za-z-])(\.[a-z])?"
)

# Before a version: `v`, or the word; after it: the rest of a package's.
_VERSION_BEFORE = re.compile(r"(?:(?<![A-Za-z0-9])v|version[\"']?[ \t]*[:=]?[ \t]*[\"']?v?)$", re.I)
_VERSION_AFTER = re.compile(r"(?:[-.][0-9][A-Za-z0-9_.+~^]*)?\.(?:el|fc|uek)[0-9]")
_SEEN_BEFORE, _SEEN_AFTER = 16, 60

# The service that clouds tell a machine about itself by: the same everywhere.
_METADATA = int(ipaddress.IPv4Address("169.254.169.254"))
# `10.0.0.1::` as `ip=` of the kernel's command line has it: the end of one, and no other.
_QUAD_BEFORE = re.compile(r"(?:[0-9]{1,3}\.){3}$")
# Groups of a row of them in which an address is looked for.
_GROUPS = 40


def take_addresses(text: str, taken: Taken) -> str:
    """The text with marks in the places of addresses."""
    text = _COLONS.sub(lambda found: _colons(found, taken), text)
    text = _REVERSED.sub(lambda found: f"{taken.put(IPV6, found[0].lower())}.", text)
    text = _POD.sub(lambda found: _ipv6(found[0].replace("-", ":"), taken) or found[0], text)
    text = _DASHES.sub(lambda found: _hardware(found[0], taken), text)
    text = _DOTS.sub(lambda found: _hardware(found[0], taken), text)
    text = _INTERFACE.sub(lambda found: f"{found[1]}x{_hardware(found[2], taken)}", text)
    text = _DASHED.sub(lambda found: _dashed(found, taken), text)
    return _QUAD.sub(lambda found: _quad(found, taken), text)


def _is_word(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")


def _colons(found: Match[str], taken: Taken) -> str:
    text, start, end = found.string, found.start(), found.end()
    whole = re.sub("%3[Aa]", ":", found[0])
    head, tail = "", ""
    if start and (
        _is_word(text[start - 1]) or _QUAD_BEFORE.search(text, max(start - 12, 0), start)
    ):
        # The end of a word or of an address, and what follows its colon.
        first, _, whole = whole.partition(":")
        head = f"{first}:"
    if end < len(text) and _is_word(text[end]) and not _PAIRS.fullmatch(whole):
        if re.fullmatch("[0-9A-Fa-f]*::[0-9A-Fa-f]*", whole):
            # `10::baseos`
            return found[0]
        whole, _, last = whole.rpartition(":")
        tail = f":{last}"
        if whole.endswith(":") or not whole:
            whole, tail = f"{whole}:", last
    if whole.endswith(":") and not whole.endswith("::"):
        whole, tail = whole[:-1], f":{tail}"
    return head + _grouped(whole, taken) + tail


def _grouped(whole: str, taken: Taken) -> str:
    """A row of groups with what is an address in it taken out."""
    if _PAIRS.fullmatch(whole):
        return _hardware(whole, taken)
    mark = _ipv6(whole, taken)
    if mark is not None:
        return mark
    groups = whole.split(":")
    if ("::" not in whole and len(groups) < 8) or len(groups) > _GROUPS:
        # A row that long is none, and might be many.
        return whole if len(groups) <= _GROUPS else taken.put(IPV6, whole.lower())
    for count in range(min(len(groups), 9), 1, -1):
        for start in range(len(groups) - count + 1):
            mark = _ipv6(":".join(groups[start : start + count]), taken)
            if mark is not None:
                before = _grouped(":".join(groups[:start]), taken) + ":" * (start > 0)
                rest = groups[start + count :]
                return before + mark + ":" * bool(rest) + _grouped(":".join(rest), taken)
    return whole


def _ipv6(text: str, taken: Taken) -> str | None:
    """The mark of an address, or itself where it is to be kept; None for what is none."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        return text
    number = int(address)
    if address.ipv4_mapped:
        return f"::ffff:{_ipv4(str(address.ipv4_mapped), number & 0xFFFFFFFF, taken)}"
    # The prefix of all link-local ones.
    return text if number == 0xFE80 << 112 else taken.put(IPV6, str(address))


def _hardware(text: str, taken: Taken) -> str:
    digits = re.sub("[^0-9a-f]", "", text.lower())
    return text if set(digits) in ({"0"}, {"f"}) else taken.put(MAC, digits)


def _quad(found: Match[str], taken: Taken) -> str:
    numbers = [int(part) for part in found[0].split(".")]
    if max(numbers) > 255 or _is_version(found.string, found.start(), found.end()):
        return found[0]
    return _ipv4(found[0], int.from_bytes(bytes(numbers), "big"), taken)


def _dashed(found: Match[str], taken: Taken) -> str:
    numbers = [int(part) for part in found[2].split("-")]
    if max(numbers) > 255 or not (found[1] or found[3]):
        return found[0]
    mark = _ipv4(found[2], int.from_bytes(bytes(numbers), "big"), taken)
    return f"{found[1]}{mark}{found[3] or ''}"


def _ipv4(text: str, number: int, taken: Taken) -> str:
    """The mark of an address, or the text itself where it is one that all machines have."""
    address = ipaddress.IPv4Address(number)
    # The bits that a netmask leaves are one less than a power of two.
    left = number ^ 0xFFFFFFFF
    is_mask = number >> 24 == 255 and left & (left + 1) == 0
    if is_mask or number in (0, _METADATA) or address.is_loopback or address.is_multicast:
        return text
    return taken.put(IPV4, str(address))


def _is_version(text: str, start: int, end: int) -> bool:
    before = text[max(start - _SEEN_BEFORE, 0) : start]
    after = text[end : end + _SEEN_AFTER]
    return bool(_VERSION_BEFORE.search(before) or _VERSION_AFTER.match(after))
