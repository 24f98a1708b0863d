"""nodefix/live/learn.py: the mode is kept for the next boot."""

from __future__ import annotations

import json

from fakehost import BOOT_ID, Node
from proxysigns import LEARNED, learned

from nodefix.facts import proxy_learned
from nodefix.facts.proxy_sign import Sign
from nodefix.live.learn import keep

SEEN = Sign("ipvs", "virtual servers in /proc/net/ip_vs")


def test_it_is_written_so_that_it_can_be_read(node: Node) -> None:
    assert keep(node.host, SEEN) == ""
    found = json.loads(node.host.path(LEARNED).read_bytes())
    assert found["boot_id"] == BOOT_ID
    sign = proxy_learned.learned(node.host)
    assert sign and sign.mode == "ipvs"
    assert sign.origin.endswith(f" by {SEEN.origin}")


def test_the_same_mode_is_not_written_again(node: Node) -> None:
    node.file(LEARNED, learned(mode="ipvs"))
    before = node.snapshot()
    assert keep(node.host, SEEN) == ""
    assert node.snapshot() == before


def test_another_mode_and_a_broken_file_are_replaced(node: Node) -> None:
    for content in (learned(mode="nftables"), "{"):
        node.file(LEARNED, content)
        assert keep(node.host, SEEN) == ""
        sign = proxy_learned.learned(node.host)
        assert sign and sign.mode == "ipvs"


def test_what_stands_in_its_place_is_said_and_left(node: Node) -> None:
    node.host.path(LEARNED).mkdir(parents=True)
    assert "found a directory, expected a regular file" in keep(node.host, SEEN)
    assert node.host.path(LEARNED).is_dir()
