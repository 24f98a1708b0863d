"""nodefix/facts/alternatives_state.py: a state file is read as the program reads it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from el_alternatives import ADMIN, FOLLOWERS, NFT, ElAlternatives
from el_states import OTHER, STATES
from fakehost import Node

from nodefix.facts.alternatives_state import Candidate, Entry, read_entry

STATE = f"{ADMIN}/iptables"
_HEAD = "auto\n/usr/sbin/iptables\nip6tables\n/usr/sbin/ip6tables\n\n"


def entry(node: Node, content: str | bytes) -> Entry:
    """The registration that is read from a state file."""
    node.file(STATE, content)
    return read_entry(node.host, STATE)


def priority(node: Node, line: str) -> int:
    """What a priority's line is taken for."""
    return entry(node, f"{_HEAD}{NFT}\n{line}\n").candidates[NFT].priority


@pytest.mark.parametrize("number", STATES)
def test_reads_what_the_program_reads_and_refuses_what_it_refuses(node: Node, number: int) -> None:
    """The transcript's own files, held against the program's --display."""
    el = ElAlternatives(node)
    STATES[number](el)
    # Whether the links are there is another question.
    el.run("--install", "/usr/sbin/iptables-x", "unrelated", NFT, "10")
    found = read_entry(node.host, STATE)
    shown = el.run("--display", "iptables")
    expected = {0: {"registered"}, 2: {"refused", "absent", "unknown"}, -11: {"refused"}}
    if not shown.stderr.startswith((b"failed to read link", b"altdir")):
        assert found.state in expected[shown.status]
    if shown.status == 0:
        assert [*found.candidates] == [
            line.split(" - priority ")[0]
            for line in shown.text.splitlines()
            if " - priority " in line
        ]


def test_all_of_a_registration(node: Node) -> None:
    STATES[7](ElAlternatives(node))
    found = read_entry(node.host, STATE)
    assert (found.state, found.file, found.automatic) == ("registered", STATE, False)
    assert found.link == "/usr/sbin/iptables"
    assert found.links == {name: f"/usr/sbin/{name}" for name in FOLLOWERS}
    assert found.candidates == {NFT: Candidate(10, FOLLOWERS), OTHER: Candidate(5, {})}


def test_missing_entry(node: Node) -> None:
    assert read_entry(node.host, STATE) == Entry("absent", STATE)
    node.link(STATE, "nowhere")
    assert read_entry(node.host, STATE) == Entry("absent", STATE)


def test_followers_may_be_missing_at_the_end(node: Node) -> None:
    assert entry(node, f"{_HEAD}{NFT}\n10").candidates == {NFT: Candidate(10, {})}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("10", 10),
        (" 0x10", 16),
        ("010", 8),
        ("08", 0),
        ("0x", 0),
        ("-5", -5),
        ("+5 service", 5),
        ("10service", 10),
        ("@nft@10 iptables", 10),
        ("@nft@ 10", 10),
    ],
)
def test_priorities_as_the_program_takes_them(node: Node, line: str, expected: int) -> None:
    assert priority(node, line) == expected


@pytest.mark.parametrize("line", ["", "high", "@nft@", "@nft10", "@@10", "@nft@high", "-", "+x"])
def test_priorities_that_the_program_refuses(node: Node, line: str) -> None:
    assert entry(node, f"{_HEAD}{NFT}\n{line}\n").state == "refused"


def test_priority_of_five_thousand_digits(node: Node) -> None:
    assert entry(node, f"{_HEAD}{NFT}\n{'9' * 5000}\n").state == "registered"


def test_white_space_before_a_line_and_what_follows_a_zero_byte_do_not_count(node: Node) -> None:
    found = entry(node, f" auto\n\t/usr/sbin/iptables\n \n  {NFT}\n 10\n\0rest\n")
    assert found.candidates == {NFT: Candidate(10, {})}


def test_first_of_two_with_the_same_path_counts(node: Node) -> None:
    once = f"{_HEAD}{NFT}\n10\n/a\n"
    twice = entry(node, f"{once}{NFT}\n20\n/b\n")
    assert twice.candidates == entry(node, once).candidates


def test_bytes_that_are_no_text_come_out_as_they_were(node: Node) -> None:
    found = entry(node, _HEAD.encode() + NFT.encode() + b"\n10\n/usr/\xff\n")
    assert os.fsencode(found.candidates[NFT].followers["ip6tables"]) == b"/usr/\xff"


@pytest.mark.parametrize(
    "content", ["\n", "automatic\n/usr/sbin/iptables\n\n", "auto\n", "auto\n\n", b"\xff\xfe\0\0"]
)
def test_refused_without_a_transcript(node: Node, content: str | bytes) -> None:
    found = entry(node, content)
    assert (found.state, found.candidates) == ("refused", {})


def test_long_line_is_cut_in_the_message(node: Node) -> None:
    assert len(entry(node, "x" * 100_000).why) < 200


def test_debian_writes_the_same_format(node: Node) -> None:
    found = entry(
        node,
        "auto\n/usr/sbin/iptables\niptables-restore\n/usr/sbin/iptables-restore\n"
        "iptables-save\n/usr/sbin/iptables-save\n\n"
        "/usr/sbin/iptables-legacy\n10\n/usr/sbin/iptables-legacy-restore\n\n"
        f"{NFT}\n20\n/usr/sbin/iptables-nft-restore\n/usr/sbin/iptables-nft-save\n\n",
    )
    assert found.candidates == {
        "/usr/sbin/iptables-legacy": Candidate(
            10, {"iptables-restore": "/usr/sbin/iptables-legacy-restore"}
        ),
        NFT: Candidate(
            20,
            {
                "iptables-restore": "/usr/sbin/iptables-nft-restore",
                "iptables-save": "/usr/sbin/iptables-nft-save",
            },
        ),
    }


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkdir, "found a directory, expected a regular file"),
        (os.mkfifo, "found a named pipe, expected a regular file"),
    ],
)
def test_what_cannot_be_read_is_not_absent(node: Node, make: Any, why: str) -> None:
    node.host.path(ADMIN).mkdir(parents=True)
    make(node.host.path(STATE))
    assert read_entry(node.host, STATE) == Entry("unknown", STATE, why)


def test_too_much_is_not_read(node: Node) -> None:
    found = entry(node, b"auto\n" + bytes(1 << 18))
    assert (found.state, found.why) == ("unknown", "found more than 262144 bytes, expected less")


def test_folder_that_is_a_file(node: Node) -> None:
    node.file(ADMIN)
    assert read_entry(node.host, STATE) == Entry("unknown", STATE, "Not a directory")
