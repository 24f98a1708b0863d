"""nodefix/facts/alternatives.py: where the links end, and what is registered."""

from __future__ import annotations

import pytest
from el_alternatives import ADMIN, LINKS, NFT, ElAlternatives
from el_states import STATE, STATES
from fakehost import Node, result

from nodefix.errors import CommandError, DeadlineError
from nodefix.facts.alternatives import (
    COMMANDS,
    DEBIAN,
    EL,
    Registry,
    Version,
    candidate,
    is_nft,
    read_alternatives,
)
from nodefix.facts.alternatives_state import Entry
from nodefix.image_mode import OSTREE, Image

VERSION = "iptables v1.8.11 (nf_tables)"
_RPM = ("/usr/bin/rpm", "-q", "--qf", "%{NAME}\\n", "iptables-nft", "alternatives")


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    for name in ("iptables", "ip6tables"):
        node.programs.table[(f"/usr/sbin/{name}", "-V")] = result(0, f"{VERSION}\n")
    return ElAlternatives(node)


def registry(node: Node) -> Registry:
    """What is read where a repair is due."""
    found = read_alternatives(node.host).registry
    assert found
    return found


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("iptables", "/usr/sbin/iptables-nft"),
        ("ip6tables", "/usr/sbin/ip6tables-nft"),
        ("iptables-save", "/usr/sbin/iptables-nft-save"),
        ("ip6tables-restore", "/usr/sbin/ip6tables-nft-restore"),
    ],
)
def test_candidate(command: str, path: str) -> None:
    assert candidate(command) == path


def test_good_node_is_read_without_the_state_file(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.file(STATE, "garbage")
    facts = read_alternatives(node.host)
    assert facts.flavour is EL
    assert all(is_nft(link) for link in facts.links.values())
    assert set(facts.links) == set(COMMANDS)
    assert facts.versions == {"iptables": Version("said", VERSION)}
    assert facts.registry is None
    assert node.programs.calls == [("/usr/sbin/iptables", "-V")]


def test_flavours(node: Node) -> None:
    node.programs.table[_RPM[:1]] = result(2)
    assert read_alternatives(node.host).flavour is None
    node.file("/usr/bin/update-alternatives")
    assert read_alternatives(node.host).flavour is DEBIAN
    # Enterprise Linux has a link of that name to its own program.
    node.file("/usr/sbin/alternatives")
    assert read_alternatives(node.host).flavour is EL


def test_program_that_is_a_directory_is_none(node: Node) -> None:
    node.programs.table[_RPM[:1]] = result(2)
    (node.root / "usr/sbin/alternatives").mkdir(parents=True)
    assert read_alternatives(node.host).flavour is None


@pytest.mark.parametrize("folder", ["/etc/alternatives-admindir", "/etc/alternatives.admindir"])
def test_ostree_keeps_its_state_below_etc(node: Node, folder: str) -> None:
    ElAlternatives(node, folder)
    found = registry(node)
    assert found.entries["iptables"] == Entry("absent", f"{folder}/iptables")
    assert set(found.folders) == {"/usr/sbin", LINKS, folder}
    # The old folder wins where it is there.
    (node.root / "var/lib/alternatives").mkdir(parents=True)
    assert registry(node).entries["iptables"].file == STATE


@pytest.mark.parametrize("folder", ["/usr/local/sbin", "/usr/local/bin"])
def test_what_comes_earlier_in_path(el: ElAlternatives, node: Node, folder: str) -> None:
    STATES[1](el)
    node.file(f"{folder}/iptables")
    node.link(f"{folder}/ip6tables", "/usr/sbin/ip6tables-nft")
    node.link(f"{folder}/iptables-save", "nowhere")
    # A shell passes it over.
    (node.root / folder[1:] / "ip6tables-save").mkdir()
    shadows = read_alternatives(node.host).shadows
    assert [(link.path, link.kind) for link in shadows] == [(f"{folder}/iptables", "file")]


def test_what_a_repair_depends_on(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.host.path("/usr/sbin/ip6tables").unlink()
    found = registry(node)
    assert is_nft(found.program)
    assert set(found.candidates) == set(found.middles) == set(COMMANDS)
    assert found.candidates["iptables"].path == NFT
    assert found.middles["iptables"].target == NFT
    assert {folder.kind for folder in found.folders.values()} == {"directory"}
    assert found.entries["iptables"].state == "registered"
    assert (found.unfinished, found.image) == (frozenset(), None)


def test_rpm_is_asked_only_where_something_is_missing(el: ElAlternatives, node: Node) -> None:
    assert registry(node).packages is None
    node.host.path(NFT).unlink()
    said = "package iptables-nft is not installed\nalternatives\n"
    node.programs.table[_RPM] = result(1, said)
    assert registry(node).packages == {"alternatives"}


def test_what_a_killed_run_left(el: ElAlternatives, node: Node) -> None:
    node.file(f"{ADMIN}/iptables.new")
    assert registry(node).unfinished == {"iptables"}


def test_debian_overwrites_what_a_killed_run_left(node: Node) -> None:
    node.programs.table[_RPM[:1]] = result(2)
    node.file("/usr/bin/update-alternatives")
    node.file("/var/lib/dpkg/alternatives/iptables.dpkg-tmp")
    found = registry(node)
    assert found.unfinished == frozenset()
    assert set(found.entries) == {"iptables", "ip6tables"}


def test_image(el: ElAlternatives, node: Node) -> None:
    node.file("/run/ostree-booted")
    assert registry(node).image == Image(OSTREE)


def test_version_of_a_tool_that_fails(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.programs.table[("/usr/sbin/iptables", "-V")] = result(1, stderr="cannot open libxtables")
    versions = read_alternatives(node.host).versions
    assert versions == {"iptables": Version("failed", "cannot open libxtables")}


def test_version_of_each_program_that_the_links_end_at(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.host.path("/usr/sbin/ip6tables").unlink()
    node.link("/usr/sbin/ip6tables", "/opt/xtables-nft-multi")
    node.file("/opt/xtables-nft-multi", "", 0o755)
    node.programs.table[("/usr/sbin/ip6tables", "-V")] = CommandError("not executable")
    versions = read_alternatives(node.host).versions
    assert versions["ip6tables"] == Version("failed", "not executable")
    assert versions["iptables"] == Version("said", VERSION)


def test_version_that_hangs(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.programs.table[("/usr/sbin/iptables", "-V")] = DeadlineError("it did not end")
    versions = read_alternatives(node.host).versions
    assert versions == {"iptables": Version("silent", "it did not end")}


def test_nobody_is_asked_for_its_version_where_a_link_is_wrong(
    el: ElAlternatives, node: Node
) -> None:
    """A directory in a command's place cannot be run, and what is wrong is known."""
    STATES[18](el)
    node.programs.calls.clear()
    assert read_alternatives(node.host).versions == {}
    assert node.programs.calls == []
