"""nodefix/facts/words.py: the line of a tool's words that counts, and what helps against it."""

from __future__ import annotations

import pytest
from fakehost import result

from nodefix.facts.words import remedy, telling


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Warning: Extension comment revision 0 not supported, missing kernel module?\n"
            "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (No such file or directory)",
            "Warning: Extension comment revision 0 not supported, missing kernel module?",
        ),
        ("# Warning: table ip nat is managed by iptables-nft, do not touch!\nError: x", "Error: x"),
        ("Ignoring deprecated --wait-interval option.\nfailed", "failed"),
        (
            "\n\n  Error: cmp sreg undef  \nPerhaps iptables needs to be upgraded.\n",
            "Error: cmp sreg",
        ),
        (
            "Error occurred at line: 7\nTry `iptables-nft-restore -h'",
            "exit status 4 without a word",
        ),
        ("", "exit status 4 without a word"),
    ],
)
def test_the_line_that_counts(said: str, told: str) -> None:
    assert telling(result(4, stderr=said)).startswith(told)


def test_standard_output_where_there_is_no_other() -> None:
    assert telling(result(1, stdout="on stdout\n")) == "on stdout"


def test_escape_sequences_and_length_are_harmless() -> None:
    said = telling(result(1, stderr="\x1b[2J\x07red\x9b31m" + "x" * 100_000))
    assert said.startswith("?[2J?red?31mxxx")
    assert len(said) < 300


def test_bytes_that_are_no_text() -> None:
    assert telling(result(1)._replace(stderr=b"caf\xe9 failed")) == "caf\ufffd failed"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Extension conntrack revision 0 not supported, missing kernel module?", "run --stage mod"),
        ("RULE_INSERT failed (No such file or directory): rule in chain INPUT", "run --stage mod"),
        ("Could not fetch rule set generation id: Invalid argument", "run --stage modules"),
        ("Couldn't load match `addrtype':No such file or directory", "dnf reinstall iptables-libs"),
        ("error while loading shared libraries: libnftnl.so.11: cannot open", "libnftnl"),
        ("line 2 failed: Operation not permitted.", "journalctl -k"),
    ],
)
def test_what_helps(said: str, line: str) -> None:
    assert line in remedy(said)
