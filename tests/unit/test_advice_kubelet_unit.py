"""nodefix/advice/kubelet_unit.py: kubelet's unit."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import kubelet_unit
from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.units import UnitInfo

OURS = "/usr/lib/systemd/system/kubelet.service.d/20-nodefix.conf"
THEIRS = "/etc/systemd/system/kubelet.service.d/30-site.conf"
WAIT = ("/usr/bin/nodefix", "wait")
GOOD = UnitInfo("loaded", "active", "enabled", (OURS, THEIRS), (("/usr/bin/true",), WAIT))


def judged(node: Node, unit: UnitInfo) -> Advice | None:
    node.systemd.infos["kubelet.service"] = unit
    found = kubelet_unit.judge(kubelet_unit.read(node.host, Config()))
    assert len(found) <= 1
    return found[0] if found else None


def test_it_waits(node: Node) -> None:
    assert judged(node, GOOD) is None


@pytest.mark.parametrize(
    ("unit", "code", "hint"),
    [
        (
            UnitInfo("masked", "inactive", "masked"),
            "kubelet-masked",
            "systemctl unmask kubelet.service && systemctl enable --now kubelet.service",
        ),
        (
            UnitInfo("masked", "inactive", "masked-runtime"),
            "kubelet-masked",
            "systemctl unmask --runtime kubelet.service && systemctl enable --now kubelet.service",
        ),
        (UnitInfo("not-found"), "kubelet-missing", "dnf install kubelet --disableexcludes=all"),
        (
            UnitInfo("bad-setting"),
            "kubelet-unit-broken",
            "systemd-analyze verify kubelet.service",
        ),
        (
            GOOD._replace(before=(("/usr/bin/true",),)),
            "kubelet-does-not-wait",
            "mkdir -p /etc/systemd/system/kubelet.service.d && printf"
            r" '[Service]\nExecStartPre=/usr/bin/nodefix wait\n'"
            " >/etc/systemd/system/kubelet.service.d/zz-nodefix.conf && systemctl daemon-reload",
        ),
        (
            GOOD._replace(before=(), drop_ins=(THEIRS,)),
            "kubelet-does-not-wait",
            "dnf reinstall nodefix && systemctl daemon-reload",
        ),
    ],
)
def test_what_is_wrong(node: Node, unit: UnitInfo, code: str, hint: str) -> None:
    found = judged(node, unit)
    assert found
    assert (found.code, found.hint) == (code, hint)


def test_who_reset_it(node: Node) -> None:
    found = judged(node, GOOD._replace(before=()))
    assert found
    assert f"ExecStartPre= reset by {THEIRS}, expected" in found.message


@pytest.mark.parametrize("folder", ["/etc/systemd/system", "/run/systemd/system"])
@pytest.mark.parametrize("is_link", [True, False])
def test_the_drop_in_is_masked(node: Node, folder: str, is_link: bool) -> None:
    path = f"{folder}/kubelet.service.d/20-nodefix.conf"
    if is_link:
        node.link(path, "/dev/null")
    else:
        node.file(path, "[Service]\n")
    # systemd names a file that takes the place of nodefix's, and none for a link to /dev/null.
    unit = GOOD._replace(before=(), drop_ins=() if is_link else (path,))
    found = judged(node, unit)
    assert found
    assert f"found {path} in the place of nodefix's drop-in" in found.message
    assert found.hint == f"rm {path} && systemctl daemon-reload"


def test_a_distribution_with_a_kubelet_of_its_own(node: Node) -> None:
    node.systemd.loaded.add("k3s.service")
    assert judged(node, UnitInfo("not-found")) is None
