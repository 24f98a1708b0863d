"""nodefix/stages/chains.py beside tables of the same names that were written with nft itself.

What iptables does there was tried with 1.8.9 and read in the sources of 1.8.11: a chain with
rules that it cannot read is not listed, `-C` finds what stands above them, `-I` always works.
"""

from __future__ import annotations

import pytest
from fakehost import Node, planned, repair, result
from kubeproxy import KUBE_PROXY
from netfilter import FOREIGN, NATIVE, RESTORE4, UNPARSABLE, Tables

from nodefix.config import Config
from nodefix.errors import CommandError
from nodefix.facts.kubeproxy import BASES
from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import chains

CT = f"{NATIVE}ct state established,related accept"
PARENTS = list(dict.fromkeys((table, parent) for table, parent, _ in KUBE_PROXY))


@pytest.fixture
def tables(node: Node) -> Tables:
    """IPv4's tables, on a node without IPv6."""
    (node.root / "proc/net/if_inet6").unlink()
    return Tables(node)


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(chains, node, config)


def jumps(table: str, parent: str) -> list[str]:
    """A built-in chain's jumps as kube-proxy stacks them."""
    rules = [rule for owner, chain, rule in KUBE_PROXY if (owner, chain) == (table, parent)]
    return rules[::-1]


@pytest.mark.parametrize("parent", [p for p in PARENTS if p != ("nat", "POSTROUTING")])
@pytest.mark.parametrize("kind", [NATIVE, UNPARSABLE])
def test_kube_proxys_jumps_are_made_above_what_iptables_cannot_read(
    node: Node, tables: Tables, parent: tuple[str, str], kind: str
) -> None:
    theirs = f"{kind}ct state established,related accept"
    tables.add(*parent, theirs)
    left = repair(chains, node)
    assert not left.changes
    assert not left.problems
    rules = tables.rules(*parent)
    assert rules[-1] == theirs
    own = [rule for rule in rules[:-1] if rule != "-j KUBE-FIREWALL"]
    assert own == jumps(*parent)
    (note, _) = left.notes[::-1]
    assert note.startswith(f"IPv4 {' '.join(parent)}: rules that iptables cannot read")


def test_what_kube_proxy_makes_besides_is_made_for_it_where_it_could_not(
    node: Node, tables: Tables
) -> None:
    tables.add("filter", "INPUT", CT)
    repair(chains, node)
    assert tables.rules("filter", "INPUT")[0] == "-j KUBE-FIREWALL"
    assert tables.rules("filter", "KUBE-FIREWALL") == []
    # Where iptables can read the chain kube-proxy can do it itself.
    assert "-j KUBE-FIREWALL" not in tables.rules("filter", "OUTPUT")


def test_second_run_changes_nothing(node: Node, tables: Tables) -> None:
    for parent in PARENTS:
        tables.add(*parent, CT)
    repair(chains, node)
    before = {key: list(rules) for key, rules in tables.chains.items()}
    repair(chains, node)
    assert tables.chains == before


def test_a_jump_that_kube_proxy_could_not_find_is_made_again_on_top(
    node: Node, tables: Tables
) -> None:
    tables.add("nat", "PREROUTING", CT)
    repair(chains, node)
    jump = tables.rules("nat", "PREROUTING")[0]
    tables.rules("nat", "PREROUTING").insert(0, CT)
    assert not repair(chains, node).changes
    assert tables.rules("nat", "PREROUTING") == [jump, CT, jump, CT]


def test_jumps_of_another_kube_proxy_count(node: Node, tables: Tables) -> None:
    (portals,) = jumps("nat", "OUTPUT")
    tables.add("nat", "KUBE-SERVICES")
    tables.add("nat", "OUTPUT", f"-m conntrack --ctstate NEW {portals}", CT)
    repair(chains, node)
    assert portals not in tables.rules("nat", "OUTPUT")


def test_bare_jumps_are_left_where_iptables_cannot_read(node: Node, tables: Tables) -> None:
    tables.add("nat", "KUBE-SERVICES")
    tables.add("nat", "OUTPUT", "-j KUBE-SERVICES", CT)
    assert not repair(chains, node).changes
    assert tables.rules("nat", "OUTPUT")[-2:] == ["-j KUBE-SERVICES", CT]


