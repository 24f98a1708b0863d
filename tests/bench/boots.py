"""What nodefix puts kubelet off by at boot, from the journals of real boots."""

from __future__ import annotations

import json
import statistics
from typing import Any

import testnode

BOOTS = 7
# sd-messages.h: SD_MESSAGE_UNIT_STARTING, SD_MESSAGE_UNIT_STARTED.
_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
_STARTED = "39f53479d3a045ac8e11786248231fbf"


def delays(node: testnode.Machine) -> dict[str, Any]:
    """Boot the node several times and leave it booted; the figures of a case, as measure.py's."""
    seconds = []
    for number in range(BOOTS):
        if number:
            node.poweroff()
        node.boot()
        seconds.append(_delay(node))
    return {"seconds": seconds, "cpu_seconds": [statistics.median(seconds)]}


def _delay(node: testnode.Machine) -> float:
    """From the start of nodefix.service to that of kubelet's own program."""
    begun = _moment(node, "nodefix.service", _STARTING)
    return (_moment(node, "kubelet.service", _STARTED) - begun) / 1_000_000


def _moment(node: testnode.Machine, unit: str, message: str) -> int:
    """When systemd said so in this boot, in microseconds; the first time."""
    argv = ["journalctl", "--boot", "--output=json", "--lines=1000", "_PID=1", f"UNIT={unit}"]
    for line in node.run([*argv, f"MESSAGE_ID={message}"]).stdout.splitlines():
        return int(json.loads(line)["__MONOTONIC_TIMESTAMP"])
    raise testnode.Failed(f"the journal of this boot does not tell of {unit}: {message}")
