"""nodefix/facts/alternatives.py: where the links end, and what is registered."""

from __future__ import annotations

import pytest
from el_alternatives import FOLLOWERS, NFT, ElAlternatives
from el_states import STATES
from fakehost import Node, result

from nodefix.config import Config
from nodefix.errors import CommandError, DeadlineError
from nodefix.facts.alternatives import COMMANDS, DEBIAN, EL, Entry, candidate, is_nft, read

STATE_FILE = "/var/lib/alternatives/iptables"
VERSION = "iptables v1.8.11 (nf_tables)"


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    for name in ("iptables", "ip6tables"):
        node.commands.table[(f"/usr/sbin/{name}", "-V")] = result(0, f"{VERSION}\n")
    return ElAlternatives(node)


def entry(node: Node, content: str | bytes) -> Entry:
    """The registration that is read from a state file."""
    node.file(STATE_FILE, content)
    return read(node.host, Config()).entries["iptables"]


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
    node.file(STATE_FILE, "garbage")
    facts = read(node.host, Config())
    assert facts.flavour is EL
    assert all(is_nft(link) for link in facts.links.values())
    assert set(facts.links) == set(COMMANDS) == facts.candidates
    assert facts.versions == {"iptables": VERSION}
    assert facts.entries == {}
    assert not any(argv[0] == "/usr/sbin/alternatives" for argv in node.commands.calls)


def test_links_of_every_kind(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    for name in ("ip6tables", "iptables-save", "ip6tables-save", "iptables-restore"):
        (node.root / "usr/sbin" / name).unlink()
    node.file("/usr/sbin/iptables-save")
    node.link("/usr/sbin/ip6tables-save", "nowhere")
    node.link("/usr/sbin/iptables-restore", "iptables-restore")
    links = read(node.host, Config()).links
    assert links["iptables"] == ("/usr/sbin/iptables", "link", "/usr/sbin/xtables-nft-multi")
    assert links["ip6tables"] == ("/usr/sbin/ip6tables", "absent", "")
    assert links["iptables-save"] == ("/usr/sbin/iptables-save", "file", "/usr/sbin/iptables-save")
    assert links["ip6tables-save"] == ("/usr/sbin/ip6tables-save", "link", "")
    # A link to itself ends nowhere, too.
    assert links["iptables-restore"] == ("/usr/sbin/iptables-restore", "link", "")


def test_flavours(node: Node) -> None:
    assert read(node.host, Config()).flavour is None
    node.file("/usr/bin/update-alternatives")
    assert read(node.host, Config()).flavour is DEBIAN
    # Enterprise Linux has a link of that name to its own program.
    node.file("/usr/sbin/alternatives")
    assert read(node.host, Config()).flavour is EL


@pytest.mark.parametrize("folder", ["/etc/alternatives-admindir", "/etc/alternatives.admindir"])
def test_ostree_keeps_its_state_below_etc(node: Node, folder: str) -> None:
    el = ElAlternatives(node, folder)
    STATES[5](el)
    assert read(node.host, Config()).entries["iptables"] == Entry(
        "absent", f"{folder}/iptables", {}
    )
    # The old folder wins where it is there.
    (node.root / "var/lib/alternatives").mkdir(parents=True)
    assert read(node.host, Config()).entries["iptables"].file == STATE_FILE


@pytest.mark.parametrize("folder", ["/usr/local/sbin", "/usr/local/bin"])
def test_what_comes_earlier_in_path(el: ElAlternatives, node: Node, folder: str) -> None:
    STATES[1](el)
    node.file(f"{folder}/iptables")
    node.link(f"{folder}/ip6tables", "/usr/sbin/ip6tables-nft")
    node.link(f"{folder}/iptables-save", "nowhere")
    shadows = read(node.host, Config()).shadows
    assert [(link.path, link.kind) for link in shadows] == [(f"{folder}/iptables", "file")]


def test_missing_entry(el: ElAlternatives, node: Node) -> None:
    assert read(node.host, Config()).entries == {"iptables": Entry("absent", STATE_FILE, {})}


def test_registration_with_followers_that_one_candidate_lacks(
    el: ElAlternatives, node: Node
) -> None:
    STATES[7](el)
    found = read(node.host, Config()).entries["iptables"]
    assert found.state == "registered"
    assert found.followers == {NFT: frozenset(FOLLOWERS), "/usr/sbin/iptables-other": frozenset()}


def test_family_and_initscript_of_enterprise_linux(el: ElAlternatives, node: Node) -> None:
    found = entry(
        node,
        "manual\n/usr/sbin/iptables\nip6tables\n/usr/sbin/ip6tables\n\n"
        f"{NFT}\n@nft@10 iptables\n/usr/sbin/ip6tables-nft\n"
        "/usr/sbin/iptables-other\n5\n\n",
    )
    assert found.state == "registered"
    assert found.followers == {NFT: {"ip6tables"}, "/usr/sbin/iptables-other": frozenset()}


def test_debian_writes_the_same_format(node: Node) -> None:
    node.file("/usr/bin/update-alternatives")
    node.file(
        "/var/lib/dpkg/alternatives/iptables",
        "auto\n/usr/sbin/iptables\niptables-restore\n/usr/sbin/iptables-restore\n"
        "iptables-save\n/usr/sbin/iptables-save\n\n"
        "/usr/sbin/iptables-legacy\n10\n/usr/sbin/iptables-legacy-restore\n\n"
        f"{NFT}\n20\n/usr/sbin/iptables-nft-restore\n/usr/sbin/iptables-nft-save\n\n",
    )
    entries = read(node.host, Config()).entries
    assert entries["iptables"].followers == {
        "/usr/sbin/iptables-legacy": {"iptables-restore"},
        NFT: {"iptables-restore", "iptables-save"},
    }
    assert entries["ip6tables"].state == "absent"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "garbage\n",
        "automatic\n/usr/sbin/iptables\n\n",
        "auto\n",
        "auto\nrelative\n\n",
        "auto\n/usr/sbin/iptables\nip6tables\n\n",
        "auto\n/usr/sbin/iptables\nip6tables\n/usr/sbin/ip6tables\n\n/usr/sbin/iptables-nft\n10",
        b"\xff\xfe\0\0",
    ],
)
def test_corrupt_state_file(el: ElAlternatives, node: Node, content: str | bytes) -> None:
    assert entry(node, content) == Entry("corrupt", STATE_FILE, {})


