"""nodefix/advice/kubelet_unit.py: kubelet's unit."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.advice import kubelet_unit
from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.host.units import UnitInfo
from nodefix.words import EMBEDDED_KUBELETS

OURS = "/usr/lib/systemd/system/kubelet.service.d/20-nodefix.conf"
THEIRS = "/etc/systemd/system/kubelet.service.d/30-site.conf"
WAIT = ("/usr/bin/nodefix", "wait")
GOOD = UnitInfo(
    "loaded", "active", "enabled", (OURS, THEIRS), (("/usr/bin/true",), WAIT), "always", 10.0
)
# As its installer leaves it.
K3S = GOOD._replace(drop_ins=(), pause=5.0, interval=10.0, burst=5)


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


def all_judged(node: Node, **units: UnitInfo) -> dict[str, str]:
    """What is advised where only these units are there: code to what is found."""
    for name, unit in units.items():
        node.systemd.infos[f"{name.replace('_', '-')}.service"] = unit
    found = kubelet_unit.judge(kubelet_unit.read(node.host, Config()))
    return {one.code: f"{one.message}\n{one.why}\n{one.hint}" for one in found}


MASKED = UnitInfo("masked", "inactive", "masked")


@pytest.mark.parametrize("unit", [unit.removesuffix(".service") for unit in EMBEDDED_KUBELETS])
def test_a_distribution_with_a_kubelet_of_its_own(node: Node, unit: str) -> None:
    name = unit.replace("-", "_")
    assert all_judged(node, kubelet=MASKED, **{name: K3S}) == {}
    said = all_judged(node, **{name: K3S._replace(before=())})["kubelet-does-not-wait"]
    assert (
        f"{unit}.service: found no drop-in 20-nodefix.conf, expected `/usr/bin/nodefix wait" in said
    )
    assert f"\n{unit} starts whether" in said
    assert "systemctl unmask x.service".replace("x", unit) in str(
        all_judged(node, **{name: MASKED})
    )


def test_microshifts_line_holds_it_within_one_start(node: Node) -> None:
    reset = GOOD._replace(before=(), drop_ins=(OURS.replace("kubelet", "microshift"),))
    said = all_judged(node, microshift=reset)["kubelet-does-not-wait"]
    assert r"'[Service]\nExecStartPre=/usr/bin/nodefix wait --hold 200\n'" in said


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        (K3S, ""),
        (K3S._replace(restart="on-failure"), ""),
        (K3S._replace(restart="no"), "Restart=no, expected Restart=always"),
        (
            K3S._replace(pause=0.1),
            "pauses of 0.1 s and at most 5 starts in 10 s, expected longer pauses or no such limit",
        ),
        # As MicroShift ships it, held within one start.
        (K3S._replace(pause=0.1, before=((*WAIT, "--hold", "200"),)), ""),
        (K3S._replace(pause=0.1, interval=0.0), ""),
    ],
)
def test_one_that_would_stay_down(node: Node, unit: UnitInfo, found: str) -> None:
    said = all_judged(node, k3s=unit)
    assert set(said) == ({"kubelet-not-tried-again"} if found else set())
    if found:
        assert f"k3s.service: found {found}\n" in said["kubelet-not-tried-again"]


@pytest.mark.parametrize(
    ("name", "argv", "is_one"),
    [
        ("k3s-site", ("/opt/bin/k3s", "server", "--debug"), True),
        ("k0s-two", ("/usr/bin/k0s", "worker"), True),
        ("k3s-backup", ("/usr/local/bin/k3s", "etcd-snapshot"), False),
        ("k3s-helper", ("/usr/bin/true", "server"), False),
    ],
)
def test_one_of_another_name(node: Node, name: str, argv: tuple[str, ...], is_one: bool) -> None:
    node.file(f"/etc/systemd/system/{name}.service", "[Service]\n")
    node.systemd.commands[f"{name}.service"] = started_by(*argv)
    said = all_judged(node, k3s=K3S).get("kubelet-of-another-name", "")
    assert bool(said) is is_one
    if is_one:
        assert f"{name}.service.d/20-nodefix.conf && systemctl daemon-reload" in said
    node.systemd.infos[f"{name}.service"] = K3S
    assert all_judged(node, k3s=K3S) == {}
