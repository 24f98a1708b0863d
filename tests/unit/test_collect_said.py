"""nodefix/collect/said.py: what other programs said, whole or with the reason why not."""

from __future__ import annotations

import json

import pytest
from fakehost import RHEL10, Node, result

from nodefix.collect.part import Got
from nodefix.collect.said import nodefix, versions
from nodefix.errors import CommandError, DeadlineError
from nodefix.host.programs import Result

ARGV = ("/usr/bin/timeout", "-s", "INT", "-k", "2", "7", "/usr/bin/nodefix", "status")


@pytest.mark.parametrize(
    ("done", "got"),
    [
        (result(3, '{"a": [1, null]}'), Got({"a": [1, None]}, "exit status 3")),
        (result(1, "{}", "odd\n"), Got({}, "exit status 1; it says: odd")),
        # What is no JSON, or too deep for it, goes as it is.
        (result(0, "text"), Got("text", "exit status 0")),
        (result(0, "[" * 100_000), Got("[" * 100_000, "exit status 0")),
        (result(124, '{"a": 1}'), Got(missing="did not end within 7 s")),
        (result(1, " \n", "no"), Got(missing="exit status 1; it says: no")),
        # Of a usage that it does not know, and of one that must be root.
        (result(64, "{}"), Got(missing="exit status 64")),
        (result(77, "{}"), Got(missing="exit status 77")),
        (
            result(0, json.dumps("x" * (1 << 20))),
            Got(missing=f"printed {(1 << 20) + 2} bytes, expected {1 << 20} at the most"),
        ),
    ],
)
def test_what_nodefix_says_of_itself(node: Node, done: Result, got: Got) -> None:
    node.programs.table[ARGV] = done
    assert nodefix("status", seconds=7)(node.host) == got


def test_a_text_stays_one(node: Node) -> None:
    node.programs.table[ARGV] = result(0, "{}")
    assert nodefix("status", seconds=7, data=False)(node.host).content == "{}"


def test_a_tool_that_is_not_there_is_an_answer_and_one_that_hangs_is_none(node: Node) -> None:
    node.file("/etc/os-release", RHEL10)
    table = node.programs.table
    table[("/usr/sbin/iptables",)] = CommandError("found no such program")
    table[("/usr/sbin/nft",)] = DeadlineError("nft did not end")
    table[("/usr/bin/systemctl",)] = result(0, "systemd 257\n\n+PAM\n")
    table[("/usr/sbin/modprobe",)] = table[("/usr/bin/rpm",)] = result(1, "x")
    got = versions(node.host)
    assert isinstance(got.content, dict)
    assert got.content["/usr/sbin/iptables"] == "found no such program"
    assert got.content["/usr/bin/systemctl"] == ["systemd 257", "+PAM"]
    assert got.missing == "nft did not end"
    release = got.content["os-release"]
    assert isinstance(release, dict)
    # What tells systems apart, and nothing that an admin has added.
    assert "ANSI_COLOR" not in release
    assert release["VERSION_ID"] == "10.0"
