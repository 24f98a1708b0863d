"""nodefix/facts/standing.py: what stands at a path, exactly."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from fakehost import Node

from nodefix.facts.standing import Standing, backup_name, read_standing

PATH = "/etc/alternatives/iptables"


def test_nothing(node: Node) -> None:
    assert read_standing(node.host, PATH) == Standing("absent")
    node.file("/etc/alternatives")
    assert read_standing(node.host, PATH) == Standing("absent")


@pytest.mark.parametrize("target", ["..//sbin/./x/", "/usr/sbin/iptables-nft", "caf\udce9"])
def test_a_link_is_read_as_it_is_and_not_followed(node: Node, target: str) -> None:
    node.link(PATH, target)
    assert read_standing(node.host, PATH) == Standing(
        "link", 0, os.geteuid(), os.getegid(), target=target
    )


def test_a_file(node: Node) -> None:
    place = node.file(PATH, "12345", 0o4750)
    os.utime(place, ns=(7, 1234567890123456789))
    found = read_standing(node.host, PATH)
    assert found._replace(attributes={}) == Standing(
        "file", 0o4750, os.geteuid(), os.getegid(), 5, 1234567890123456789
    )


def test_attributes_of_a_file(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.file(PATH)
    monkeypatch.setattr(os, "listxattr", lambda place, follow_symlinks: ["security.selinux"])
    monkeypatch.setattr(os, "getxattr", lambda place, name, follow_symlinks: b"system_u\0")
    assert read_standing(node.host, PATH).attributes == {"security.selinux": b"system_u\0"}


def test_a_file_system_without_attributes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.file(PATH)
    refuse(monkeypatch, errno.ENOTSUP)
    assert read_standing(node.host, PATH).attributes == {}


def test_what_cannot_be_read_is_unknown(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.file(PATH)
    refuse(monkeypatch, errno.EIO)
    assert read_standing(node.host, PATH) == Standing("unknown", why="Input/output error")


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no attribute be read."""

    def listxattr(place: Path, follow_symlinks: bool) -> list[str]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "listxattr", listxattr)


@pytest.mark.parametrize(
    ("there", "number"),
    [
        ([], 1),
        (["iptables.~1~", "iptables.~12~"], 13),
        (["iptables.~x~", "iptables.~~", "ip6tables.~5~", "iptables.~3~.old", "iptables.~²~"], 1),
    ],
)
def test_the_number_that_mv_takes(node: Node, there: list[str], number: int) -> None:
    node.file(PATH)
    for name in there:
        node.file(f"/etc/alternatives/{name}")
    assert backup_name(node.host, PATH) == f"{PATH}.~{number}~"


@pytest.mark.real_commands
def test_mv_itself_takes_that_number(node: Node) -> None:
    node.file(PATH, "kept")
    node.file(f"{PATH}.~9~")
    node.file("/etc/alternatives/other")
    expected = backup_name(node.host, PATH)
    where = node.host.path("/etc/alternatives")
    os.system(f"cd '{where}' && mv --backup=numbered --no-target-directory other iptables")
    assert node.host.path(expected).read_text() == "kept"
