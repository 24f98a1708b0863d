"""nodefix/advice/nm_cloud_setup.py: nm-cloud-setup on a node."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import nm_cloud_setup
from nodefix.config import Config
from nodefix.host.units import UnitInfo

TIMER, SERVICE = "nm-cloud-setup.timer", "nm-cloud-setup.service"


@pytest.mark.parametrize(
    ("timer", "service", "expected"),
    [
        (UnitInfo("not-found"), UnitInfo("not-found"), ()),
        (UnitInfo("loaded", "active", "enabled"), UnitInfo("loaded"), (TIMER,)),
        (UnitInfo("loaded", "active", "disabled"), UnitInfo("loaded"), (TIMER,)),
        (UnitInfo("loaded"), UnitInfo("loaded", "inactive", "enabled"), (SERVICE,)),
        (UnitInfo("loaded", "inactive", "disabled"), UnitInfo("loaded", "inactive"), ()),
        (UnitInfo("masked", "inactive", "masked"), UnitInfo("masked", "inactive", "masked"), ()),
    ],
)
def test_read(node: Node, timer: UnitInfo, service: UnitInfo, expected: tuple[str, ...]) -> None:
    node.systemd.infos = {TIMER: timer, SERVICE: service}
    assert nm_cloud_setup.read(node.host, Config()) == expected


def test_judge() -> None:
    assert nm_cloud_setup.judge(()) == ()
    (found,) = nm_cloud_setup.judge((TIMER, SERVICE))
    assert found.code == "nm-cloud-setup-active"
    assert found.hint == f"systemctl disable --now {TIMER} {SERVICE}"
