"""Damage that the stages mend on a booted node, with Debian's real update-alternatives."""

from __future__ import annotations

import pytest
from nodes import outcomes, report, run_alone, sh
from testnode import Nspawn

ALL_NFT = "for c in ip{,6}tables{,-save,-restore}; do readlink -f /usr/sbin/$c; done | sort -u"


@pytest.mark.parametrize(
    "damage",
    [
        "update-alternatives --remove-all iptables; update-alternatives --remove-all ip6tables",
        "update-alternatives --remove-all ip6tables",
        "update-alternatives --set iptables /usr/sbin/iptables-legacy",
        "rm /usr/sbin/ip6tables",
        "rm /etc/alternatives/iptables-save",
        "ln -sf /nowhere /etc/alternatives/iptables",
        "rm /etc/alternatives/iptables",
        "rm /etc/alternatives/iptables; touch /etc/alternatives/iptables",
        "rm /etc/alternatives/ip6tables-save; mkdir /etc/alternatives/ip6tables-save",
        "rm /usr/sbin/iptables-nft",
        # As the hand fix registers it: without its followers.
        "update-alternatives --remove-all iptables;"
        " update-alternatives --install /usr/sbin/iptables iptables /usr/sbin/iptables-nft 10",
    ],
)
def test_alternatives_end_at_nft_again(node: Nspawn, damage: str) -> None:
    sh(node, damage)
    node.run(["nodefix", "run", "--stage", "alternatives"])
    assert outcomes(node)["alternatives"] == "changed"
    assert sh(node, ALL_NFT).split() == ["/usr/sbin/xtables-nft-multi"]
    for name in ("iptables", "ip6tables"):
        assert "(nf_tables)" in sh(node, f"{name} -V")
    node.run(["nodefix", "run", "--stage", "alternatives"])
    assert outcomes(node)["alternatives"] == "unchanged"


def test_a_file_in_the_place_of_a_link_is_refused_and_kept(node: Nspawn) -> None:
    sh(node, "rm /usr/sbin/iptables; printf '#!/bin/sh\\n' > /usr/sbin/iptables")
    ran = run_alone(node, "--stage", "alternatives")
    assert ran.returncode == 1
    assert "mv --backup=numbered --no-target-directory /usr/sbin/iptables" in ran.stderr
    assert node.read("/usr/sbin/iptables") == "#!/bin/sh\n"


# A file system of its own: the node's root is an overlay, of which nothing can be remounted.
_READ_ONLY = (
    "mkdir /mnt/sbin; mount -t tmpfs none /mnt/sbin; cp -a /usr/sbin/. /mnt/sbin;"
    " mount --bind /mnt/sbin /usr/sbin; umount /mnt/sbin; mount -o remount,ro /usr/sbin"
)
_STATE = "/var/lib/dpkg/alternatives/iptables"


@pytest.mark.parametrize(
    "damage",
    [
        "rm /usr/sbin/iptables; touch /usr/sbin/iptables",
        "rm /usr/sbin/iptables; mkdir /usr/sbin/iptables",
        f"rm /usr/sbin/iptables; echo garbage > {_STATE}",
        f"rm /usr/sbin/iptables {_STATE}; mkdir {_STATE}",
        f"rm /usr/sbin/iptables {_STATE}; mkfifo {_STATE}",
        f"rm /usr/sbin/iptables; {_READ_ONLY}",
    ],
)
def test_the_remedy_that_is_named_for_alternatives_works(node: Nspawn, damage: str) -> None:
    sh(node, damage)
    ran = run_alone(node, "--stage", "alternatives")
    assert ran.returncode == 1
    stage = next(s for s in report(node)["stages"] if s["stage"] == "alternatives")
    (problem,) = stage["problems"]
    sh(node, problem["hint"])
    assert outcomes(node)["alternatives"] == "changed"
    assert sh(node, ALL_NFT).split() == ["/usr/sbin/xtables-nft-multi"]


LOCK_IS_RIGHT = "stat -c '%F %a %u %g' /run/xtables.lock"


@pytest.mark.parametrize(
    "damage",
    [
        "rm /run/xtables.lock",
        "rm /run/xtables.lock; mkdir /run/xtables.lock",
        "chmod 644 /run/xtables.lock",
        "chown 1000:1000 /run/xtables.lock",
    ],
)
def test_the_lock_file_is_mended(node: Nspawn, damage: str) -> None:
    sh(node, damage)
    node.run(["nodefix", "run", "--stage", "lockfile"])
    assert outcomes(node)["lockfile"] == "changed"
    assert sh(node, LOCK_IS_RIGHT) == "regular empty file 600 0 0\n"


@pytest.mark.parametrize("thing", ["mkdir -p {0}/content", "ln -s elsewhere {0}", "mkfifo {0}"])
def test_what_is_not_a_lock_file_is_left_and_named(node: Nspawn, thing: str) -> None:
    sh(node, "rm /run/xtables.lock; " + thing.format("/run/xtables.lock"))
    before = sh(node, "ls -lR /run/xtables.lock")
    ran = run_alone(node, "--stage", "lockfile")
    assert ran.returncode == 1
    assert "mv --backup=numbered --no-target-directory /run/xtables.lock" in ran.stderr
    assert sh(node, "ls -lR /run/xtables.lock") == before


def test_a_lock_file_that_is_held_is_not_waited_for(node: Nspawn) -> None:
    sh(node, "exec 9<>/run/xtables.lock; flock --exclusive 9; timeout 20 nodefix run")
    assert report(node)["outcome"] == "ready"
