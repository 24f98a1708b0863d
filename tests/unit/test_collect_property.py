"""What is taken out does not depend on what stands around it."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING, Any

import pytest

from nodefix.collect.hosts import Hosts
from nodefix.collect.redact import Redactor

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

ROUNDS = settings(derandomize=True, deadline=None, max_examples=150)
HOST = "blue-n7"

ipv4 = st.ip_addresses(v=4).filter(
    lambda one: (
        not (one.is_loopback or one.is_multicast or int(one) >> 24 in (0, 255))
        and str(one) != "169.254.169.254"
    )
)
ipv6 = st.ip_addresses(v=6).filter(
    lambda one: not (one.is_loopback or one.is_multicast or one.ipv4_mapped or int(one) < 1 << 32)
)
pairs = st.lists(st.integers(1, 254), min_size=6, max_size=6)
before = st.sampled_from(["", " ", "=", "(", "[", '"', "'", "\\n", "\\t", "/", "@", ",", "node:"])
after = st.sampled_from(["", " ", ",", ")", "]", '"', "\\n", "/24", ". ", ": no", "\n", ";"])
printed = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'\\"]
# Letters outside of ASCII: nothing of it can be a part of what is looked for.
around = st.text(st.characters(min_codepoint=0x100, blacklist_categories=["Cs", "Co"]), max_size=20)


def mac(numbers: list[int]) -> str:
    """An address of hardware."""
    return ":".join(f"{number:02x}" for number in numbers)


def spelled(address: Any) -> SearchStrategy[str]:
    """The ways in which an IPv6 address is written."""
    whole = address.exploded
    short = ":".join(group.lstrip("0") or "0" for group in whole.split(":"))
    dotted = f"{':'.join(short.split(':')[:6])}:{ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)}"
    return st.sampled_from([str(address), whole, short, whole.upper(), dotted])


anything = st.one_of(
    ipv4.map(str),
    ipv6.flatmap(spelled),
    pairs.map(mac),
    st.uuids().map(str),
    st.uuids().map(lambda one: one.hex),
    st.from_regex(r"[a-z0-9]{6}\.[a-z0-9]{16}", fullmatch=True),
    st.from_regex(r"eyJ[A-Za-z0-9_-]{10,20}\.[A-Za-z0-9_-]{10,20}", fullmatch=True),
    st.just(HOST),
    st.just(f"{HOST}.corp.example"),
)


def redactor() -> Redactor:
    """One that knows this node."""
    return Redactor(Hosts([f"{HOST}.corp.example"]))


@ROUNDS
@given(anything, before, after, around)
def test_it_is_taken_out_of_any_text(value: str, left: str, right: str, words: str) -> None:
    text = f"{words}{left}{value}{right}{words}"
    assert value not in redactor().text(text)


@ROUNDS
@given(anything, before, after)
def test_it_is_taken_out_of_json_within_json(value: str, left: str, right: str) -> None:
    text = json.dumps({"msg": json.dumps([f"{left}{value}{right}", value])})
    one = redactor()
    assert value not in one.text(text)
    assert value not in json.dumps(one.value(json.loads(text)))


@ROUNDS
@given(
    st.text(st.sampled_from(printed), min_size=6, max_size=40),
    st.sampled_from(
        ["--token={}", "--token {}", 'password="{}"', "  key-data: {}", '{{"secret":"{}"}}']
    ),
)
def test_values_of_what_is_called_a_secret(value: str, where: str) -> None:
    assume(any(letter.isdigit() for letter in value) and value[0] not in "-/<[{")
    assert value not in redactor().text(where.format(value)).split()


@ROUNDS
@given(ipv4.map(str), ipv6.map(str))
def test_the_same_has_the_same_name(first: str, second: str) -> None:
    one = redactor()
    assert one.text(f"{first} {second}") == one.text(f"{first} {second}") == "<ipv4-1> <ipv6-1>"


@ROUNDS
@given(st.integers(0, 23), st.integers(0, 59), st.lists(st.integers(0, 99), min_size=2, max_size=3))
def test_times_and_versions_stay(hour: int, minute: int, numbers: list[int]) -> None:
    version = ".".join(map(str, numbers))
    text = f"at {hour:02}:{minute:02}:07 kernel 6.{version}-{version}.el10_1 nft v{version}.1.0"
    assert redactor().text(text) == text


@ROUNDS
@given(st.text(max_size=200))
def test_what_was_redacted_stays_as_it_is(text: str) -> None:
    one = redactor()
    once = one.text(text)
    assert one.text(once) == once
