"""nodefix/advice/nodefix_unit.py: nodefix.service is masked or disabled."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import nodefix_unit
from nodefix.config import Config
from nodefix.host.units import UnitInfo


@pytest.mark.parametrize(
    ("unit", "code", "hint"),
    [
        (
            UnitInfo("masked", "inactive", "masked"),
            "nodefix-masked",
            "systemctl unmask nodefix.service && systemctl enable --now nodefix.service",
        ),
        (
            UnitInfo("masked", "inactive", "masked-runtime"),
            "nodefix-masked",
            "systemctl unmask --runtime nodefix.service && systemctl enable --now nodefix.service",
        ),
        (
            UnitInfo("loaded", "active", "disabled"),
            "nodefix-disabled",
            "systemctl enable nodefix.service",
        ),
    ],
)
def test_off(node: Node, unit: UnitInfo, code: str, hint: str) -> None:
    node.systemd.infos["nodefix.service"] = unit
    (found,) = nodefix_unit.judge(nodefix_unit.read(node.host, Config()))
    assert (found.code, found.hint) == (code, hint)


@pytest.mark.parametrize("unit", [UnitInfo("loaded", "active", "enabled"), UnitInfo("not-found")])
def test_on(unit: UnitInfo) -> None:
    assert nodefix_unit.judge(unit) == ()
