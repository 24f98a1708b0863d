"""nodefix/collect/addresses.py: what is an address of this node, and what only looks like one."""

from __future__ import annotations

import pytest

from nodefix.collect.addresses import take_addresses
from nodefix.collect.taken import Taken


def taken(text: str) -> str:
    """A text with its addresses taken out."""
    found = Taken()
    return found.end(take_addresses(found.begin(text), found))


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.3.4 of kubelet",
        'version: "10.0.0.1"',
        "kernel-6.12.0.55-1.el10",
        "iptables-1.8.10.2-1.el10_0",
        "255.255.255.0 and 255.255.240.0",
        "127.0.0.1 0.0.0.0 224.0.0.1 169.254.169.254",
        ":: ::1 ff02::1 fe80::",
        "1.2.3 1.2.3.4.5 256.1.1.1",
        "12:34:56 2026-01-02T03:04:05Z",
        "00:00:00:00:00:00 ff:ff:ff:ff:ff:ff",
        "cpe:2.3:o:redhat:enterprise_linux:10::baseos",
        "a-10-0-0-1",
    ],
)
def test_what_all_machines_have_and_what_is_none_stays(text: str) -> None:
    assert taken(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("from 10.1.2.3:6443", "from <ipv4-1>:6443"),
        ("10.1.2.3/16 via 10.1.2.1", "<ipv4-1>/16 via <ipv4-2>"),
        ("ip-10-1-2-3.ec2", "ip-<ipv4-1>.ec2"),
        ("10-1-2-3.default.pod", "<ipv4-1>.default.pod"),
        ("::ffff:10.1.2.3 and 10.1.2.3", "::ffff:<ipv4-1> and <ipv4-1>"),
        ("[2001:db8::1]:443", "[<ipv6-1>]:443"),
        ("2001:DB8:0:0:0:0:0:1 is 2001:db8::1", "<ipv6-1> is <ipv6-1>"),
        ("http://x/2001%3Adb8%3A%3A1", "http://x/<ipv6-1>"),
        ("addr:2001:db8::1", "addr:<ipv6-1>"),
        ("52:54:00:AB:cd:ef 52-54-00-ab-cd-ef", "<mac-1> <mac-1>"),
        ("enx525400abcdef 5254.00ab.cdef", "enx<mac-1> <mac-1>"),
    ],
)
def test_each_form_of_one_address_is_the_same_one(text: str, left: str) -> None:
    assert taken(text) == left
