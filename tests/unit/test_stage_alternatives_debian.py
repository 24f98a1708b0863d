"""nodefix/stages/alternatives.py with Debian's own update-alternatives, on a made-up tree."""

from __future__ import annotations

import shutil

import pytest
from altstage import (
    UPDATE_ALTERNATIVES,
    all_nft,
    changes,
    plan,
    type_in,
)
from debian_alternatives import debian_node, debian_package, really
from fakehost import Node, repair

from nodefix.facts.alternatives import COMMANDS
from nodefix.plan import Plan
from nodefix.stages import alternatives


@pytest.fixture
def debian(node: Node) -> Node:
    """A node with Debian's update-alternatives, and with the names of its iptables."""
    return debian_node(node)


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
    assert changes(debian) == [(UPDATE_ALTERNATIVES, "--auto", "ip6tables")]
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
    type_in(debian, problem.hint)
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)


@pytest.mark.real_commands
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("thing", ["nothing", "file", "folder"])
def test_debian_middle_link_removed(debian: Node, name: str, thing: str) -> None:
    debian_package(debian)
    middle = debian.root / "etc/alternatives" / name
    middle.unlink()
    if thing == "file":
        middle.write_text("not a link")
    if thing == "folder":
        middle.mkdir()
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)
    assert middle.with_name(f"{name}.saved").exists() == (thing != "nothing")


@pytest.mark.real_commands
def test_debian_no_folder_of_links(debian: Node) -> None:
    debian_package(debian)
    shutil.rmtree(debian.root / "etc/alternatives")
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)


@pytest.mark.real_commands
@pytest.mark.parametrize("other", ["iptables-legacy", "iptables-other"])
def test_debian_equal_priorities(debian: Node, other: str) -> None:
    """Automatic mode stays with the one that is chosen, wherever it comes in the file."""
    debian_package(debian)
    debian.file(f"/usr/sbin/{other}")
    words = ("--install", "/usr/sbin/iptables", "iptables", f"/usr/sbin/{other}", "20")
    really(debian, *words)
    really(debian, "--set", "iptables", f"/usr/sbin/{other}")
    really(debian, "--auto", "iptables")
    assert not all_nft(debian)
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)


@pytest.mark.real_commands
def test_debian_registered_with_another_link(debian: Node) -> None:
    """Debian's program moves a command's link to where it is said to belong."""
    debian_package(debian)
    state = debian.root / "var/lib/dpkg/alternatives/iptables"
    elsewhere = "/usr/local/sbin/iptables-save"
    (debian.root / "usr/local/sbin").mkdir(parents=True)
    state.write_text(state.read_text().replace("\n/usr/sbin/iptables-save\n", f"\n{elsewhere}\n"))
    text = state.read_text().replace("/usr/sbin/iptables-nft-save\n", "\n")
    state.write_text(text)
    (debian.root / "usr/sbin/iptables-save").unlink()
    assert repair(alternatives, debian) == Plan()
    assert all_nft(debian)
