"""nodefix/facts/system.py: what kind of system this is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fakehost import BOOT_ID, KERNEL, RHEL10, Node

from nodefix.facts.system import (
    Scope,
    boot_id,
    has_ipv6,
    in_container,
    is_image,
    kernel_release,
    read_os_release,
    read_scope,
)

_DATA = Path(__file__).with_name("data") / "os-release"

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


@pytest.mark.parametrize("name", ["01", "02", "04"])
def test_files_of_real_nodes(node: Node, name: str) -> None:
    node.file("/etc/os-release", (_DATA / name).read_bytes())
    assert read_scope(node.root).inside


@pytest.mark.parametrize(
    "line",
    [
        "hardened by ops",
        "BUILD_NOTE=golden image 7",
        'SUPPORT="open',
        "MOTTO=it's ours",
        "\x7fELF\x02\x01",
        f"BUILD_ID={'9' * 5000}",
        f"VERSION={'9' * 5000}",
        "=rhel",
        "ID",
        "\0\0\0",
        "ID-OLD=debian",
        "# ID=debian",
        "   ",
    ],
)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_lines_that_do_not_matter_are_ignored(node: Node, line: str, place: int) -> None:
    lines = ["ID=rhel", "VERSION_ID=10.1", "PLATFORM_ID=platform:el10", "NAME=x"]
    lines.insert(place, line)
    node.file("/etc/os-release", "\n".join(lines))
    assert read_scope(node.root) == Scope(True, "found x, which is RHEL-family 10")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffID=rhel\nVERSION_ID=10\n",
        "ID=rhel\r\nVERSION_ID=10\r\n",
        "export ID=rhel\nexport VERSION_ID='10'\n",
        " ID = rhel \n\tVERSION_ID\t=\t10\n",
        'ID="rhel" # by us\nVERSION_ID="10.2" # from the image builder\n',
        "ID=rhel # by us\nVERSION_ID=10.2\t# x\n",
        "ID=debian\nVERSION_ID=12\nID=rhel\nVERSION_ID=10\n",
        "ID=RHEL\nVERSION_ID=10\n",
        'ID="rh\\el"\nVERSION_ID="10\n',
        "ID=rhel\0\nVERSION_ID=10\n\0\0\0\0",
        f"ID=rocky\nVERSION_ID={'9' * 5000}\nPLATFORM_ID=platform:el10\n",
        "ID=rocky\nVERSION_ID=10\nPLATFORM_ID=\n",
        "ID=rocky\nVERSION_ID=10\nPLATFORM_ID=unknown\n",
        "ID=rocky\nVERSION_ID=10\nPLATFORM_ID=platform:\n",
        "ID=own\nPLATFORM_ID=platform:EL10\n",
        "ID=own\nPLATFORM_ID=el10\n",
        "ID=own\nPLATFORM_ID='platform:el10' # x\n",
    ],
)
def test_lines_that_matter_are_read_as_a_shell_would(node: Node, text: str) -> None:
    node.file("/etc/os-release", text)
    scope = read_scope(node.root)
    assert scope.inside, scope.reason


@pytest.mark.parametrize(
    "text",
    [
        f"ID=rhel\nVERSION_ID={'1' * 5000}\n",
        f"ID=rhel\nPLATFORM_ID=platform:el{'1' * 5000}\n",
        "ID=rhel\nVERSION_ID=ten\n",
        "ID=rhel\nVERSION_ID=\u0661\u0660\n",
    ],
)
def test_a_version_that_is_none_is_outside(node: Node, text: str) -> None:
    node.file("/etc/os-release", text)
    assert "not of the RHEL family" in read_scope(node.root).reason


def test_a_name_is_shortened_and_harmless(node: Node) -> None:
    node.file("/etc/os-release", f"ID=debian\nPRETTY_NAME=\x1b[2J{'x' * 5000}\n")
    reason = read_scope(node.root).reason
    assert "\x1b" not in reason
    assert len(reason) < 200


def test_not_utf8_is_read(node: Node) -> None:
    node.file("/etc/os-release", b'NAME="Caf\xe9"\nID=rhel\nVERSION_ID=10\n')
    assert read_scope(node.root).inside


def _directory(node: Node) -> None:
    (node.root / "etc/os-release").mkdir(parents=True)


def _pipe(node: Node) -> None:
    (node.root / "etc").mkdir(exist_ok=True)
    os.mkfifo(node.root / "etc/os-release")


def _huge(node: Node) -> None:
    node.file("/etc/os-release", b"ID=rhel\n" + b"#" * (2 << 20))


@pytest.mark.parametrize("damage", [_directory, _pipe, _huge])
def test_unreadable_is_outside_and_says_so(node: Node, damage: Callable[[Node], None]) -> None:
    damage(node)
    scope = read_scope(node.root)
    assert not scope.inside
    assert f"{node.root}/etc/os-release: cannot be read (found " in scope.reason
    assert "the system is not known" in scope.reason
    node.file("/usr/lib/os-release", RHEL10)
    assert read_scope(node.root).inside


@pytest.mark.parametrize("content", ["", "garbage\n", "\0" * 400])
def test_vendors_file_where_etcs_tells_nothing(node: Node, content: str) -> None:
    node.file("/etc/os-release", content)
    assert "not of the RHEL family" in read_scope(node.root).reason
    node.file("/usr/lib/os-release", RHEL10)
    assert read_scope(node.root).inside


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


def test_ostree(node: Node) -> None:
    assert not is_image(node.root)
    node.file("/run/ostree-booted")
    assert is_image(node.root)