def test_the_chain_by_which_kube_proxy_judges_a_family_has_to_be_readable(
    node: Node, tables: Tables
) -> None:
    tables.add("nat", "POSTROUTING", f"{NATIVE}ip saddr 192.0.2.0/24 counter masquerade")
    left = repair(chains, node)
    assert not left.changes
    (problem,) = left.problems
    assert problem.required
    assert problem.message.startswith("IPv4 table nat, chain POSTROUTING: found rules written")
    assert "(ip saddr 192.0.2.0/24 counter masquerade)" in problem.message
    assert not any("as nft makes" in note for note in left.notes)
    # What can be made is made.
    assert ("filter", "KUBE-FORWARD") in tables.chains
    assert tables.rules("nat", "POSTROUTING")[0].endswith("-j KUBE-POSTROUTING")


def test_ipv6_alone_only_degrades_as_kube_proxy_goes_on_without_it(node: Node) -> None:
    Tables(node)
    six = Tables(node, six=True)
    six.add("nat", "POSTROUTING", CT)
    (problem,) = repair(chains, node).problems
    assert (problem.required, problem.message[:5]) == (False, "IPv6 ")


@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize("hook", ["type filter hook input priority 10", ""])
def test_a_chain_in_the_place_of_iptables_own_is_named_and_the_others_made(
    node: Node, tables: Tables, parent: tuple[str, str], hook: str
) -> None:
    tables.hooks[parent] = hook
    for _ in range(2):
        left = repair(chains, node)
        assert not left.changes
        (problem,) = left.problems
        assert problem.required
        table, chain = parent
        assert f"table {table}, chain {chain}: found one written with nft" in problem.message
        assert (hook or "a chain without a hook") in problem.message
        for other in PARENTS:
            assert tables.rules(*other) == ([] if other == parent else jumps(*other))


def test_other_chains_of_such_tables_are_nobodys_business(node: Node, tables: Tables) -> None:
    tables.add("filter", "input", CT)
    tables.hooks["filter", "input"] = "type filter hook input priority 0"
    tables.add("mangle", "PREROUTING", CT)
    tables.add("nat", "INPUT", CT)
    left = repair(chains, node)
    assert (left.changes, left.problems) == ((), ())


def test_kube_proxy_in_nftables_mode_has_its_own_tables(node: Node, tables: Tables) -> None:
    for parent in PARENTS:
        tables.add(*parent, CT)
    node.file(RESTORE4)
    left = repair(chains, node, Config(kube_proxy="nftables"))
    assert (left.changes, left.problems) == ((), ())
    assert ("mangle", "KUBE-IPTABLES-HINT") in tables.chains


def test_a_node_in_order_costs_one_call_more_for_each_such_chain(
    node: Node, tables: Tables
) -> None:
    tables.add("filter", "FORWARD", CT)
    repair(chains, node)
    started = len(tables.calls)
    repair(chains, node)
    # Listed up to it, listed after it, and kube-proxy's jumps in it asked for at once.
    assert tables.calls[started:] == [RESTORE4] * 3


def test_the_stand_ins_chains_are_iptables_own(tables: Tables) -> None:
    assert {key for key in tables.chains if key in PARENTS} == {tuple(key) for key in BASES}


def test_a_rule_of_another_iptables_with_more_libraries_holds_nothing(
    node: Node, tables: Tables
) -> None:
    """A pod's own iptables made it, and so kube-proxy's can read it."""
    tables.add("nat", "POSTROUTING", f"{FOREIGN}-m novel -j ACCEPT")
    left = repair(chains, node)
    assert (left.changes, left.problems) == ((), ())
    assert tables.rules("nat", "POSTROUTING")[0] == jumps("nat", "POSTROUTING")[0]


def test_a_library_that_kube_proxys_rules_need_is_missed_and_named(
    node: Node, tables: Tables
) -> None:
    repair(chains, node)
    before = {key: list(rules) for key, rules in tables.chains.items()}
    refusal = "iptables-nft-restore v1.8.9 (nf_tables): Couldn't load match `comment':No such file"
    real = node.programs.table[(RESTORE4, "--noflush")]
    assert callable(real)

    def restore(argv: tuple[str, ...], stdin: bytes) -> Result:
        if b"-m comment" in stdin:
            return result(2, stderr=refusal)
        if b"-S" in stdin:
            said = "Error: match extension not found\nParsing nftables rule failed"
            first = stdin.decode().split("-S ")[1].split()[0]
            return result(3, f"-P {first} ACCEPT\n", said)
        return real(argv, stdin)

    node.programs.table[(RESTORE4, "--noflush")] = restore
    with pytest.raises(CommandError, match="Couldn't load match `comment'") as caught:
        plan(node)
    assert caught.value.hint == "dnf reinstall iptables-libs && systemctl restart nodefix"
    assert tables.chains == before
