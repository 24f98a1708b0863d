"""nodefix/facts/alternatives_links.py: where links end, and what a folder lets in."""

from __future__ import annotations

import errno
import os

import pytest
from altstage import file_systems
from fakehost import Node

from nodefix.facts.alternatives_links import Folder, Link, read_folder, read_link


def test_links_of_every_kind(node: Node) -> None:
    node.file("/usr/sbin/multi")
    node.link("/etc/alternatives/good", "/usr/sbin/multi")
    node.link("/usr/sbin/good", "/etc/alternatives/good")
    node.link("/usr/sbin/relative", "../sbin/multi")
    node.link("/usr/sbin/nowhere", "nothing")
    node.link("/usr/sbin/itself", "itself")
    node.link("/usr/sbin/folder", "/etc/alternatives")
    os.mkfifo(node.root / "usr/sbin/pipe")

    def read(name: str) -> Link:
        return read_link(node.host, f"/usr/sbin/{name}")

    assert read("good")[1:4] == ("link", "/usr/sbin/multi", "/etc/alternatives/good")
    assert read("relative")[1:4] == ("link", "/usr/sbin/multi", "../sbin/multi")
    assert read("multi")[1:3] == ("file", "/usr/sbin/multi")
    for name in ("nowhere", "itself", "folder"):
        assert read(name)[1:3] == ("link", "")
    assert read("pipe")[1:3] == ("named pipe", "")
    assert read("missing") == Link("/usr/sbin/missing", "absent")
    assert read("multi/below") == Link("/usr/sbin/multi/below", "absent")
    assert read_link(node.host, "/etc/alternatives") == Link("/etc/alternatives", "directory")


def test_link_that_cannot_be_read(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.link("/usr/sbin/iptables", "nothing")

    def broken(path: object) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "readlink", broken)
    found = read_link(node.host, "/usr/sbin/iptables")
    assert found == Link("/usr/sbin/iptables", "unknown", why="Input/output error")


def test_folders_of_every_kind(node: Node) -> None:
    node.file("/var/lib/alternatives")
    node.link("/etc/alternatives", "nowhere")
    node.host.path("/usr/sbin").mkdir(parents=True)

    def kind(path: str) -> str:
        return read_folder(node.host, path).kind

    assert kind("/usr/sbin") == "directory"
    assert kind("/var/lib/alternatives") == "file"
    assert kind("/etc/alternatives") == "symbolic link"
    assert kind("/var/lib/missing") == "absent"


def test_folder_that_cannot_be_read(node: Node) -> None:
    node.link("/etc", "etc")
    words = "Too many levels of symbolic links"
    assert read_folder(node.host, "/etc/alternatives") == Folder(
        "/etc/alternatives", "unknown", why=words
    )


def test_folder_whose_parent_is_missing_too(node: Node) -> None:
    assert read_folder(node.host, "/nowhere/here") == Folder("/nowhere/here", "absent")


def test_file_system_of_a_folder(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("usr", "etc", "var", "srv"):
        node.host.path(folder).mkdir()
    file_systems(monkeypatch, node, read_only=("/usr",), full=("/var",), no_inodes=("/srv",))
    assert read_folder(node.host, "/etc") == Folder("/etc", "directory")
    assert read_folder(node.host, "/usr") == Folder("/usr", "directory", read_only=True)
    assert read_folder(node.host, "/var") == Folder("/var", "directory", full=True)
    assert read_folder(node.host, "/srv") == Folder("/srv", "directory", full=True)
    # It would be made there.
    assert read_folder(node.host, "/var/alternatives").full
