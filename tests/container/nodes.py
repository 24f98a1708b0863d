"""What several tests of the container tier ask a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testnode import Machine, Nspawn

Boot = Callable[..., Nspawn]

TOP = Path(__file__).resolve().parents[2]

# Debian packages for tests that need more than a plain node, those of tests/faults among them: one
# image serves them all.
EXTRA = ("dnf", "firewalld", "strace")
# The tools around a node, for one test of them all.
AROUND = ("login", "prometheus", "prometheus-node-exporter", "rpm", "sosreport")

# One of iptables' match libraries: without it rules such as kube-proxy's cannot be made.
LIBRARY = "/usr/lib/x86_64-linux-gnu/xtables/libxt_addrtype.so"

STAGES = ("swap", "modules", "alternatives", "chains", "lockfile")


def report(node: Machine) -> dict[str, Any]:
    """The report of the last run."""
    found: dict[str, Any] = json.loads(node.read("/run/nodefix/report.json"))
    return found


def outcomes(node: Machine) -> dict[str, str]:
    """Stage to outcome, from the report."""
    return {stage["stage"]: stage["outcome"] for stage in report(node)["stages"]}


def sh(node: Machine, script: str, *, check: bool = True) -> str:
    """What a script prints."""
    return node.run(["bash", "-c", script], check=check).stdout


def until_the_boot_is_told(node: Machine) -> None:
    """Wait for the child of the boot's run that tells the bus of it: a listener hears it, too."""
    node.wait_until(
        "the bus has been told of the boot",
        lambda: node.run(["pgrep", "-f", "/usr/bin/nodefix run"], check=False).returncode == 1,
    )


def rules(node: Machine) -> str:
    """All rules of both families, without the lines that carry the time."""
    saved = sh(node, "iptables-save; ip6tables-save")
    return "".join(line for line in saved.splitlines(True) if not line.startswith("#"))


def kubelet_runs(node: Machine) -> bool:
    """Whether kubelet is up."""
    return node.unit("kubelet.service")["ActiveState"] == "active"


def kubelet_says(node: Machine) -> str:
    """What kubelet's own journal holds of `nodefix wait`."""
    entries = node.journal("_SYSTEMD_UNIT=kubelet.service")
    return "\n".join(entry["MESSAGE"] for entry in entries)
