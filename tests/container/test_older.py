"""A smoke test on Debian 12: nodefix needs none of what systemd 257 and iptables 1.8.11 brought."""

from __future__ import annotations

from pathlib import Path

import pytest
import testnode
from nodes import LIBRARY, Boot, kubelet_runs, kubelet_says, outcomes, report, rules, sh
from test_boot import FIRST_BOOT
from testnode.image import OLDER


@pytest.fixture(scope="module")
def installed(rpm: Path) -> testnode.Root:
    """A node's root of Debian 12 with the RPM installed; clone() it."""
    root = testnode.Root.make(testnode.image(suite=OLDER))
    testnode.install(root, rpm)
    return root


def test_the_node_is_ready_at_both_boots(node: testnode.Nspawn) -> None:
    assert sh(node, "systemctl --version").startswith("systemd 252 ")
    assert outcomes(node) == FIRST_BOOT
    assert kubelet_runs(node)
    before = rules(node)
    node.poweroff()
    node.boot()
    assert outcomes(node) == FIRST_BOOT | {"lockfile": "unchanged"}
    assert rules(node) == before


def test_kubelet_is_held_and_comes_up_by_itself_after_the_repair(
    root: testnode.Root, boot: Boot
) -> None:
    library = root.path / LIBRARY.lstrip("/")
    library.rename(f"{library}.away")
    node = boot()
    assert outcomes(node)["modules"] == "failed"
    assert not kubelet_runs(node)
    node.wait_until("kubelet's journal says why", lambda: "addrtype" in kubelet_says(node))
    sh(node, f"mv {LIBRARY}.away {LIBRARY}; systemctl restart nodefix")
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))
    assert report(node)["outcome"] == "ready"


def test_stages_repair(node: testnode.Nspawn) -> None:
    before = rules(node)
    for name in ("iptables", "ip6tables"):
        sh(node, f"update-alternatives --remove-all {name}")
    sh(node, "nft flush ruleset; rm /run/xtables.lock; mkdir /run/xtables.lock")
    node.run(["nodefix", "run"])
    done = outcomes(node)
    assert {done[stage] for stage in ("alternatives", "lockfile")} == {"changed"}
    assert rules(node) == before
