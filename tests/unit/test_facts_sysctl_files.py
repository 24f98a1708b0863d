"""nodefix/facts/sysctl_files.py: the line of sysctl.d that counts."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.facts.sysctl_files import assigned

NAME = "net.ipv4.ip_forward"


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({}, ""),
        ({"/etc/sysctl.d/a.conf": f"# {NAME}=0\n;{NAME}=0\n{NAME}_x = 1\nx.{NAME}=1"}, ""),
        ({"/etc/sysctl.d/a.txt": f"{NAME}=0"}, ""),
        ({"/usr/lib/sysctl.d/50.conf": f"\n -{NAME} = 0 "}, "/usr/lib/sysctl.d/50.conf line 2"),
        ({"/etc/sysctl.d/a.conf": "net/ipv4/ip_forward=0"}, "/etc/sysctl.d/a.conf line 1"),
        # By name, whatever the folder; then the file that sysctl reads last.
        (
            {"/usr/lib/sysctl.d/10.conf": f"{NAME}=1", "/etc/sysctl.d/9.conf": f"{NAME}=0"},
            "/etc/sysctl.d/9.conf line 1",
        ),
        (
            {"/etc/sysctl.d/z.conf": f"{NAME}=1", "/etc/sysctl.conf": f"{NAME}=0"},
            "/etc/sysctl.conf line 1",
        ),
        # A file of the same name in /etc masks it.
        ({"/usr/lib/sysctl.d/x.conf": f"{NAME}=0", "/etc/sysctl.d/x.conf": ""}, ""),
        ({"/etc/sysctl.d/a.conf": f"{NAME}=1\n{NAME}=0"}, "/etc/sysctl.d/a.conf line 2"),
        # A pattern holds for what no line names: sysctl.d(5).
        ({"/etc/sysctl.d/a.conf": "net.ipv6.*=0\nnet.ip*.ip_for? = 0\n"}, ""),
        (
            {"/etc/sysctl.d/a.conf": "net.*.ip_forward=1\nnet/ipv4/ip_f*=0\n-net.ipv4.x"},
            "/etc/sysctl.d/a.conf line 2",
        ),
        ({"/etc/sysctl.d/a.conf": f"{NAME}=0\nnet.ipv4.*=1"}, "/etc/sysctl.d/a.conf line 1"),
        ({"/etc/sysctl.d/a.conf": f"net.ipv4.*=0\n-{NAME}\n"}, ""),
        ({"/etc/sysctl.d/a.conf": f"{NAME}=0\n-{NAME}\n"}, ""),
        ({"/etc/sysctl.d/a.conf": f"-{NAME}\n{NAME}=0\n"}, "/etc/sysctl.d/a.conf line 2"),
        ({"/etc/sysctl.d/a.conf": "net.*=0\nnet.ipv4.conf.*=0\n*=0\nip_forward=0\n"}, ""),
    ],
)
def test_the_line_that_counts(node: Node, files: dict[str, str], where: str) -> None:
    for file, content in files.items():
        node.file(file, content)
    found = assigned(node.host, NAME)
    assert (f"{found.file} line {found.number}" if found else "") == where
    assert not found or found.value == "0"


@pytest.mark.parametrize(
    ("file", "is_admins"), [("/etc/sysctl.d/a.conf", True), ("/usr/lib/sysctl.d/a.conf", False)]
)
def test_whose_it_is(node: Node, file: str, is_admins: bool) -> None:
    node.file(file, f"{NAME} = 0\n")
    found = assigned(node.host, NAME)
    assert found
    assert found.is_admins is is_admins
    assert found.where == f"{file} line 1 (`{NAME} = 0`)"


def test_a_file_that_cannot_be_read_says_nothing(node: Node) -> None:
    node.host.path("/etc/sysctl.d/a.conf").mkdir(parents=True)
    node.file("/usr/lib/sysctl.d/b.conf", b"\xff\n" + f"{NAME}=0".encode())
    found = assigned(node.host, NAME)
    assert found
    assert found.number == 2
