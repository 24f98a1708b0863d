"""nodefix/facts/nft.py: the admin's chains that stand in kube-proxy's way, and their origin."""

from __future__ import annotations

import os

import pytest
from fakehost import Node, result

from nodefix.errors import CommandError
from nodefix.facts.kubeproxy import BASES, PRESENCE, ChainKey
from nodefix.facts.nft import Obstacle, obstacles, read_bases

NFT = "/usr/sbin/nft"
LIST = (NFT, "--numeric-priority", "list", "chains", "ip")
INPUT = ChainKey("filter", "INPUT")

# As nftables 1.0.6 prints it, with what iptables-nft made beside the admin's.
LISTING = """\
# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority 10; policy drop;
\t}
\tchain KUBE-FORWARD {
\t}
}
table ip nat {
\tflags dormant
\tchain OUTPUT {
\t\tcomment "chain KUBE-FAKE {"
\t\ttype nat hook output priority -100; policy accept;
\t}
\tchain odd/name.with_all-of-it {
\t}
}
"""
CHAIN = """\
table ip nat {
\tchain POSTROUTING {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\t counter packets 0 bytes 0 jump KUBE-POSTROUTING
%s
\t}
}
"""


def listed(node: Node, *rules: str) -> None:
    """Let nft list nat's POSTROUTING with these rules of the admin's."""
    text = CHAIN % "\n".join(f"\t\t{rule}" for rule in rules)
    node.programs.table[(NFT, "list", "chain", "ip", *PRESENCE)] = result(0, text)


def native(node: Node) -> Obstacle:
    (found,) = obstacles(node.host, "ip", {}, frozenset({PRESENCE, INPUT}))
    return found


def test_chains_with_their_hooks(node: Node) -> None:
    node.programs.table[LIST] = result(0, LISTING)
    assert read_bases(node.host, "ip") == {
        INPUT: "type filter hook input priority 10",
        ChainKey("filter", "KUBE-FORWARD"): "",
        ChainKey("nat", "OUTPUT"): BASES["nat", "OUTPUT"],
        ChainKey("nat", "odd/name.with_all-of-it"): "",
    }


def test_no_table_at_all(node: Node) -> None:
    node.programs.table[LIST] = result(0, "")
    assert read_bases(node.host, "ip") == {}


@pytest.mark.parametrize("left", [20, 60, 200, len(LISTING) - 2])
def test_half_an_answer_is_none(node: Node, left: int) -> None:
    node.programs.table[LIST] = result(0, LISTING[:left])
    with pytest.raises(CommandError, match="cut off"):
        read_bases(node.host, "ip")


@pytest.mark.parametrize("end", ["\v", "\f", "\x85", "\u2028", "\r"])
def test_only_a_real_line_end_ends_a_line(node: Node, end: str) -> None:
    odd = f'\t\tcomment "x{end}\tchain KUBE-SERVICES {{{end}"\n'
    text = LISTING.replace("\t\ttype nat", f"{odd}\t\ttype nat")
    node.programs.table[LIST] = result(0, text)
    assert ChainKey("nat", "KUBE-SERVICES") not in read_bases(node.host, "ip")


def test_nft_that_fails_says_why(node: Node) -> None:
    node.programs.table[LIST] = result(1, stderr="Error: Could not process rule: Operation not ..")
    with pytest.raises(CommandError, match="Error: Could not process rule") as caught:
        read_bases(node.host, "ip")
    assert "nft" not in caught.value.hint


def test_the_admins_rules_are_shown_and_not_kubernetes(node: Node) -> None:
    listed(node, 'oifname "eth0" masquerade', "ip saddr 192.0.2.0/24 snat to 192.0.2.1")
    assert native(node).rules == (
        'oifname "eth0" masquerade',
        "ip saddr 192.0.2.0/24 snat to 192.0.2.1",
    )


def test_many_and_long_rules_and_escape_sequences(node: Node) -> None:
    listed(node, '\x1b[31mcomment "\u202e"', *("x" * 5000 for _ in range(9)))
    rules = native(node).rules
    assert rules[0] == '?[31mcomment "?"'
    assert rules[-1] == "7 more"
    assert sum(map(len, rules)) < 400


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("/etc/sysconfig/nftables.conf", "# mine\ntable ip nat {\n}\n", 2),
        ("/etc/sysconfig/nftables.conf", "table nat {\n}\n", 1),
        ("/etc/nftables.conf", "flush ruleset\n\n  table  ip  nat{ }\n", 3),
        ("/etc/nftables/site.nft", "table ip nat {", 1),
    ],
)
def test_where_it_comes_from(node: Node, path: str, content: str, line: int) -> None:
    listed(node)
    node.file("/etc/nftables/main.nft", "table inet filter {\n}\n")
    node.file(path, content)
    found = native(node)
    assert (found.origin, found.line) == (path, line)


@pytest.mark.parametrize(
    "content",
    [
        "table ip6 nat {\n}\n",
        "table inet nat {\n}\n",
        "table ip nat_local {\n}\n",
        "# table ip nat {\n",
        "add table ip nat\nadd chain ip nat POSTROUTING\n",
        'include "/etc/nftables/nat.nft"\n',
        "define table = nat\n",
    ],
)
def test_what_is_no_such_table(node: Node, content: str) -> None:
    listed(node)
    node.file("/etc/sysconfig/nftables.conf", content)
    assert native(node).origin == ""


def test_what_cannot_be_read_is_ignored_and_does_not_hang(node: Node) -> None:
    listed(node)
    folder = node.host.path("/etc/nftables")
    folder.mkdir(parents=True)
    os.mkfifo(folder / "a.nft")
    (folder / "b.nft").mkdir()
    node.file("/etc/nftables/c.nft", b"table ip nat {" + b" " * (2 << 20))
    node.file("/etc/nftables/d.nft", b"\xff\xfe\ntable ip nat {\n")
    assert native(node).origin == "/etc/nftables/d.nft"


def test_a_huge_folder_is_not_read_to_its_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(node)
    for number in range(150):
        node.file(f"/etc/nftables/{number:03}.nft")
    asked: list[object] = []

    def read_file(path: object, limit: int) -> bytes:
        asked.append(path)
        return b""

    monkeypatch.setattr("nodefix.host.node.read_file", read_file)
    assert native(node).origin == ""
    assert 100 <= len(asked) <= 102


def test_chains_that_iptables_made_are_no_obstacles(node: Node) -> None:
    assert obstacles(node.host, "ip", dict(BASES), frozenset()) == ()


def test_a_chain_that_is_both_is_told_once(node: Node) -> None:
    listed(node)
    bases = {PRESENCE: "type filter hook postrouting priority 100"}
    (found,) = obstacles(node.host, "ip", bases, frozenset({PRESENCE}))
    assert found.found == bases[PRESENCE]
