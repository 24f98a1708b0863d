"""nodefix/stages/alternatives.py: iptables and ip6tables are the nft variants."""

from __future__ import annotations

import pytest
from altstage import MULTI, all_nft, answer_rpm, answer_versions, changes, coreutils, plan
from el_alternatives import ADMIN, AUTO, INSTALL, INSTALL_ALL, LINKS, NFT, SET, ElAlternatives
from el_states import OTHER, STATES
from fakehost import Node, attempt, repair, result
from test_el_alternatives import sections

from nodefix.facts.alternatives import COMMANDS
from nodefix.plan import Plan
from nodefix.stages import alternatives

STATE = f"{ADMIN}/iptables"
MKDIR = ("/usr/bin/mkdir", "--parents", "--mode=0755", LINKS)


def link(target: str, path: str) -> tuple[str, ...]:
    """The command that makes a link."""
    return ("/usr/bin/ln", "--symbolic", "--no-target-directory", target, path)


def aside(path: str) -> tuple[str, ...]:
    """The command that moves something out of the way."""
    return ("/usr/bin/mv", "--backup=numbered", "--no-target-directory", path, f"{path}.saved")


LINK = link(NFT, f"{LINKS}/iptables")


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    return ElAlternatives(node)


def in_state(el: ElAlternatives, number: int) -> None:
    """Bring a node into a state of the transcript, with what was typed there.

    In 7 and 8, and from 13 on, what was typed is the remedy, or meant to be one.
    """
    STATES[number](el)
    for call in sections()[number]:
        if call.argv[0] == "alternatives" and number not in (7, 8) and number < 13:
            el.run(*call.argv[1:])


def damaged(el: ElAlternatives, number: int) -> None:
    """The same, with a link gone where the state file alone is not as it should be."""
    in_state(el, number)
    if all_nft(el.node):
        el.node.host.path("/usr/sbin/ip6tables").unlink()


def mode(el: ElAlternatives) -> str:
    """The first line of the state file."""
    return el.node.host.path(STATE).read_text().split("\n")[0]


REPAIRS: dict[int, list[tuple[str, ...]]] = {
    1: [],  # as the package registers it
    2: [],  # ip6tables set as if it were a leader: refused, nothing happened
    3: [],  # manual mode, on the right one
    4: [INSTALL_ALL, AUTO],  # entry missing
    5: [INSTALL_ALL, SET],  # registered and chosen by the hand fix, without followers
    6: [],  # the package's registration on top of that
    7: [AUTO],  # another candidate chosen
    8: [AUTO],  # another candidate chosen and then removed
    10: [],  # corrupt state file, but the links are right
    11: [],  # a target set that is not registered: refused, nothing happened
    12: [],  # back to automatic
    13: [LINK, AUTO],  # the leader's link missing: it cannot be set
    14: [aside(f"{LINKS}/iptables"), LINK, AUTO],  # a file, which must not be lost
    15: [aside(f"{LINKS}/iptables"), LINK, AUTO],  # a directory
    16: [MKDIR, LINK, AUTO],  # without the folder nothing is registered either
    31: [aside(f"{LINKS}/ip6tables"), AUTO],
    32: [aside(f"{LINKS}/ip6tables"), AUTO],
    35: [AUTO],  # bent by hand
    38: [link("xtables-nft-multi", NFT), AUTO],  # the -nft link gone
    41: [INSTALL_ALL, AUTO],  # no folder for the state
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
    assert all_nft(node)
    done = node.snapshot()
    assert repair(alternatives, node) == Plan()
    assert node.snapshot() == done


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (24, "auto"),  # a follower with a wrong target
        (30, "manual"),  # the other one is better, so automatic mode would take that
        (34, "auto"),  # followers missing at the end of the file
        (36, "auto"),  # equal, and nft is the first
        (37, "manual"),  # equal, and nft is not the first
        (39, "auto"),  # a follower of the admin's own
        (7, "auto"),
        (5, "manual"),
    ],
)
def test_mode_is_the_packages_where_that_ends_at_nft(
    el: ElAlternatives, node: Node, number: int, expected: str
) -> None:
    damaged(el, number)
    assert repair(alternatives, node) == Plan()
    assert all_nft(node)
    assert mode(el) == expected


def test_nft_that_was_chosen_by_hand_stays_so(el: ElAlternatives, node: Node) -> None:
    damaged(el, 3)
    assert repair(alternatives, node) == Plan()
    assert changes(node) == [SET]
    assert mode(el) == "manual"


def test_priority_and_followers_of_the_admins_own_are_kept(el: ElAlternatives, node: Node) -> None:
    damaged(el, 39)
    text = node.host.path(STATE).read_text()
    node.file(STATE, text.replace("\n10\n", "\n70\n"))
    assert repair(alternatives, node) == Plan()
    assert "\n70\n" in node.host.path(STATE).read_text()
    assert node.end("/usr/sbin/iptables-apply") == "/usr/sbin/iptables-nft-apply"


