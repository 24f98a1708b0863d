"""nodefix/facts/chains.py: what iptables and nft print, read as it is meant."""

from __future__ import annotations

import pytest
from fakehost import Node, result
from netfilter import NFT, RESTORE4, RESTORE6, Tables

from nodefix.errors import CommandError
from nodefix.facts.chains import Rules, read_chains
from nodefix.facts.kubeproxy import ChainKey
from nodefix.host.programs import Result

PARENTS = (ChainKey("filter", "INPUT"), ChainKey("nat", "OUTPUT"))
CHAINS = (
    ChainKey("filter", "KUBE-NODEPORTS"),
    ChainKey("nat", "KUBE-SERVICES"),
    ChainKey("nat", "KUBE-MARK-MASQ"),
    ChainKey("mangle", "KUBE-IPTABLES-HINT"),
)
SMALL = frozenset(CHAINS[2:])


def read(node: Node) -> dict[str, Rules]:
    """IPv4's chains as table/chain to rules."""
    facts = read_chains(node.host, PARENTS, CHAINS, SMALL)
    (four,) = (found for family, found in facts.families.items() if family.name == "IPv4")
    return {f"{key.table}/{key.chain}": rules for key, rules in four.items()}


@pytest.fixture
def tables(node: Node) -> Tables:
    """IPv4's tables, on a node without IPv6."""
    (node.root / "proc/net/if_inet6").unlink()
    return Tables(node)


def test_empty_node(node: Node, tables: Tables) -> None:
    assert read(node) == {
        "filter/INPUT": (),
        "nat/OUTPUT": (),
        "filter/KUBE-NODEPORTS": None,
        "nat/KUBE-SERVICES": None,
        "nat/KUBE-MARK-MASQ": None,
        "mangle/KUBE-IPTABLES-HINT": None,
    }


def test_a_chain_of_the_same_name_in_another_table_does_not_count(
    node: Node, tables: Tables
) -> None:
    tables.add("filter", "KUBE-SERVICES")
    tables.add("nat", "KUBE-NODEPORTS")
    found = read(node)
    assert (found["nat/KUBE-SERVICES"], found["filter/KUBE-NODEPORTS"]) == (None, None)


def test_full_chain_that_a_jump_leads_to_is_not_listed(node: Node, tables: Tables) -> None:
    for table, chain in CHAINS:
        tables.add(table, chain)
    tables.add("nat", "KUBE-SERVICES", *(f"-d 10.0.{n}.1/32 -j ACCEPT" for n in range(9)))
    tables.add(
        "nat", "OUTPUT", '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
    )
    tables.add("filter", "INPUT", "-j KUBE-NODEPORTS")
    assert read(node)["nat/KUBE-SERVICES"] == ()
    assert tables.calls == [RESTORE4]


def test_any_chain_missing_costs_one_more_call_however_many(node: Node, tables: Tables) -> None:
    read(node)
    assert tables.calls == [RESTORE4, NFT]


def test_reading_makes_no_chain_and_no_table(node: Node, tables: Tables) -> None:
    scripts: list[str] = []
    listing = tables._restore

    def restore(argv: tuple[str, ...], stdin: bytes) -> Result:
        scripts.append(stdin.decode())
        return listing(argv, stdin)

    node.programs.table[(RESTORE4, "--noflush")] = restore
    read(node)
    lines = [line for script in scripts for line in script.splitlines()]
    assert {line.split()[0][:2] for line in lines} <= {"*f", "*n", "*m", "-S", "CO"}


def test_both_families(node: Node) -> None:
    Tables(node)
    six = Tables(node, six=True)
    six.add("nat", "KUBE-SERVICES")
    facts = read_chains(node.host, PARENTS, CHAINS, SMALL)
    found = {family.name: rules for family, rules in facts.families.items()}
    assert found["IPv4"][CHAINS[1]] is None
    assert found["IPv6"][CHAINS[1]] == ()
    assert {argv[0] for argv in node.programs.calls} == {RESTORE4, RESTORE6, NFT}


LISTING = """\
-P INPUT DROP
-A INPUT -i lo -j ACCEPT
{odd}
-A INPUT -j LOG --log-prefix "-N KUBE "
-P OUTPUT ACCEPT
-A OUTPUT -j ACCEPT
-N KUBE-MARK-MASQ
-N KUBE-IPTABLES-HINT
"""


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "# Warning: iptables-legacy tables present, use iptables-legacy to see them",
        "something else altogether",
        "-A",
        "-A INPUT",
    ],
)
def test_lines_of_no_known_kind_are_ignored(node: Node, tables: Tables, odd: str) -> None:
    node.programs.table[(RESTORE4, "--noflush")] = result(0, LISTING.format(odd=odd))
    found = read(node)
    assert found["filter/INPUT"] == ("-i lo -j ACCEPT", '-j LOG --log-prefix "-N KUBE "')
    assert found["nat/OUTPUT"] == ("-j ACCEPT",)


@pytest.mark.parametrize("blank", ["\n", "\v", "\f", "\x85", "\u2028", "\r"])
def test_comment_with_a_line_end_is_one_rule(node: Node, tables: Tables, blank: str) -> None:
    odd = f'-A INPUT -m comment --comment "one{blank}two" -j KUBE-NODEPORTS'
    node.programs.table[(RESTORE4, "--noflush")] = result(0, LISTING.format(odd=odd))
    found = read(node)["filter/INPUT"]
    assert found is not None
    assert len(found) == 3
    # Only a real line end cuts what is read of it.
    assert blank == "\n" or found[1].endswith('two" -j KUBE-NODEPORTS')


def test_an_answer_about_another_chain_is_none(node: Node, tables: Tables) -> None:
    said = "-P FORWARD ACCEPT\n-A FORWARD -j DROP\n-P OUTPUT ACCEPT\n"
    node.programs.table[(RESTORE4, "--noflush")] = result(0, said)
    with pytest.raises(CommandError, match="cannot read the IPv4 tables"):
        read(node)


def test_bytes_that_are_not_utf8(node: Node, tables: Tables) -> None:
    raw = LISTING.format(odd='-A INPUT -m comment --comment "caf\xe9" -j DROP').encode("latin-1")
    node.programs.table[(RESTORE4, "--noflush")] = result()._replace(stdout=raw)
    found = read(node)["filter/INPUT"]
    assert found is not None
    assert len(found) == 3
