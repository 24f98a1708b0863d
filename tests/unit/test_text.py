"""nodefix/words.py: harmless, short, and to the point."""

from __future__ import annotations

import time

import pytest

from nodefix.text import harmless, one_line, shortened, telling, told, uptime

EXTENSION = "Warning: Extension statistic revision 0 not supported, missing kernel module?"
FAILED = "iptables v1.8.11 (nf_tables):  RULE_APPEND failed (No such file or directory)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc ü 日", "a\tb\nc ü 日"),
        ("\033[31mred\033]0;title\a", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\rb\x00c\x7f", "a\\rb\\x00c\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\u202egnp.exe\u2066\u200f\u061c", "\\u202egnp.exe\\u2066\\u200f\\u061c"),
        ("a\u2028b\u2029\ufeff", "a\\u2028b\\u2029\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("/swap\udcff", "/swap\\xff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_could_do_something_to_a_terminal_is_shown_as_escapes(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_shortened_keeps_both_ends_and_says_what_is_missing() -> None:
    assert shortened("x" * 400) == "x" * 400
    cut = shortened("begin" + "x" * 2000 + "end")
    assert len(cut) <= 400
    assert cut.startswith("begin")
    assert cut.endswith("end")
    assert "[1608 characters left out]" in cut


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b"", ""),
        (b" \n\n", ""),
        (b"  one\n\n two \n", "one; two"),
        (b"same\nother\nsame\nsame\n", "same; other"),
        (f"{EXTENSION}\n{EXTENSION}\n{FAILED}\n".encode(), f"{EXTENSION}; {FAILED}"),
        (
            b"swapoff: unrecognized option '--foo'\nTry 'swapoff --help' for more information.\n",
            "swapoff: unrecognized option '--foo'",
        ),
        (
            b"iptables v1.8.11: Unknown arg `-Q'\n"
            b"Try `iptables -h' or 'iptables --help' for more information.\n",
            "iptables v1.8.11: Unknown arg `-Q'",
        ),
        (b"modprobe: no such option\nUsage:\n\tmodprobe [options]\n\t-a, --all\n", None),
        (b"Usage: x [y]\n  -a  all\n", "Usage: x [y]; -a  all"),
        (b"Error: No such file\nadd rule ip x y\n         ^^^ ~~\n", None),
        (b"caf\xe9 \033[2J", "caf\ufffd \\x1b[2J"),
    ],
)
def test_told_is_the_line_that_tells(output: bytes, line: str | None) -> None:
    expected = {
        b"m": "modprobe: no such option",
        b"E": "Error: No such file; add rule ip x y",
    }
    assert told(output) == (expected[output[:1]] if line is None else line)


def test_told_is_bounded_whatever_is_printed() -> None:
    assert len(told(b"x" * 50_000_000)) <= 400
    assert len(told(b"\033" * 5000)) <= 400
    many = b"".join(b"line %d\n" % number for number in range(100_000))
    assert told(many).startswith("line 0; [")
    assert told(many).endswith(" lines left out]; line 99999")


def test_reason_behind_many_warnings_is_told() -> None:
    warnings = [f"Warning: Extension no{number} revision 0 not supported" for number in range(900)]
    line = told("\n".join([*warnings, FAILED]).encode())
    assert line == f"{warnings[0]}; [899 lines left out]; {FAILED}"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("modprobe: FATAL: x\n", "modprobe: FATAL: x"),
        (f"{EXTENSION}\n{FAILED}", EXTENSION),
        ("Error occurred at line: 2\niptables v1 (nf_tables): y", "iptables v1 (nf_tables): y"),
        ("iptables v1 (nf_tables):\nline 2: z\nw", "iptables v1 (nf_tables): line 2: z"),
        ("Try `iptables -h' or 'iptables --help' for more information.\nreal", "real"),
        ("Error: syntax error\nadd rule x\n^^^^", "Error: syntax error"),
        ("# Warning: table ip nat is managed by iptables-nft, do not touch!\nError: x", "Error: x"),
        ("Ignoring deprecated --wait-interval option.\nfailed", "failed"),
        (
            "\n\n  Error: cmp sreg undef  \nPerhaps iptables needs to be upgraded.",
            "Error: cmp sreg undef",
        ),
        ("Error occurred at line: 7\nTry `iptables-nft-restore -h'", ""),
        ("", ""),
        ("\x1b[2J\x07red\x9b31m", "\\x1b[2J\\x07red\\x9b31m"),
    ],
)
def test_the_line_that_tells(said: str, line: str) -> None:
    assert telling(said.encode()) == line


def test_the_line_that_tells_is_short_and_text() -> None:
    assert len(telling(b"y" * 100_000)) <= 240
    assert telling(b"caf\xe9 failed") == "caf\ufffd failed"


def test_one_line() -> None:
    assert one_line("a\n  b\t c\n\x1b") == "a b c \\x1b"
    assert len(one_line("a\n" * 100_000)) <= 400


def test_a_suspended_machine_is_up_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_MONOTONIC: 60.0, time.CLOCK_BOOTTIME: 3600.0}
    monkeypatch.setattr("time.clock_gettime", clocks.__getitem__)
    monkeypatch.setattr("time.monotonic", lambda: clocks[time.CLOCK_MONOTONIC])
    assert uptime() == 3600.0