def test_followers_of_the_admins_own_keep_their_links(el: ElAlternatives, node: Node) -> None:
    (node.root / "usr/local/sbin").mkdir(parents=True)
    node.file("/usr/sbin/iptables-nft-apply")
    extra = ("/usr/local/sbin/apply", "iptables-apply", "/usr/sbin/iptables-nft-apply")
    el.run(*INSTALL[1:], "--follower", *extra)
    assert repair(alternatives, node) == Plan()
    assert node.end("/usr/local/sbin/apply") == "/usr/sbin/iptables-nft-apply"


def test_nft_that_is_added_to_an_equal_one_has_to_be_set(el: ElAlternatives, node: Node) -> None:
    node.file(OTHER)
    el.run("--install", "/usr/sbin/iptables", "iptables", OTHER, "10")
    assert repair(alternatives, node) == Plan()
    assert changes(node) == [INSTALL_ALL, SET]
    assert all_nft(node)


def test_file_in_the_place_of_the_middle_link_is_kept(el: ElAlternatives, node: Node) -> None:
    in_state(el, 14)
    node.file(f"{LINKS}/iptables.saved", "an earlier one")
    assert repair(alternatives, node) == Plan()
    assert node.host.path(f"{LINKS}/iptables.saved").read_text() == "not a link"
    assert node.host.path(f"{LINKS}/iptables.saved.~1~").read_text() == "an earlier one"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_that_somebody_removed(el: ElAlternatives, node: Node, name: str) -> None:
    in_state(el, 1)
    (node.root / "usr/sbin" / name).unlink()
    (change,) = plan(node).changes
    assert (change.target, change.found) == (f"/usr/sbin/{name}", "nothing")
    assert repair(alternatives, node) == Plan()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_that_somebody_bent(el: ElAlternatives, node: Node, name: str) -> None:
    in_state(el, 1)
    node.file("/usr/sbin/xtables-legacy-multi")
    (node.root / "etc/alternatives" / name).unlink()
    node.link(f"/etc/alternatives/{name}", "/usr/sbin/xtables-legacy-multi")
    (change,) = plan(node).changes
    assert change.found == "a link to /usr/sbin/xtables-legacy-multi"
    assert repair(alternatives, node) == Plan()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_middle_link_that_somebody_removed(el: ElAlternatives, node: Node, name: str) -> None:
    in_state(el, 1)
    (node.root / "etc/alternatives" / name).unlink()
    (change,) = plan(node).changes
    assert change.found == "a link that ends at no program"
    assert repair(alternatives, node) == Plan()


@pytest.mark.parametrize("name", COMMANDS)
def test_an_nft_name_that_somebody_removed(el: ElAlternatives, node: Node, name: str) -> None:
    in_state(el, 1)
    family, dash, rest = name.partition("-")
    (node.root / "usr/sbin" / f"{family}-nft{dash}{rest}").unlink()
    assert repair(alternatives, node) == Plan()
    assert all_nft(node)


def test_entry_missing_though_the_links_are_right(el: ElAlternatives, node: Node) -> None:
    in_state(el, 1)
    (node.root / "var/lib/alternatives/iptables").unlink()
    assert plan(node) == Plan()


def test_change_names_what_it_changes(el: ElAlternatives, node: Node) -> None:
    in_state(el, 5)
    (change,) = plan(node).changes
    assert change.target == ", ".join(
        f"/usr/sbin/{name}" for name in COMMANDS if name != "iptables"
    )
    assert change.wanted == f"links that end at the nft variant, as {NFT}"


def test_program_that_refuses_ends_the_attempt(el: ElAlternatives, node: Node) -> None:
    (change,) = plan(node).changes
    node.programs.table[("/usr/sbin/alternatives",)] = result(2, stderr="read-only file system\n")
    message = attempt(alternatives, change, node)
    assert message == f"`{' '.join(INSTALL_ALL)}`: read-only file system"
    assert changes(node) == [INSTALL_ALL]


def test_hint_of_what_did_not_help_repeats_nothing(el: ElAlternatives, node: Node) -> None:
    """Everything that is known to fail is told beforehand: what is left is what nobody foresaw."""
    damaged(el, 7)
    node.programs.table[("/usr/sbin/alternatives",)] = result(2, stderr="unheard of\n")
    (change,) = repair(alternatives, node).changes
    places = " ".join(f"/usr/sbin/{name}" for name in COMMANDS)
    assert change.hint == (
        f"namei -l {places}; lsattr -d /usr/sbin {LINKS} {ADMIN}; ls -lZ {ADMIN}"
    )


def test_good_node_costs_one_command(el: ElAlternatives, node: Node) -> None:
    in_state(el, 1)
    node.programs.calls.clear()
    assert repair(alternatives, node) == Plan()
    assert node.programs.calls == [("/usr/sbin/iptables", "-V")]
    assert node.end("/usr/sbin/iptables") == MULTI
