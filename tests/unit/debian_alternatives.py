"""Debian's own update-alternatives on a made-up tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from altstage import UPDATE_ALTERNATIVES, answer_rpm, answer_versions, coreutils
from fakehost import Node

from nodefix.facts.alternatives import COMMANDS
from nodefix.host.programs import Result


def debian_node(node: Node) -> Node:
    """Debian's update-alternatives, and the names of its iptables, with nothing registered."""
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
