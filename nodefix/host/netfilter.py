"""Asking the kernel about one chain or one table of nf_tables, without a program.

nft is the tool for that, and everything that prints a rule is left to it. What is asked here is
asked at each start of kubelet and each boot, and starting nft takes a third of the time of Python
itself, the question a fiftieth of a millisecond. Where the kernel gives another answer than those
below, OSError is raised and nft is asked.

`nodefix wait` imports this, so nothing dear is imported. Sources: netlink(7), the kernel's
include/uapi/linux/netfilter/{nfnetlink,nf_tables}.h and net/netfilter/nf_tables_api.c.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# nft's names of families; NFPROTO_IPV4, NFPROTO_IPV6.
_FAMILIES = {"ip": 2, "ip6": 10}
# NF_INET_*: the hooks of both.
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")

_NETLINK_NETFILTER = 12
_NEW_TABLE, _GET_TABLE, _NEW_CHAIN, _GET_CHAIN = (10 << 8 | number for number in (0, 1, 3, 4))
_ERROR, _REQUEST = 2, 1
# NFTA_TABLE_*, NFTA_CHAIN_*, NFTA_HOOK_*
_NAME, _FLAGS = 1, 2
_TABLE, _CHAIN, _HOOK, _TYPE = 1, 3, 4, 7
_NUMBER, _PRIORITY = 1, 2

_DORMANT = 1

# An answer is one chain without its rules; the kernel gives at once what it has.
_LIMIT = 64 << 10
_SECONDS = 2.0


class Netfilter:
    """nf_tables of the network namespace that this process is in."""

    def hook(self, family: str, table: str, chain: str) -> str | None:
        """A chain's hook as nft prints it, empty for one without; None where there is no chain.

        Raises:
            OSError: the kernel does not tell.
        """
        found = _asked(_GET_CHAIN, _NEW_CHAIN, family, (_TABLE, table), (_CHAIN, chain))
        if found is None:
            return None
        own = dict(_attributes(found))
        if own.get(_CHAIN) != chain.encode() + b"\0":
            raise _strange()
        if _HOOK not in own:
            return ""
        try:
            hook = dict(_attributes(own[_HOOK]))
            number = int.from_bytes(hook[_NUMBER], "big")
            priority = int.from_bytes(hook[_PRIORITY], "big", signed=True)
            kind = own[_TYPE].rstrip(b"\0").decode("ascii")
            return f"type {kind} hook {_HOOKS[number]} priority {priority}"
        except (KeyError, IndexError, ValueError):
            raise _strange() from None

    def is_dormant(self, family: str, table: str) -> bool:
        """Whether a table is switched off; one that is not there is not.

        Raises:
            OSError: the kernel does not tell.
        """
        found = _asked(_GET_TABLE, _NEW_TABLE, family, (_NAME, table))
        own = dict(_attributes(found)) if found is not None else {}
        return bool(int.from_bytes(own.get(_FLAGS, b""), "big") & _DORMANT)


def _asked(question: int, answer: int, family: str, *names: tuple[int, str]) -> bytes | None:
    """The attributes of the one thing that is asked for; None where there is no such thing."""
    # The part of socket that is in C: the whole takes longer to import than nft to run.
    import _socket

    request = bytes((_FAMILIES[family], 0, 0, 0))
    for kind, name in names:
        content = name.encode() + b"\0"
        request += _number(len(content) + 4, 2) + _number(kind, 2) + _padded(content)
    head = _number(len(request) + 16, 4) + _number(question, 2) + _number(_REQUEST, 2)
    with_kernel = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _NETLINK_NETFILTER)
    try:
        with_kernel.settimeout(_SECONDS)
        with_kernel.sendto(head + _number(1, 4) + bytes(4) + request, (0, 0))
        said, sender = with_kernel.recvfrom(_LIMIT)
    finally:
        with_kernel.close()
    length, kind = int.from_bytes(said[:4], sys.byteorder), int.from_bytes(said[4:6], sys.byteorder)
    # Other processes may send to the socket, too.
    if sender[0] != 0 or len(said) < length or length < 20 or said[8:12] != _number(1, 4):
        raise _strange()
    if kind == _ERROR:
        number = -int.from_bytes(said[16:20], sys.byteorder, signed=True)
        if number == errno.ENOENT:
            return None
        raise OSError(number, os.strerror(number)) if number else _strange()
    if kind != answer:
        raise _strange()
    return said[20:length]


def _attributes(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each attribute's number and value; a text ends with its NUL."""
    while len(content) >= 4:
        length = int.from_bytes(content[:2], sys.byteorder)
        if not 4 <= length <= len(content):
            raise _strange()
        # The two highest bits say how the value is written.
        kind = int.from_bytes(content[2:4], sys.byteorder) & 0x3FFF
        value = content[4:length]
        yield kind, value
        content = content[-(-length // 4) * 4 :]


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def _strange() -> OSError:
    return OSError(errno.EBADMSG, "the kernel's answer is not understood")
