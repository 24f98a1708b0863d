"""nodefix.service is masked or disabled."""

from __future__ import annotations

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.node import Host
from nodefix.host.units import UnitInfo
from nodefix.words import UNIT

NAME = "nodefix_unit"


def read(host: Host, config: Config) -> UnitInfo:
    """Ask systemd."""
    return host.systemd.unit_info(UNIT)


def judge(unit: UnitInfo) -> tuple[Advice, ...]:
    """It has to be enabled; an admin who wants it off has a switch that lets kubelet go."""
    if unit.load == "masked":
        runtime = " --runtime" if unit.file_state == "masked-runtime" else ""
        return (
            Advice(
                "nodefix-masked",
                f"{UNIT}: found masked, expected enabled",
                "From the next boot on kubelet is held for ever; `nodefix disable` switches it off"
                " without holding kubelet.",
                f"systemctl unmask{runtime} {UNIT} && systemctl enable --now {UNIT}",
            ),
        )
    if unit.load == "loaded" and unit.file_state == "disabled":
        return (
            Advice(
                "nodefix-disabled",
                f"{UNIT}: found disabled, expected enabled",
                "It then runs late, when kubelet's unit pulls it in.",
                f"systemctl enable {UNIT}",
            ),
        )
    return ()
