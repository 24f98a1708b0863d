"""A node whose /usr/sbin is a link to /usr/bin, as in Fedora since 42."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testnode
from nodes import kubelet_runs, outcomes, rules, sh
from test_boot import FIRST_BOOT

# As iptables.spec of Fedora registers them there, where %_sbindir is /usr/bin.
REGISTER = "".join(
    f"update-alternatives --remove-all {name};"
    f" update-alternatives --install /usr/bin/{name} {name} /usr/bin/{name}-nft 10"
    f" --slave /usr/bin/{name}-restore {name}-restore /usr/bin/{name}-nft-restore"
    f" --slave /usr/bin/{name}-save {name}-save /usr/bin/{name}-nft-save; "
    for name in ("iptables", "ip6tables")
)
ALL_NFT = "for c in ip{,6}tables{,-save,-restore}; do readlink -f /usr/bin/$c; done | sort -u"


def merge(root: testnode.Root) -> None:
    """Move all programs of /usr/sbin to /usr/bin, and have the former lead there."""
    sbin, usr_bin = root.path / "usr/sbin", root.path / "usr/bin"
    for program in sbin.iterdir():
        # A link of the same name leads back from there.
        if not os.path.lexists(usr_bin / program.name):
            program.rename(usr_bin / program.name)
    root.delete("/usr/sbin")
    sbin.symlink_to("bin")


@pytest.fixture(scope="module")
def installed(rpm: Path) -> testnode.Root:
    """A root with merged folders and the RPM installed into that; clone() it."""
    root = testnode.Root.make(testnode.image())
    merge(root)
    testnode.install(root, rpm)
    return root


@pytest.mark.parametrize("registered", ["in /usr/sbin", "in /usr/bin"])
def test_the_node_is_ready_and_stays_as_it_is(root: testnode.Root, registered: str) -> None:
    if registered == "in /usr/bin":
        root.run(["sh", "-c", REGISTER])
    with testnode.Nspawn(root) as node:
        node.boot()
        assert outcomes(node) == FIRST_BOOT
        assert "KUBE-SERVICES" in rules(node)
        node.wait_until("kubelet is up", lambda: kubelet_runs(node))
        assert node.run(["nodefix", "run"]).returncode == 0
        assert set(outcomes(node).values()) == {"unchanged", "skipped"}


@pytest.mark.parametrize(
    "damage",
    [
        "update-alternatives --remove-all iptables; update-alternatives --remove-all ip6tables",
        "update-alternatives --set iptables /usr/sbin/iptables-legacy",
        "rm /usr/sbin/ip6tables /etc/alternatives/iptables-save",
        f"{REGISTER} rm /usr/bin/iptables /etc/alternatives/ip6tables",
    ],
)
def test_alternatives_end_at_nft_again(node: testnode.Nspawn, damage: str) -> None:
    sh(node, damage)
    node.run(["nodefix", "run", "--stage", "alternatives"])
    assert outcomes(node)["alternatives"] == "changed"
    assert sh(node, ALL_NFT).split() == ["/usr/bin/xtables-nft-multi"]
    node.run(["nodefix", "run", "--stage", "alternatives"])
    assert outcomes(node)["alternatives"] == "unchanged"
