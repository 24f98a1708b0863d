"""nodefix/collect/names.py: by what names this node is known."""

from __future__ import annotations

import os

import pytest
from fakehost import Node, result

from nodefix.collect.names import Names, names_of, read_names
from nodefix.collect.part import Got
from nodefix.errors import DeadlineError
from nodefix.words import SWITCH

_HOSTNAME = ("/usr/bin/hostname", "-f")


@pytest.fixture(autouse=True)
def _nobody(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("nodefix.collect.names.who", lambda root: "ada")
    node.programs.table[_HOSTNAME] = result(1, "", "Name or service not known")


def names(node: Node) -> tuple[Names, str]:
    """What is found, without what the stand-ins do not know; and what is missing."""
    got = read_names(node.host)
    return names_of(got), got.missing


def test_each_file_that_names_it(node: Node) -> None:
    node.file("/proc/sys/kernel/hostname", "kernel-name\n")
    node.file("/etc/hostname", "# no name\nstatic-name\n")
    node.file("/etc/hosts", "10.0.0.1 full.example.org short # not this\n\n# 10.0.0.2 nor-this\n")
    node.file("/etc/resolv.conf", "nameserver 10.0.0.9\nsearch example.org b.test\ndomain c.test\n")
    node.file("/etc/machine-info", 'PRETTY_HOSTNAME="Ada\'s"\nICON_NAME=computer\n')
    node.file("/proc/sys/kernel/domainname", "(none)\n")
    node.programs.table[_HOSTNAME] = result(0, "by.resolver.test\n")
    found, _ = names(node)
    assert {*found.hosts} >= {
        *("kernel-name", "static-name", "full.example.org", "short", "Ada's", "by.resolver.test")
    }
    assert not {"not", "this", "nor-this", "no", "computer", "10.0.0.1"} & {*found.hosts}
    assert found.domains == ("example.org", "b.test", "c.test")
    assert found.users[0] == "ada"


def test_who_switched_it_off_and_who_became_root(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.file(SWITCH, '{"reason": "x", "by": "bob", "time": "2026-01-02T03:04:05Z"}')
    monkeypatch.setenv("SUDO_USER", "eve")
    found, _ = names(node)
    assert "eve" in found.users


def test_what_cannot_be_read_is_missing_and_the_rest_is_not(node: Node) -> None:
    node.file("/etc/hostname", "static-name\n")
    (node.root / "etc/hosts").mkdir()
    node.programs.table[_HOSTNAME] = DeadlineError("no answer")
    found, missing = names(node)
    assert "static-name" in found.hosts
    assert "/etc/hosts: " in missing


def test_the_names_of_this_machine_are_not_a_made_up_nodes(node: Node) -> None:
    assert os.uname().nodename not in names(node)[0].hosts


@pytest.mark.parametrize("content", [None, "text", ["x"], {"hosts": "x"}])
def test_content_of_another_form_has_no_names(content: object) -> None:
    assert names_of(Got(content)) == Names((), (), ())  # type: ignore[arg-type]
