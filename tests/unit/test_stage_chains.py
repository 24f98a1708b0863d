"""nodefix/stages/chains.py: chains and jumps are there, in kube-proxy's exact form."""

from __future__ import annotations

import copy

import pytest
from fakehost import Node, planned, repair
from kubeproxy import (
    FILTER,
    HAND_FIX,
    MANGLE,
    NAT,
    NEW,
    PARENTS,
    PORTALS,
    POSTROUTING,
    hand_fix,
    kube_proxy,
)
from netfilter import LIST_TABLES, RESTORE4, RESTORE6, Tables

from nodefix.config import Config
from nodefix.errors import BusError
from nodefix.plan import Plan
from nodefix.stages import chains


@pytest.fixture
def tables(node: Node) -> Tables:
    """IPv4's tables, on a node without IPv6."""
    (node.root / "proc/net/if_inet6").unlink()
    return Tables(node)


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(chains, node, config)


def is_done(left: Plan) -> bool:
    return not left.changes and not left.problems and not left.skipped


def test_empty_node_gets_exactly_these_transactions(node: Node) -> None:
    four, six = Tables(node), Tables(node, six=True)
    assert is_done(repair(chains, node))
    assert four.changes == [MANGLE, FILTER, NAT]
    assert six.changes == [MANGLE, FILTER, NAT]


def test_plan_tells_what_and_where(node: Node, tables: Tables) -> None:
    hand_fix(tables)
    (change,) = plan(node).changes
    assert (change.target, change.each_boot) == ("IPv4 chains", False)
    mangle, filtering, nat = change.found.split("; ")
    assert mangle == "mangle: no chain KUBE-IPTABLES-HINT"
    assert filtering == (
        "filter: no chain KUBE-EXTERNAL-SERVICES, KUBE-NODEPORTS, KUBE-SERVICES,"
        " KUBE-PROXY-FIREWALL, no jump in INPUT (3), FORWARD (4), OUTPUT (2),"
        " a jump without kube-proxy's comment in FORWARD"
    )
    assert "a jump without kube-proxy's comment in OUTPUT, PREROUTING, POSTROUTING" in nat
    # The command that makes them is the one that would have failed.
    assert change.hint == "nodefix run --stage modules"
    assert not tables.changes


def test_what_every_boot_begins_with_is_told_in_one_short_line(node: Node) -> None:
    Tables(node)
    Tables(node, six=True)
    four, six = plan(node).changes
    assert (four.target, six.target) == ("IPv4 chains", "IPv6 chains")
    assert four.found == six.found == "no chain and no jump of Kubernetes'"
    assert four.each_boot
    assert six.each_boot


def test_rules_of_others_do_not_make_an_empty_boot_a_damaged_one(
    node: Node, tables: Tables
) -> None:
    tables.add("filter", "INPUT", "-p tcp -m tcp --dport 22 -j ACCEPT")
    tables.add("nat", "CNI-HOSTPORT")
    (change,) = plan(node).changes
    assert change.each_boot


@pytest.mark.parametrize(
    "left", [("mangle", "KUBE-IPTABLES-HINT"), ("nat", "KUBE-SERVICES"), ("filter", "KUBE-FORWARD")]
)
def test_what_is_left_of_kubernetes_tells_a_damaged_table(
    node: Node, tables: Tables, left: tuple[str, str]
) -> None:
    tables.add(*left)
    (change,) = plan(node).changes
    assert not change.each_boot


def test_second_run_changes_nothing_and_costs_two_calls(node: Node, tables: Tables) -> None:
    repair(chains, node)
    before = copy.deepcopy(tables.chains)
    node.programs.calls.clear()
    assert is_done(repair(chains, node))
    assert tables.chains == before
    assert node.programs.calls == [(RESTORE4, "--noflush"), LIST_TABLES]


def test_jumps_stand_as_kube_proxy_would_put_them(node: Node, tables: Tables) -> None:
    ours = Tables(node)
    repair(chains, node)
    theirs = Tables(node)
    kube_proxy(theirs)
    assert [ours.rules(*parent) for parent in PARENTS] == [
        theirs.rules(*parent) for parent in PARENTS
    ]


