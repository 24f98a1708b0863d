"""Swap that somebody turns on between nodefix and kubelet is caught by the gate."""

from __future__ import annotations

import pytest
from qemu import Boot, Ran, Scenario

_LATE_UNIT = """\
[Unit]
After=nodefix.service
Before=kubelet.service

[Service]
Type=oneshot
ExecStart=/sbin/swapon /dev/vda4

[Install]
WantedBy=multi-user.target
"""

LATE = Scenario(
    "swap-late",
    boots=(
        Boot(
            damage="mkswap /dev/vda4\nsystemctl --no-reload enable late.service\n",
            script="systemctl is-active kubelet >held || true\n"
            "cat /proc/swaps >on\n"
            # What kubelet's journal says is to be typed; kubelet then comes up by itself.
            "systemctl restart nodefix\n"
            "for try in $(seq 60); do\n"
            "    systemctl is-active kubelet >mended && break\n    sleep 1\ndone\n",
        ),
    ),
    files={"/etc/systemd/system/late.service": _LATE_UNIT},
    collect=("/run/nodefix",),
)

late = pytest.mark.parametrize("ran", [LATE], indirect=True, ids=["machine"])


@late
def test_kubelet_is_held_and_told_which_swap(ran: Ran) -> None:
    (booted,) = ran.boots
    assert "/dev/vda4" in booted.script("on")
    assert booted.script("held").strip() == "activating"
    told = booted.told("kubelet.service")
    assert "kubelet is held" in told
    assert "/dev/vda4" in told


@late
def test_another_run_turns_it_off_and_kubelet_comes(ran: Ran) -> None:
    (booted,) = ran.boots
    assert booted.swaps == []
    assert booted.stage("swap")["outcome"] == "changed"
    assert booted.script("mended").strip() == "active"
