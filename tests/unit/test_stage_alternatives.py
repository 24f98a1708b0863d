"""nodefix/stages/alternatives.py: iptables and ip6tables are the nft variants."""

from __future__ import annotations

import pytest
from altstage import MULTI, answer_versions, changes, plan
from el_alternatives import INSTALL_ALL, SET, ElAlternatives
from el_states import STATES
from fakehost import Node, attempt, repair, result
from test_el_alternatives import sections

from nodefix.facts.alternatives import COMMANDS
from nodefix.plan import Plan
from nodefix.stages import alternatives


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    return ElAlternatives(node)


def in_state(el: ElAlternatives, number: int) -> None:
    """Bring a node into a state of the transcript, with what was typed there.

    In 7 and 8 what was typed is the remedy.
    """
    STATES[number](el)
    for call in sections()[number]:
        if call.argv[0] == "alternatives" and number not in (7, 8):
            el.run(*call.argv[1:])


REPAIRS = {
    1: [],  # as the package registers it
    2: [],  # ip6tables set as if it were a leader: refused, nothing happened
    3: [],  # manual mode, on the right one
    4: [INSTALL_ALL, SET],  # entry missing
    5: [INSTALL_ALL, SET],  # registered by the hand fix, without followers
    6: [],  # the package's registration on top of that
    7: [SET],  # another candidate chosen
    8: [SET],  # another candidate chosen and then removed
    10: [],  # corrupt state file, but the links are right
    11: [],  # a target set that is not registered: refused, nothing happened
    12: [],  # back to automatic
}


@pytest.mark.parametrize("number", REPAIRS)
def test_states_of_the_transcript(el: ElAlternatives, node: Node, number: int) -> None:
    in_state(el, number)
    before = node.snapshot()
    first = plan(node)
    assert not first.problems
    assert bool(first.changes) == bool(REPAIRS[number])
    assert node.snapshot() == before
    assert repair(alternatives, node) == Plan()
    assert changes(node) == REPAIRS[number]
    assert {name: node.end(f"/usr/sbin/{name}") for name in COMMANDS} == dict.fromkeys(
        COMMANDS, MULTI
    )
    done = node.snapshot()
    assert repair(alternatives, node) == Plan()
    assert node.snapshot() == done


def test_state_9_a_plain_file_in_the_links_place(el: ElAlternatives, node: Node) -> None:
    in_state(el, 9)
    before = node.snapshot()
    left = repair(alternatives, node)
    assert left.changes == ()
    (problem,) = left.problems
    assert problem.required
    assert problem.message == (
        "/usr/sbin/iptables: found a file where alternatives' link belongs, expected a link;"
        " alternatives leaves it alone and still exits with 0"
    )
    assert problem.hint == (
        "mv /usr/sbin/iptables /usr/sbin/iptables.saved && systemctl restart nodefix"
    )
    assert node.snapshot() == before
    # The hint's first half, and then the stage again.
    (node.root / "usr/sbin/iptables").rename(node.root / "usr/sbin/iptables.saved")
    assert repair(alternatives, node) == Plan()


def test_corrupt_state_file_with_wrong_links(el: ElAlternatives, node: Node) -> None:
    in_state(el, 10)
    (node.root / "usr/sbin/ip6tables").unlink()
    left = repair(alternatives, node)
    assert left.changes == ()
    (problem,) = left.problems
    assert "/var/lib/alternatives/iptables: found a state file that" in problem.message
    assert problem.hint == "mv /var/lib/alternatives/iptables /root/ && systemctl restart nodefix"
    (node.root / "var/lib/alternatives/iptables").unlink()
    assert repair(alternatives, node) == Plan()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_that_somebody_removed(el: ElAlternatives, node: Node, name: str) -> None:
    STATES[1](el)
    (node.root / "usr/sbin" / name).unlink()
    (change,) = plan(node).changes
    assert (change.target, change.found) == (f"/usr/sbin/{name}", "nothing")
    assert repair(alternatives, node) == Plan()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_that_somebody_bent(el: ElAlternatives, node: Node, name: str) -> None:
    STATES[1](el)
    node.file("/usr/sbin/xtables-legacy-multi")
    (node.root / "etc/alternatives" / name).unlink()
    node.link(f"/etc/alternatives/{name}", "/usr/sbin/xtables-legacy-multi")
    (change,) = plan(node).changes
    assert change.found == "a link to /usr/sbin/xtables-legacy-multi"
    assert repair(alternatives, node) == Plan()


def test_entry_missing_though_the_links_are_right(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    (node.root / "var/lib/alternatives/iptables").unlink()
    assert plan(node) == Plan()


def test_change_tells_how_to_do_it_by_hand(el: ElAlternatives, node: Node) -> None:
    in_state(el, 5)
    (change,) = plan(node).changes
    assert change.target == ", ".join(
        f"/usr/sbin/{name}" for name in COMMANDS if name != "iptables"
    )
    assert change.hint == f"{' '.join(INSTALL_ALL)} && {' '.join(SET)}"


def test_nft_variant_not_installed(el: ElAlternatives, node: Node) -> None:
    for name in ("ip6tables-nft", "ip6tables-nft-save"):
        (node.root / "usr/sbin" / name).unlink()
    left = plan(node)
    assert left.changes == ()
    assert left.problems[0].message.startswith(
        "/usr/sbin/ip6tables-nft, /usr/sbin/ip6tables-nft-save: found nothing"
    )
    assert left.problems[0].hint.startswith("dnf install iptables-nft")


def test_no_alternatives_program(el: ElAlternatives, node: Node) -> None:
    (node.root / "usr/sbin/alternatives").unlink()
    (problem,) = plan(node).problems
    assert problem.message.startswith("found neither alternatives nor update-alternatives")
    assert problem.hint == "dnf install alternatives"


def test_links_are_right_but_the_program_is_another(el: ElAlternatives, node: Node) -> None:
    STATES[1](el)
    node.commands.table[("/usr/sbin/iptables", "-V")] = result(0, "iptables v1.8.11 (legacy)\n")
    left = plan(node)
    assert left.changes == ()
    (problem,) = left.problems
    assert problem.message.startswith(
        "/usr/sbin/iptables -V: found 'iptables v1.8.11 (legacy)', expected a version with"
    )
    assert problem.hint == "dnf reinstall iptables-nft"


def test_command_earlier_in_path_is_told_and_does_not_hold_kubelet(
    el: ElAlternatives, node: Node
) -> None:
    STATES[1](el)
    node.file("/usr/local/sbin/iptables", "somebody's own", 0o755)
    (problem,) = repair(alternatives, node).problems
    assert not problem.required
    assert problem.message.startswith("/usr/local/sbin/iptables: found it before /usr/sbin in PATH")
    assert problem.hint == "mv /usr/local/sbin/iptables /usr/local/sbin/iptables.saved"


def test_program_that_refuses(el: ElAlternatives, node: Node) -> None:
    (change,) = plan(node).changes
    node.commands.table[("/usr/sbin/alternatives",)] = result(2, stderr="read-only file system\n")
    message = attempt(alternatives, change, node)
    assert message == f"`{' '.join(INSTALL_ALL)}`: read-only file system"
    assert changes(node) == [INSTALL_ALL]