def test_kube_proxy_finds_nothing_to_add_afterwards(node: Node, tables: Tables) -> None:
    repair(chains, node)
    assert kube_proxy(tables) == 0


def test_jumps_of_kube_proxy_are_not_doubled(node: Node, tables: Tables) -> None:
    kube_proxy(tables)
    before = {parent: list(tables.rules(*parent)) for parent in PARENTS}
    assert is_done(repair(chains, node))
    assert {parent: tables.rules(*parent) for parent in PARENTS} == before
    assert tables.changes == [MANGLE, "*nat\n-N KUBE-MARK-MASQ\nCOMMIT\n"]


def test_full_chains_are_left_as_they_are(node: Node, tables: Tables) -> None:
    kube_proxy(tables)
    services = [f"-p tcp -m tcp --dport {port} -j ACCEPT" for port in range(1000)]
    tables.add("nat", "KUBE-SERVICES", *services)
    tables.add("filter", "KUBE-FORWARD", "-m conntrack --ctstate INVALID -j DROP")
    tables.rules("nat", "OUTPUT").clear()
    assert is_done(repair(chains, node))
    assert tables.rules("nat", "KUBE-SERVICES") == services
    assert len(tables.rules("filter", "KUBE-FORWARD")) == 1
    # A line that declares a chain would empty it.
    assert not any(line.startswith(":") for change in tables.changes for line in change.split())


@pytest.mark.parametrize("new", [True, False], ids=["all with NEW", "all without NEW"])
def test_jumps_of_older_and_newer_kube_proxies_count(node: Node, tables: Tables, new: bool) -> None:
    repair(chains, node)
    for table, parent in PARENTS:
        plain = [rule.removeprefix(f"{NEW} ") for rule in tables.rules(table, parent)]
        tables.rules(table, parent)[:] = [f"{NEW} {rule}" if new else rule for rule in plain]
    assert is_done(plan(node))


def test_bare_jumps_of_the_hand_fix_are_replaced(node: Node, tables: Tables) -> None:
    hand_fix(tables)
    assert is_done(repair(chains, node))
    for table, parent, chain in HAND_FIX:
        assert f"-j {chain}" not in tables.rules(table, parent)
    assert tables.changes[2] == (
        "*nat\n-N KUBE-MARK-MASQ\n"
        f"-D OUTPUT -j KUBE-SERVICES\n-I OUTPUT 1 {PORTALS} -j KUBE-SERVICES\n"
        f"-D PREROUTING -j KUBE-SERVICES\n-I PREROUTING 1 {PORTALS} -j KUBE-SERVICES\n"
        "-D POSTROUTING -j KUBE-POSTROUTING\n"
        f"-I POSTROUTING 1 {POSTROUTING} -j KUBE-POSTROUTING\nCOMMIT\n"
    )
    assert kube_proxy(tables) == 0


def test_bare_jumps_beside_kube_proxys_and_made_twice(node: Node, tables: Tables) -> None:
    hand_fix(tables)
    kube_proxy(tables)
    hand_fix(tables)
    tables.add("nat", "KUBE-MARK-MASQ")
    assert is_done(repair(chains, node))
    assert tables.changes[-1] == (
        "*nat\n-D OUTPUT -j KUBE-SERVICES\n-D OUTPUT -j KUBE-SERVICES\n"
        "-D PREROUTING -j KUBE-SERVICES\n-D PREROUTING -j KUBE-SERVICES\n"
        "-D POSTROUTING -j KUBE-POSTROUTING\n-D POSTROUTING -j KUBE-POSTROUTING\nCOMMIT\n"
    )


def test_kubelets_own_bare_jump_is_left_alone(node: Node, tables: Tables) -> None:
    tables.add("filter", "KUBE-FIREWALL", "-m mark --mark 0x8000/0x8000 -j DROP")
    for parent in ("INPUT", "OUTPUT"):
        tables.add("filter", parent, "-j KUBE-FIREWALL")
    assert is_done(repair(chains, node))
    for parent in ("INPUT", "OUTPUT"):
        assert tables.rules("filter", parent)[-1] == "-j KUBE-FIREWALL"
    assert len(tables.rules("filter", "KUBE-FIREWALL")) == 1


