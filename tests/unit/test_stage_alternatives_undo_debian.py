"""nodefix/stages/alternatives_undo.py with Debian's own update-alternatives."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from altundo import round_trip
from debian_alternatives import debian_node, debian_package, really
from fakehost import Node

from nodefix.facts.alternatives import COMMANDS

LINKS = "etc/alternatives"
ADMIN = "var/lib/dpkg/alternatives"


@pytest.fixture
def debian(node: Node) -> Node:
    """A node with Debian's update-alternatives, and with the names of its iptables."""
    return debian_node(node)


def nothing(node: Node) -> None:
    """Nothing is registered."""


def legacy(node: Node) -> None:
    """Another candidate is chosen for one family."""
    debian_package(node)
    really(node, "--set", "ip6tables", "/usr/sbin/ip6tables-legacy")


def without_followers(node: Node) -> None:
    """As the hand fix does it."""
    for name in ("iptables", "ip6tables"):
        really(node, "--install", f"/usr/sbin/{name}", name, f"/usr/sbin/{name}-nft", "10")


def more_followers(node: Node) -> None:
    """The one that is chosen brings a follower that the nft variant does not have."""
    debian_package(node)
    for name in ("other", "other-apply"):
        node.file(f"/usr/sbin/{name}", mode=0o755)
    words = ("--install", "/usr/sbin/iptables", "iptables", "/usr/sbin/other", "5")
    really(node, *words, "--slave", "/usr/sbin/apply", "apply", "/usr/sbin/other-apply")
    really(node, "--set", "iptables", "/usr/sbin/other")
    assert node.end("/usr/sbin/apply") == "/usr/sbin/other-apply"


def no_folder(node: Node) -> None:
    """The folder of links is gone."""
    debian_package(node)
    shutil.rmtree(node.root / LINKS)


def elsewhere(node: Node) -> None:
    """A follower is registered with another link, and the nft variant without it."""
    debian_package(node)
    (node.root / "usr/local/sbin").mkdir(parents=True)
    (node.root / "usr/sbin/iptables-save").rename(node.root / "usr/local/sbin/iptables-save")
    state = node.root / ADMIN / "iptables"
    text = state.read_text().replace(
        "\n/usr/sbin/iptables-save\n", "\n/usr/local/sbin/iptables-save\n"
    )
    state.write_text(text.replace("/usr/sbin/iptables-nft-save\n", "\n"))


def forgotten(node: Node) -> None:
    """A follower that no candidate brings, and the nft variant without its own."""
    node.link("/usr/sbin/apply", f"/{LINKS}/apply")
    node.link(f"/{LINKS}/apply", "/usr/sbin/nowhere")
    head = "auto\n/usr/sbin/iptables\napply\n/usr/sbin/apply\n\n"
    node.file(f"/{ADMIN}/iptables", f"{head}/usr/sbin/iptables-nft\n10\n\n\n")


@pytest.mark.real_commands
@pytest.mark.parametrize(
    "damage", [nothing, legacy, without_followers, more_followers, no_folder, elsewhere, forgotten]
)
def test_each_repair_can_be_undone(debian: Node, damage: Callable[[Node], None]) -> None:
    damage(debian)
    round_trip(debian)


@pytest.mark.real_commands
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("thing", ["nothing", "file", "folder"])
def test_what_is_moved_out_of_the_way_comes_back(debian: Node, name: str, thing: str) -> None:
    debian_package(debian)
    middle = debian.root / LINKS / name
    middle.unlink()
    if thing == "file":
        middle.write_text("not a link")
    if thing == "folder":
        (middle / "inside").mkdir(parents=True)
    round_trip(debian)
