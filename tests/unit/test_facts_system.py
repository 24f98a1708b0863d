"""nodefix/facts/system.py: what kind of system this is."""

from __future__ import annotations

import os

import pytest
from fakehost import BOOT_ID, KERNEL, RHEL10, Node

from nodefix.facts.system import (
    boot_id,
    has_ipv6,
    in_container,
    kernel_release,
    read_os_release,
    read_scope,
)

INSIDE = {
    "RHEL 10": RHEL10,
    "AlmaLinux 10": 'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.0"\n'
    'PLATFORM_ID="platform:el10"\n',
    "AlmaLinux Kitten 10": 'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10"\n'
    'PLATFORM_ID="platform:el10"\n',
    "Rocky 10": 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.1"\n'
    'PLATFORM_ID="platform:el10"\n',
    "CentOS Stream 10": 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="10"\n'
    'PLATFORM_ID="platform:el10"\n',
    "Oracle 10": 'ID="ol"\nID_LIKE="fedora"\nVERSION_ID="10.0"\nPLATFORM_ID="platform:el10"\n',
    "Oracle 10 without a platform": "ID=ol\nID_LIKE=fedora\nVERSION_ID=10.0\n",
    "RHEL 11": 'ID="rhel"\nVERSION_ID="11.2"\nPLATFORM_ID="platform:el11"\n',
    "a rebuild by its likes": 'ID=newrebuild\nID_LIKE="rhel fedora"\nVERSION_ID="10.4"\n',
    "single quotes, blanks, CRLF, comments": "# a comment\r\n\r\n ID='rhel'\r\nVERSION_ID='10'\r\n",
}
OUTSIDE = {
    "RHEL 9": ('ID="rhel"\nVERSION_ID="9.6"\nPLATFORM_ID="platform:el9"\n', "RHEL-family 9;"),
    "RHEL 9 without a platform": ('ID="rhel"\nVERSION_ID="9.6"\n', "RHEL-family 9;"),
    "RHEL 8": ('ID="rhel"\nVERSION_ID="8.10"\nPLATFORM_ID="platform:el8"\n', "RHEL-family 8;"),
    "Fedora 42": ("ID=fedora\nVERSION_ID=42\nPLATFORM_ID=platform:f42\n", "not of the RHEL"),
    "Fedora's relative without a platform": (
        "ID=nobara\nID_LIKE=fedora\nVERSION_ID=42\n",
        "not of the RHEL family",
    ),
    "Amazon Linux 2023": (
        'ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2023"\n'
        'PLATFORM_ID="platform:al2023"\n',
        "not of the RHEL family",
    ),
    "Amazon Linux 2023 without a platform": (
        'ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2023"\n',
        "not of the RHEL family",
    ),
    "Debian 12": ('ID=debian\nVERSION_ID="12"\n', "not of the RHEL family"),
    "Ubuntu 24.04": ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', "not of the RHEL family"),
    "Anolis 23": (
        'ID="anolis"\nID_LIKE="rhel fedora centos"\nVERSION_ID="23"\nPLATFORM_ID="platform:an23"\n',
        "not of the RHEL family",
    ),
    "no version": ("ID=rhel\n", ""),
    "empty": ("", "found no name"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_inside(node: Node, name: str) -> None:
    node.file("/etc/os-release", INSIDE[name])
    scope = read_scope(node.root)
    assert scope.inside, scope.reason


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_with_the_reason(node: Node, name: str) -> None:
    content, reason = OUTSIDE[name]
    node.file("/etc/os-release", content)
    scope = read_scope(node.root)
    assert not scope.inside
    assert reason in scope.reason
    assert scope.reason.endswith("expected RHEL-family 10 or later")


def test_reason_names_the_system(node: Node) -> None:
    node.file("/etc/os-release", RHEL10)
    assert read_scope(node.root).reason == (
        "found Red Hat Enterprise Linux 10.0 (Coughlan), which is RHEL-family 10"
    )


def test_missing(node: Node) -> None:
    scope = read_scope(node.root)
    assert not scope.inside
    assert scope.reason == f"{node.root}/etc/os-release: found no such file"


@pytest.mark.parametrize("line", ["just words", 'NAME="open', "NAME=two words", "\x7fELF\x02\x01"])
def test_malformed_is_outside_and_names_the_line(node: Node, line: str) -> None:
    node.file("/etc/os-release", f"ID=rhel\n{line}\nVERSION_ID=10\n")
    scope = read_scope(node.root)
    assert not scope.inside
    assert f"{node.root}/etc/os-release: line 2: found" in scope.reason


def test_not_utf8_is_read(node: Node) -> None:
    node.file("/etc/os-release", b'NAME="Caf\xe9"\nID=rhel\nVERSION_ID=10\n')
    assert read_scope(node.root).inside


def test_unreadable(node: Node) -> None:
    (node.root / "etc/os-release").mkdir(parents=True)
    scope = read_scope(node.root)
    assert not scope.inside
    assert "cannot be read: Is a directory" in scope.reason


def test_vendors_file_where_etc_has_none(node: Node) -> None:
    node.file("/usr/lib/os-release", RHEL10)
    assert read_scope(node.root).inside
    node.file("/etc/os-release", "ID=debian\n")
    assert not read_scope(node.root).inside


def test_values(node: Node) -> None:
    node.file("/etc/os-release", 'A=1\nB="two words"\nC=\nD=""\nE=a=b\n#F=1\n')
    assert read_os_release(node.root) == {
        "A": "1",
        "B": "two words",
        "C": "",
        "D": "",
        "E": "a=b",
    }


def test_kernel_facts(node: Node) -> None:
    assert boot_id(node.root) == BOOT_ID
    assert kernel_release(node.root) == KERNEL
    assert has_ipv6(node.root)
    assert not in_container(node.root)


def test_kernel_facts_where_proc_is_not_there(node: Node) -> None:
    empty = node.root / "nothing"
    assert boot_id(empty) == ""
    assert kernel_release(empty) == os.uname().release
    assert not has_ipv6(empty)


def test_container(node: Node) -> None:
    node.file("/run/systemd/container", "podman\n")
    assert in_container(node.root)