@pytest.mark.parametrize(
    "rule",
    [
        "-d 10.0.0.0/8 -j KUBE-SERVICES",
        '-m comment --comment "mine" -j KUBE-SERVICES',
        "-m comment --comment KUBE-SERVICES -j ACCEPT",
        f'{PORTALS} -m comment --comment "more" -j KUBE-SERVICES',
        "-g KUBE-SERVICES",
    ],
)
def test_rules_of_others_are_neither_taken_for_jumps_nor_removed(
    node: Node, tables: Tables, rule: str
) -> None:
    repair(chains, node)
    tables.rules("nat", "PREROUTING")[:] = [rule]
    assert is_done(repair(chains, node))
    assert tables.rules("nat", "PREROUTING") == [f"{PORTALS} -j KUBE-SERVICES", rule]


@pytest.mark.parametrize("parent", ["FORWARD", "OUTPUT"])
def test_bare_jumps_that_the_hand_fix_does_not_make_are_left_alone(
    node: Node, tables: Tables, parent: str
) -> None:
    repair(chains, node)
    tables.add("filter", parent, "-j KUBE-SERVICES")
    assert is_done(repair(chains, node))
    assert tables.rules("filter", parent)[-1] == "-j KUBE-SERVICES"


def test_positions_count_without_the_bare_jumps_that_go(node: Node, tables: Tables) -> None:
    repair(chains, node)
    firewall, forwarding, *rest = tables.rules("filter", "FORWARD")
    tables.rules("filter", "FORWARD")[:] = ["-j KUBE-FORWARD", firewall, *rest]
    assert is_done(repair(chains, node))
    assert tables.rules("filter", "FORWARD") == [firewall, forwarding, *rest]


def test_missing_jumps_go_between_those_that_are_there(node: Node, tables: Tables) -> None:
    repair(chains, node)
    firewall, forwarding, portals, external = tables.rules("filter", "FORWARD")
    cni = '-m comment --comment "flanneld forward" -j ACCEPT'
    tables.rules("filter", "FORWARD")[:] = [cni, firewall, portals, cni]
    assert is_done(repair(chains, node))
    assert tables.rules("filter", "FORWARD") == [
        cni,
        firewall,
        forwarding,
        portals,
        external,
        cni,
    ]


def test_missing_chain_is_made_and_the_others_left(node: Node, tables: Tables) -> None:
    repair(chains, node)
    del tables.chains["mangle", "KUBE-IPTABLES-HINT"]
    del tables.chains["nat", "KUBE-MARK-MASQ"]
    tables.changes.clear()
    assert is_done(repair(chains, node))
    assert tables.changes == [MANGLE, "*nat\n-N KUBE-MARK-MASQ\nCOMMIT\n"]


def test_ipv6_off_is_a_note_and_no_failure(node: Node, tables: Tables) -> None:
    left = repair(chains, node)
    assert left == Plan(notes=("IPv6 is switched off in the kernel: IPv4 only",))
    assert not any(RESTORE6 in argv for argv in node.programs.calls)


def test_cluster_without_kube_proxy(node: Node, tables: Tables) -> None:
    left = plan(node, Config(kube_proxy="none"))
    assert left == Plan(skipped="kube-proxy's mode is none: this node has no kube-proxy")
    assert not tables.calls


def test_services_that_wipe_chains_are_a_note(node: Node) -> None:
    Tables(node)
    Tables(node, six=True)
    node.systemd.active = {"firewalld.service", "sshd.service"}
    (note,) = repair(chains, node).notes
    assert "firewalld.service" in note
    assert "sshd" not in note
    node.systemd.failing["active_units"] = BusError("no bus")
    assert plan(node) == Plan()


def test_comment_that_is_a_chains_name_does_not_stand_for_the_chain(
    node: Node, tables: Tables
) -> None:
    tables.add("filter", "INPUT", "-m comment --comment KUBE-NODEPORTS")
    assert is_done(repair(chains, node))
