"""What several tests of the container tier ask a node."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testnode import Machine, Nspawn, Result, Root

Boot = Callable[..., Nspawn]

TOP = Path(__file__).resolve().parents[2]

# Debian packages for tests that need more than a plain node, those of tests/faults among them: one
# image serves them all.
EXTRA = ("dnf", "firewalld", "strace")
# The tools around a node, for one test of them all.
AROUND = ("login", "prometheus", "prometheus-node-exporter", "rpm", "sosreport")

# One of iptables' match libraries: without it rules such as kube-proxy's cannot be made.
LIBRARY = "/usr/lib/x86_64-linux-gnu/xtables/libxt_addrtype.so"

# In the place of unshare(1), of which the modules stage makes use: a run that takes its time, and a
# script that waits until it does.
PROBE = "/usr/bin/unshare"
PROBING = "until [ -e /run/probing ]; do sleep 0.02; done; rm /run/probing"

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


def printed(node: Machine, script: str) -> str:
    """What a script prints that reads the journal, which takes what is sent a moment later."""
    return sh(node, f"journalctl --sync; {script}")


def run_alone(node: Machine, *words: str) -> Result:
    """A run by hand, after which nobody else runs: what it leaves behind may be looked at.

    The service, where it is active, goes on by itself with a run that fails: it has the report
    then, and may be at work while the remedy is typed. See test_again.py.
    """
    node.run(["systemctl", "stop", "nodefix"])
    return node.run(["nodefix", "run", *words], check=False)


def keep_still(root: Root) -> None:
    """Have nobody try again by themselves before all has been looked at, however slow the machine.

    Both: by systemd 257 a kubelet that is tried again cuts the pause of nodefix.service short.
    """
    rest = "[Service]\nRestartSec=1000\nRestartSteps=0\nRestartMaxDelaySec=infinity\n"
    for unit in ("nodefix", "kubelet"):
        root.write(f"/etc/systemd/system/{unit}.service.d/still.conf", rest)


def lock_held(seconds: int) -> str:
    """Lines of bash that leave somebody in the background who holds the run lock for so long.

    Their outputs are closed: whoever reads this script's would wait for them.
    """
    lock = "/run/nodefix/lock"
    return (
        f"setsid flock --exclusive {lock} sleep {seconds} >/dev/null 2>&1 &"
        f" while flock --nonblock {lock} true; do sleep 0.05; done;"
    )


def slow_probe(root: Root, seconds: float) -> None:
    """Have each probe of the modules stage take so long, with a file that tells of it."""
    root.run(["mv", PROBE, f"{PROBE}.real"])
    slow = f'#!/bin/sh\ntouch /run/probing; sleep {seconds:g}; exec {PROBE}.real "$@"\n'
    root.write(PROBE, slow, 0o755)


def until_the_boot_is_told(node: Machine) -> None:
    """Wait for the child of the boot's run that tells the bus of it: a listener hears it, too."""
    node.wait_until(
        "the bus has been told of the boot",
        lambda: node.run(["pgrep", "-f", "/usr/bin/nodefix run"], check=False).returncode == 1,
    )


def rules(node: Machine) -> str:
    """All rules of both families, without the lines that carry the time, and without counters."""
    saved = re.sub(r"\[\d+:\d+\]", "[0:0]", sh(node, "iptables-save; ip6tables-save"))
    return "".join(line for line in saved.splitlines(True) if not line.startswith("#"))


def kubelet_runs(node: Machine) -> bool:
    """Whether kubelet is up."""
    return node.unit("kubelet.service")["ActiveState"] == "active"


def kubelet_says(node: Machine) -> str:
    """What kubelet's own journal holds of `nodefix wait`."""
    entries = node.journal("_SYSTEMD_UNIT=kubelet.service")
    return "\n".join(entry["MESSAGE"] for entry in entries)
