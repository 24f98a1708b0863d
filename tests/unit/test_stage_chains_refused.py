"""nodefix/stages/chains.py where iptables or nft refuse: what is told, and what helps."""

from __future__ import annotations

import pytest
from altstage import MULTI, answer_rpm
from el_alternatives import INSTALL_ALL, ElAlternatives
from fakehost import Node, attempt, planned, repair, result, settled
from netfilter import NFT, RESTORE4, Tables

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.errors import CommandError
from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import alternatives, chains


@pytest.fixture
def tables(node: Node) -> Tables:
    """IPv4's tables, on a node without IPv6."""
    (node.root / "proc/net/if_inet6").unlink()
    return Tables(node)


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(chains, node, config)


def is_done(left: Plan) -> bool:
    return not left.changes and not left.problems and not left.skipped


def test_restore_that_refuses(node: Node, tables: Tables) -> None:
    (change,) = plan(node).changes
    words = "iptables-nft-restore: line 2 failed: Operation not permitted."
    node.programs.table[(RESTORE4, "--noflush")] = result(4, stderr=words)
    said = f"{RESTORE4}: {words} (tables mangle, filter, nat)"
    assert attempt(chains, change, node) == said


def test_a_table_is_changed_as_a_whole_or_not_at_all(node: Node, tables: Tables) -> None:
    (change,) = plan(node).changes
    # Somebody makes one of the chains between reading and applying.
    tables.add("filter", "KUBE-FORWARD")
    message = attempt(chains, change, node)
    assert "Chain already exists" in message
    assert message.endswith("(tables filter)")
    assert ("filter", "KUBE-SERVICES") not in tables.chains
    # One that fails keeps none of the others.
    assert ("nat", "KUBE-SERVICES") in tables.chains
    assert is_done(repair(chains, node))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (
            "Warning: Extension comment revision 0 not supported, missing kernel module?\n"
            "iptables v1.8.9 (nf_tables):  RULE_INSERT failed (No such file or directory)",
            "nodefix run --stage modules",
        ),
        (
            "iptables-nft-restore v1.8.11 (nf_tables): Couldn't load match `conntrack':"
            "No such file or directory\nError occurred at line: 7",
            "dnf reinstall iptables-libs && systemctl restart nodefix",
        ),
    ],
)
def test_what_is_behind_a_refusal_is_named_once_with_what_helps(
    node: Node, tables: Tables, words: str, hint: str
) -> None:
    (change,) = plan(node).changes
    node.programs.table[(RESTORE4, "--noflush")] = result(4, stderr=words)
    with pytest.raises(CommandError) as caught:
        chains.apply(change, node.host)
    assert caught.value.message.count(words.split("\n")[0]) == 1
    assert words.split("\n")[1] not in caught.value.message
    assert caught.value.hint == hint


def test_the_remedy_of_what_apply_met_reaches_the_report(node: Node, tables: Tables) -> None:
    real = node.programs.table[(RESTORE4, "--noflush")]
    assert callable(real)
    words = "iptables-nft-restore v1.8.11 (nf_tables): Couldn't load match `comment':No such file"

    def restore(argv: tuple[str, ...], stdin: bytes) -> Result:
        return result(2, stderr=words) if b"\n-I " in stdin else real(argv, stdin)

    node.programs.table[(RESTORE4, "--noflush")] = restore
    (problem,) = run_stage(chains, node.host, settled()).problems
    assert "Couldn't load match `comment'" in problem.message
    assert problem.hint == "dnf reinstall iptables-libs && systemctl restart nodefix"
    assert problem.code == "chains-missing"
    # It does not outlive the boot.
    assert not node.host.path("/var/lib/nodefix/undo").exists()


def test_table_that_cannot_be_read(node: Node, tables: Tables) -> None:
    words = "iptables v1.8.11 (nf_tables): Could not fetch rule set generation id"
    node.programs.table[(RESTORE4, "--noflush")] = result(4, stderr=words)
    with pytest.raises(CommandError, match="cannot read the IPv4 tables") as caught:
        plan(node)
    assert words in caught.value.message
    assert caught.value.hint == "nodefix run --stage modules"


def test_nft_that_fails(node: Node, tables: Tables) -> None:
    argv = (NFT, "--numeric-priority", "list", "chains", "ip")
    node.programs.table[argv] = result(1, stderr="Error: no netlink")
    with pytest.raises(CommandError, match="Error: no netlink"):
        plan(node)


def test_what_follows_from_missing_modules_is_short_and_points_to_their_stage(
    node: Node, tables: Tables
) -> None:
    """Chains can be made without them, and no rule."""
    real = node.programs.table[(RESTORE4, "--noflush")]
    assert callable(real)
    words = "Warning: Extension comment revision 0 not supported, missing kernel module?"

    def restore(argv: tuple[str, ...], stdin: bytes) -> Result:
        return (
            result(4, stderr=f"{words}\nRULE_INSERT failed")
            if b"\n-I " in stdin
            else real(argv, stdin)
        )

    node.programs.table[(RESTORE4, "--noflush")] = restore
    (left,) = repair(chains, node).changes
    none = "no chain and no jump of Kubernetes'"
    assert left.found == f"filter: {none}; nat: {none}"
    assert left.hint == "nodefix run --stage modules"
    assert ("mangle", "KUBE-IPTABLES-HINT") in tables.chains
    said = attempt(chains, left, node)
    assert said == f"{RESTORE4}: {words} (tables filter, nat)"


@pytest.mark.parametrize("installed", ["iptables-nft", ""])
def test_a_program_that_is_missing_has_one_remedy_in_all_stages(
    node: Node, tables: Tables, installed: str
) -> None:
    ElAlternatives(node)
    node.host.path(MULTI).unlink()
    answer_rpm(node, installed)
    words = f"{RESTORE4}: found a link to xtables-nft-multi, where nothing is"
    refusal = CommandError(words, f"dnf reinstall {RESTORE4}")
    node.programs.table[(RESTORE4, "--noflush")] = refusal
    (problem,) = planned(alternatives, node).problems
    with pytest.raises(CommandError, match="where nothing is") as caught:
        plan(node)
    assert caught.value.hint == problem.hint


def test_a_program_that_cannot_be_started_keeps_the_remedy_of_that(
    node: Node, tables: Tables
) -> None:
    node.file(RESTORE4)
    refusal = CommandError(f"{RESTORE4}: nobody may execute", f"chmod 755 {RESTORE4}")
    node.programs.table[(RESTORE4, "--noflush")] = refusal
    with pytest.raises(CommandError, match="nobody may execute") as caught:
        plan(node)
    assert caught.value.hint == f"chmod 755 {RESTORE4}"


def test_a_library_that_is_missing_has_one_remedy_in_all_stages(node: Node, tables: Tables) -> None:
    el = ElAlternatives(node)
    el.run(*INSTALL_ALL[1:])
    words = "error while loading shared libraries: libnftnl.so.11: cannot open shared object file"
    node.programs.table[("/usr/sbin/iptables", "-V")] = result(127, stderr=f"iptables: {words}")
    node.programs.table[(RESTORE4, "--noflush")] = result(127, stderr=f"{RESTORE4}: {words}")
    (problem,) = planned(alternatives, node).problems
    with pytest.raises(CommandError, match=r"libnftnl\.so\.11") as caught:
        plan(node)
    assert caught.value.hint == problem.hint
