"""Where things are, for those who may import nothing dear; relative to the node's root."""

from __future__ import annotations

FOLDER = "run/nodefix"
MARKER = f"{FOLDER}/ready"
REPORT = f"{FOLDER}/report.json"
LOCK = f"{FOLDER}/lock"
# What the gate told last, and a run that ran no stage, so that the same again is one line.
TOLD_BY_WAIT = f"{FOLDER}/told-by-wait"
TOLD_BY_RUN = f"{FOLDER}/told-by-run"

SWITCH = "etc/nodefix/disabled"
BOOT_ID = "proc/sys/kernel/random/boot_id"
SWAPS = "proc/swaps"
# systemd's conditions look at the second in containers, where the first is the host's.
CMDLINES = ("proc/cmdline", "proc/1/cmdline")

UNIT = "nodefix.service"
