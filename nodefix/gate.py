"""`nodefix wait`: hold kubelet until the node is ready, or say why it is not.

kubelet's drop-in runs this before each start, every ten seconds while it fails, so the way to
"yes" imports next to nothing: no pathlib, typing, json or argparse before the marker was looked
at.
"""

from __future__ import annotations

import os
import time

MARKER = "run/nodefix/ready"
REPORT = "run/nodefix/report.json"
LOCK = "run/nodefix/lock"
SWITCH = "etc/nodefix/disabled"
# systemd's conditions look at the second in containers, where the first is the host's.
CMDLINES = ("proc/cmdline", "proc/1/cmdline")
BOOT_ID = "proc/sys/kernel/random/boot_id"
SWAPS = "proc/swaps"
# Seconds: less than a service's default TimeoutStartSec=, so that the reason is printed.
DEFAULT_TIMEOUT = 60.0

_POLL_SECONDS = 0.2


def wait(root: str = "/", timeout: float = DEFAULT_TIMEOUT) -> str:
    """Wait until kubelet may start.

    Args:
        root: the node's root, with a slash at its end.
        timeout: seconds to wait for a run that is going on.

    Returns:
        Why kubelet must not start, with the remedy; empty if it may.
    """
    if is_switched_off(root):
        return ""
    if is_ready(root):
        return _swap_that_came_back(root)
    end = time.monotonic() + timeout
    while _run_is_going_on(root):
        if time.monotonic() >= end:
            return _still_running(root, timeout)
        time.sleep(_POLL_SECONDS)
    if is_ready(root):
        return _swap_that_came_back(root)
    return "" if _is_out_of_scope(root) else _reason(root)


def is_ready(root: str) -> bool:
    """Whether the marker is there and of this boot; one of another boot proves nothing."""
    marker = _read(root + MARKER)
    boot_id = _read(root + BOOT_ID).strip()
    # The marker is renamed into place whole, so finding the field is as good as parsing it.
    return b'"boot_id": "%s"' % boot_id in marker if marker and boot_id else False


def _swap_that_came_back(root: str) -> str:
    """Swap that something turned on after the run; kubelet would refuse to start with it."""
    lines = _read(root + SWAPS).splitlines()[1:]
    if not lines:
        return ""
    stages = {stage["stage"]: stage for stage in _report(root).get("stages", ())}
    swap = stages.get("swap", {})
    # Skipped, switched off or only wanted: then swap is none of the gate's business.
    if swap.get("mode") != "required" or swap.get("outcome") not in ("unchanged", "changed"):
        return ""
    names = ", ".join(line.split()[0].decode("utf-8", "replace") for line in lines)
    return (
        f"kubelet is held: swap: found {names} on again after nodefix turned swap off,"
        " expected none\n"
        "  find who calls swapon: journalctl -b -g swap\n"
        "  turn it off again: systemctl restart nodefix"
    )


def is_switched_off(root: str) -> bool:
    """Whether nodefix is switched off, by the same conditions as in nodefix.service."""
    words = b" ".join(_read(root + file) for file in CMDLINES).replace(b"\0", b" ").split()
    return os.path.lexists(root + SWITCH) or b"nodefix=off" in words


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _run_is_going_on(root: str) -> bool:
    import fcntl

    try:
        descriptor = os.open(root + LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_out_of_scope(root: str) -> bool:
    """For a node on which nodefix has not run at all: there is nothing to wait for."""
    from pathlib import Path

    from nodefix.config import load
    from nodefix.errors import ConfigError
    from nodefix.facts.system import read_scope

    try:
        forced = load(Path(root)).scope == "force"
    except ConfigError:
        # The run reports it; here it must not open the gate.
        return False
    return not forced and not read_scope(Path(root)).inside


def _still_running(root: str, timeout: float) -> str:
    stage = _report(root).get("stage") or "an unknown stage"
    return (
        f"kubelet is held: nodefix is still running (stage {stage}) after {timeout:g} seconds\n"
        "  see: journalctl -u nodefix -b"
    )


def _reason(root: str) -> str:
    """What the last run of this boot left behind, for kubelet's journal."""
    report = _report(root)
    again = "  then: systemctl restart nodefix"
    if report.get("boot_id") != _read(root + BOOT_ID).strip().decode():
        why = _configuration_problems(root) or "  see: systemctl status nodefix"
        return f"kubelet is held: nodefix has not run since this boot\n{why}\n{again}"
    if report.get("outcome") == "running":
        stage = report.get("stage") or "an unknown stage"
        return f"kubelet is held: the last run of nodefix was broken off in stage {stage}\n{again}"
    lines = ["kubelet is held: this node is not ready for it"]
    for stage in report.get("stages", ()):
        if stage["outcome"] == "not run" and stage["mode"] == "required":
            lines.append(f"{stage['stage']}: has not run since this boot")
        if stage["outcome"] != "failed":
            continue
        for problem in stage["problems"]:
            lines.append(f"{stage['stage']}: {problem['message']}")
            if problem["hint"]:
                lines.append(f"  to mend it: {problem['hint']}")
    if not any("systemctl restart nodefix" in line for line in lines):
        lines.append(again)
    return "\n".join([*lines, "  see also: journalctl -u nodefix -b"])


def _configuration_problems(root: str) -> str:
    from pathlib import Path

    from nodefix.config import load
    from nodefix.errors import ConfigError

    try:
        load(Path(root))
    except ConfigError as error:
        return error.message
    return ""


def _report(root: str) -> dict:  # type: ignore[type-arg]
    import json

    try:
        report = json.loads(_read(root + REPORT))
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
