"""nodefix/host/netfilter.py: the kernel's answers about chains and tables of nf_tables.

What it says of real ones is compared with nft's own words in container/test_nft.py.
"""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from nodefix.host.netfilter import Netfilter

_socket = pytest.importorskip("_socket")


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", len(content) + 4, kind) + content + b"\0" * (-len(content) % 4)


def message(kind: int, content: bytes, sequence: int = 1) -> bytes:
    return struct.pack("=IHHII", len(content) + 16, kind, 0, sequence, 4242) + content


def refused(number: int) -> bytes:
    return message(2, struct.pack("=i", -number) + b"\0" * 16)


HEAD = b"\2\0\0\0"
CHAIN = HEAD + attribute(1, b"nat\0") + attribute(2, b"\0" * 8) + attribute(3, b"POSTROUTING\0")
HOOK = attribute(1, struct.pack(">I", 4)) + attribute(2, struct.pack(">i", 100))
BASE = CHAIN + attribute(0x8000 | 4, HOOK) + attribute(7, b"nat\0")


class Kernel:
    """A netlink socket; `said` and whose it is are the answer, `asked` what was sent."""

    said: bytes = b""
    sender = 0
    asked: bytes = b""
    closed = 0

    def __init__(self, *_: int) -> None: ...

    def settimeout(self, seconds: float) -> None:
        """Bound."""
        assert seconds

    def sendto(self, content: bytes, _: object) -> None:
        """Take a question."""
        Kernel.asked = content

    def recvfrom(self, limit: int) -> tuple[bytes, tuple[int, int]]:
        """Answer it."""
        if not self.said:
            raise TimeoutError("timed out")
        return self.said[:limit], (self.sender, 0)

    def close(self) -> None:
        """Count."""
        Kernel.closed += 1


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (("said", b""), ("sender", 0), ("asked", b""), ("closed", 0)):
        monkeypatch.setattr(Kernel, name, value)
    monkeypatch.setattr(_socket, "socket", Kernel)
    return Kernel


def hook() -> str | None:
    return Netfilter().hook("ip", "nat", "POSTROUTING")


def test_a_chain_with_a_hook_as_nft_prints_it(kernel: Any) -> None:
    kernel.said = message(0xA03, BASE)
    assert hook() == "type nat hook postrouting priority 100"
    names = attribute(1, b"nat\0") + attribute(3, b"POSTROUTING\0")
    question = struct.pack("=IHHII", 20 + len(names), 0xA04, 1, 1, 0) + HEAD + names
    assert (kernel.asked, kernel.closed) == (question, 1)


def test_a_chain_without_a_hook_and_none(kernel: Any) -> None:
    kernel.said = message(0xA03, CHAIN)
    assert hook() == ""
    kernel.said = refused(errno.ENOENT)
    assert hook() is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="silent"),
        pytest.param(refused(errno.EPERM), id="not allowed"),
        pytest.param(refused(errno.EINVAL), id="no nf_tables"),
        pytest.param(refused(0), id="an acknowledgement"),
        pytest.param(message(0xA03, BASE, sequence=2), id="of another question"),
        pytest.param(message(0xA00, BASE), id="of another kind"),
        pytest.param(message(0xA03, BASE)[:40], id="cut off"),
        pytest.param(message(0xA03, HEAD + attribute(3, b"OUTPUT\0")), id="of another chain"),
        pytest.param(message(0xA03, HEAD + b"\xff\xff\1\0"), id="too long an attribute"),
        pytest.param(message(0xA03, HEAD + b"\0\0\1\0"), id="an attribute without length"),
        pytest.param(message(0xA03, CHAIN + attribute(4, b"")), id="a hook without number"),
        pytest.param(
            message(0xA03, CHAIN + attribute(4, attribute(1, b"\0\0\0\x09") + HOOK[8:])),
            id="an unknown hook",
        ),
    ],
)
def test_what_is_not_understood_is_no_answer(kernel: Any, said: bytes) -> None:
    kernel.said = said
    with pytest.raises(OSError, match=r"."):
        hook()
    assert kernel.closed == 1


def test_only_the_kernel_is_believed(kernel: Any) -> None:
    kernel.said, kernel.sender = message(0xA03, BASE), 4711
    with pytest.raises(OSError, match="not understood"):
        hook()


@pytest.mark.parametrize(("flags", "dormant"), [(0, False), (1, True), (2, False), (3, True)])
def test_a_table_that_is_switched_off(kernel: Any, flags: int, dormant: bool) -> None:
    table = HEAD + attribute(1, b"nat\0") + attribute(2, struct.pack(">I", flags))
    kernel.said = message(0xA00, table)
    assert Netfilter().is_dormant("ip6", "nat") is dormant
    assert kernel.asked[16] == 10


def test_a_table_that_is_not_there(kernel: Any) -> None:
    kernel.said = refused(errno.ENOENT)
    assert not Netfilter().is_dormant("ip", "nat")
