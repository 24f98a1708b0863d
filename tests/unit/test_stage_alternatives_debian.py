"""nodefix/stages/alternatives.py with Debian's own update-alternatives, on a made-up tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from altstage import (
    UPDATE_ALTERNATIVES,
    all_nft,
    answer_rpm,
    answer_versions,
    changes,
    coreutils,
    plan,
    type_in,
)
from fakehost import Node, repair

from nodefix.facts.alternatives import COMMANDS
from nodefix.host.programs import Result
from nodefix.plan import Plan
from nodefix.stages import alternatives


@pytest.fixture
def debian(node: Node) -> Node:
    """A node with Debian's update-alternatives, iptables registered as its package does."""
    if not Path(UPDATE_ALTERNATIVES).exists():
        pytest.skip(f"found no {UPDATE_ALTERNATIVES}")
    answer_versions(node)
    answer_rpm(node)
    coreutils(node)
    node.file(UPDATE_ALTERNATIVES)
    for folder in ("etc/alternatives", "var/lib/dpkg/alternatives", "var/log"):
        (node.root / folder).mkdir(parents=True)
    for variant, program in (("nft", "xtables-nft-multi"), ("legacy", "xtables-legacy-multi")):
        node.file(f"/usr/sbin/{program}", mode=0o755)
        for name in COMMANDS:
            family, dash, rest = name.partition("-")
            node.link(f"/usr/sbin/{family}-{variant}{dash}{rest}", program)
    node.programs.table[(UPDATE_ALTERNATIVES,)] = lambda argv, stdin: really(node, *argv[1:])
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
