"""nodefix/facts/proxy_learned.py: the mode that nodefix keeps."""

from __future__ import annotations

import os

import pytest
from fakehost import Node
from proxysigns import LEARNED, learned

from nodefix.errors import UnclearError
from nodefix.facts import proxy_learned
from nodefix.facts.proxy_sign import Sign


def test_learned(node: Node) -> None:
    assert proxy_learned.learned(node.host) is None
    node.file(LEARNED, learned())
    origin = f"{LEARNED}, learned 2026-11-26 by nft's table ip kube-proxy"
    assert proxy_learned.learned(node.host) == Sign("nftables", origin)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"mode": "nftables"}',
        b"[" * 100_000,
        learned(schema=2).encode(),
        learned(mode="userspace").encode(),
        learned(mode=["ipvs"]).encode(),
        learned(mode="ipvs\n").encode(),
        learned(learned="yesterday").encode(),
        learned(**{"from": None}).encode(),
    ],
)
def test_one_that_is_broken_or_foreign(node: Node, content: bytes) -> None:
    node.file(LEARNED, content)
    with pytest.raises(UnclearError, match=f"{LEARNED}: ") as caught:
        proxy_learned.learned(node.host)
    assert LEARNED in caught.value.hint


def test_what_it_says_is_bounded(node: Node) -> None:
    node.file(LEARNED, learned(**{"from": "\x1b[2J" + "x" * 10_000}))
    sign = proxy_learned.learned(node.host)
    assert sign
    assert len(sign.origin) < 400
    assert "\x1b" not in sign.origin


def test_one_that_is_no_file(node: Node) -> None:
    node.file(LEARNED).unlink()
    os.mkfifo(node.host.path(LEARNED))
    with pytest.raises(UnclearError, match="a named pipe"):
        proxy_learned.learned(node.host)