def test_state_file_that_cannot_be_read(el: ElAlternatives, node: Node) -> None:
    (node.root / STATE_FILE[1:]).mkdir()
    found = read(node.host, Config()).entries["iptables"]
    assert found == Entry("corrupt", f"{STATE_FILE} (Is a directory)", {})


def test_version_of_a_tool_that_fails(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.commands.table[("/usr/sbin/iptables", "-V")] = result(1, stderr="cannot open libxtables")
    assert read(node.host, Config()).versions == {"iptables": "cannot open libxtables"}


def test_version_of_each_program_that_the_links_end_at(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.host.path("/usr/sbin/ip6tables").unlink()
    node.link("/usr/sbin/ip6tables", "/usr/sbin/other")
    node.file("/usr/sbin/other", "", 0o755)
    node.commands.table[("/usr/sbin/ip6tables", "-V")] = CommandError("not executable")
    versions = read(node.host, Config()).versions
    assert versions["ip6tables"] == "not executable"
    assert "(nf_tables)" in versions["iptables"]


def test_version_that_hangs_is_an_error(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.commands.table[("/usr/sbin/iptables", "-V")] = DeadlineError("it did not end")
    with pytest.raises(DeadlineError):
        read(node.host, Config())


def test_nobody_asks_a_link_that_ends_nowhere_for_its_version(
    el: ElAlternatives, node: Node
) -> None:
    assert read(node.host, Config()).versions == {"iptables": ""}
    assert node.commands.calls == []
