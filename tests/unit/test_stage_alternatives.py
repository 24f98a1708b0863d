"""nodefix/stages/alternatives.py: iptables and ip6tables are the nft variants."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from el_alternatives import INSTALL_ALL, SET, STATES, ElAlternatives
from fakehost import Node, attempt, planned, repair, result
from test_el_alternatives import sections

from nodefix.commands import Result
from nodefix.config import Config
from nodefix.facts.alternatives import COMMANDS
from nodefix.plan import Plan
from nodefix.stages import alternatives

UPDATE_ALTERNATIVES = "/usr/bin/update-alternatives"
MULTI = "/usr/sbin/xtables-nft-multi"


def plan(node: Node, config: Config | None = None) -> Plan:
    return planned(alternatives, node, config)


def all_nft(node: Node) -> bool:
    return all(node.end(f"/usr/sbin/{name}") == MULTI for name in COMMANDS)


def answer_versions(node: Node) -> None:
    """Let iptables and ip6tables say by where they end which variant they are."""

    def version(argv: tuple[str, ...], stdin: bytes) -> Result:
        variant = "nf_tables" if node.end(argv[0]) == MULTI else "legacy"
        return result(0, f"{Path(argv[0]).name} v1.8.11 ({variant})\n")

    for name in ("iptables", "ip6tables"):
        node.commands.table[(f"/usr/sbin/{name}", "-V")] = version


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    return ElAlternatives(node)


def changes(node: Node) -> list[tuple[str, ...]]:
    """The commands that were run to change something."""
    return [argv for argv in node.commands.calls if argv[1:] != ("-V",)]


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


# Debian's own program, on a made-up tree.


@pytest.fixture
def debian(node: Node) -> Node:
    """A node with Debian's update-alternatives, iptables registered as its package does."""
    if not Path(UPDATE_ALTERNATIVES).exists():
        pytest.skip(f"found no {UPDATE_ALTERNATIVES}")
    answer_versions(node)
    node.file(UPDATE_ALTERNATIVES)
    for folder in ("etc/alternatives", "var/lib/dpkg/alternatives", "var/log"):
        (node.root / folder).mkdir(parents=True)
    for variant, program in (("nft", "xtables-nft-multi"), ("legacy", "xtables-legacy-multi")):
        node.file(f"/usr/sbin/{program}", mode=0o755)
        for name in COMMANDS:
            family, dash, rest = name.partition("-")
            node.link(f"/usr/sbin/{family}-{variant}{dash}{rest}", program)
    node.commands.table[(UPDATE_ALTERNATIVES,)] = lambda argv, stdin: really(node, *argv[1:])
    return node


def really(node: Node, *arguments: str) -> Result:
    """Run the real update-alternatives below the node's root."""
    argv = (UPDATE_ALTERNATIVES, "--root", str(node.root), *arguments)
    done = subprocess.run(argv, capture_output=True, timeout=10, check=False)
    return Result(argv, done.returncode, done.stdout, done.stderr)


def debian_package(node: Node) -> None:
    """What Debian's iptables package does at its installation."""
    for variant, priority in (("legacy", "10"), ("nft", "20")):
        for family in ("iptables", "ip6tables"):
            words = ["--install", f"/usr/sbin/{family}", family, f"/usr/sbin/{family}-{variant}"]
            words.append(priority)
            for rest in ("restore", "save"):
                name = f"{family}-{rest}"
                words += ["--slave", f"/usr/sbin/{name}", name]
                words.append(f"/usr/sbin/{family}-{variant}-{rest}")
            assert really(node, *words).status == 0


@pytest.mark.real_commands
def test_debian_good_node(debian: Node) -> None:
    debian_package(debian)
    assert plan(debian) == Plan()
    assert all_nft(debian)


@pytest.mark.real_commands
def test_debian_legacy_chosen_for_one_family(debian: Node) -> None:
    debian_package(debian)
    really(debian, "--set", "ip6tables", "/usr/sbin/ip6tables-legacy")
    (change,) = plan(debian).changes
    assert change.found == "a link to /usr/sbin/xtables-legacy-multi"
    assert repair(alternatives, debian) == Plan()
    assert changes(debian) == [
        (UPDATE_ALTERNATIVES, "--set", "ip6tables", "/usr/sbin/ip6tables-nft")
    ]
    assert all_nft(debian)


@pytest.mark.real_commands
def test_debian_nothing_registered(debian: Node) -> None:
    assert [change.action.commands[0][1] for change in plan(debian).changes] == ["--install"] * 2
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)
    done = debian.snapshot()
    assert repair(alternatives, debian) == Plan()
    assert debian.snapshot() == done


@pytest.mark.real_commands
def test_debian_registered_without_followers(debian: Node) -> None:
    for name in ("iptables", "ip6tables"):
        really(debian, "--install", f"/usr/sbin/{name}", name, f"/usr/sbin/{name}-nft", "10")
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)


@pytest.mark.real_commands
@pytest.mark.parametrize("name", COMMANDS)
def test_debian_link_removed(debian: Node, name: str) -> None:
    debian_package(debian)
    (debian.root / "usr/sbin" / name).unlink()
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)


@pytest.mark.real_commands
def test_debian_plain_file_in_the_links_place(debian: Node) -> None:
    debian_package(debian)
    (debian.root / "usr/sbin/iptables").unlink()
    debian.file("/usr/sbin/iptables", "not a link", 0o755)
    left = repair(alternatives, debian)
    assert left.changes == ()
    assert "/usr/sbin/iptables: found a file" in left.problems[0].message


@pytest.mark.real_commands
def test_debian_corrupt_state_file(debian: Node) -> None:
    debian_package(debian)
    debian.file("/var/lib/dpkg/alternatives/iptables", "garbage\n")
    (debian.root / "usr/sbin/iptables").unlink()
    left = repair(alternatives, debian)
    assert left.changes == ()
    (problem,) = left.problems
    assert problem.hint.startswith("mv /var/lib/dpkg/alternatives/iptables /root/")
