"""The units of k3s, rke2, k0s and MicroShift are held and let go as kubelet's own is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import testnode
from distributions import PROGRAM, UNITS
from nodes import LIBRARY, rules, sh

from nodefix import events

# An archive of rke2's brings both; the agent's is not enabled here.
ENABLED = [name for name in UNITS if name != "rke2-agent"]

# As MicroShift's guide to auto-recovery has it where systemd is older than 254.
AUTO_RECOVERY = "[Unit]\nOnFailure=recovery.service\n"
RECOVERY = "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /recovered\n"


@pytest.fixture
def distributions(root: testnode.Root) -> testnode.Root:
    """All of them on one node, beside kubelet's unit."""
    for program in ("usr/local/bin/k3s", "usr/local/bin/rke2", "usr/local/bin/k0s"):
        root.write(f"/{program}", PROGRAM, 0o755)
    root.write("/usr/bin/microshift", PROGRAM, 0o755)
    for name, text in UNITS.items():
        root.write(f"/etc/systemd/system/{name}.service", text)
    root.write("/usr/lib/systemd/system/microshift.service.d/10-recovery.conf", AUTO_RECOVERY)
    root.write("/etc/systemd/system/recovery.service", RECOVERY)
    # Held within its start MicroShift's is no boot that ends, so it is started later.
    at_boot = (f"{name}.service" for name in ENABLED if name != "microshift")
    root.run(["systemctl", "enable", *at_boot])
    return root


def says(node: testnode.Nspawn, name: str) -> str:
    """What a unit's own journal holds of `nodefix wait`."""
    entries = node.journal(f"_SYSTEMD_UNIT={name}.service", "SYSLOG_IDENTIFIER=nodefix")
    return "\n".join(entry["MESSAGE"] for entry in entries)


def state(node: testnode.Nspawn) -> dict[str, Any]:
    ran = node.run(["nodefix", "status", "--format", "json"], check=False)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def is_up(node: testnode.Nspawn, name: str) -> bool:
    return node.unit(f"{name}.service")["ActiveState"] == "active"


def test_each_is_held_by_name_and_let_go_by_itself(distributions: testnode.Root) -> None:
    library = distributions.path / LIBRARY.lstrip("/")
    library.rename(f"{library}.away")
    with testnode.Nspawn(distributions) as node:
        node.boot()
        each_is_held(node)
        each_is_let_go_after_the_repair(node)
        what_k3s_installer_wipes_is_back_before_k3s_starts(node)
        one_of_another_name_is_found(node)
        the_switch_lets_go(node)
        without_the_units_the_drop_ins_are_harmless(node)


def each_is_held(node: testnode.Nspawn) -> None:
    sh(node, "systemctl start --no-block microshift")
    for name in ENABLED:
        node.wait_until(f"{name} is held", lambda name=name: "fix: " in says(node, name))
        said = says(node, name)
        assert said.startswith(f"{name} is held: this node is not ready for it\nmodules: "), said
    # It had to wait: each began only when the run had ended.
    (ended, *_) = node.journal("NODEFIX_OUTCOME=failed", f"MESSAGE_ID={events.RUN_FAILED}")
    for name in ENABLED:
        (first, *_) = node.journal(f"_SYSTEMD_UNIT={name}.service")
        assert int(first["__MONOTONIC_TIMESTAMP"]) > int(ended["__MONOTONIC_TIMESTAMP"])
    found = state(node)
    held = {one["unit"]: one["held_seconds"] for one in found["held"]}
    assert set(held) == {f"{name}.service" for name in ("kubelet", *ENABLED)}
    assert all(seconds is not None for seconds in held.values())
    assert found["kubelet_runs"] is False
    assert "k3s and k3s-agent and rke2-server and " in ended["MESSAGE"]
    text = node.run(["nodefix", "status"], check=False).stdout
    assert "held: k0sworker.service, for " in text
    # Longer than systemd takes to give up a unit that it starts again after 100 ms.
    node.wait_until("k3s was tried again", lambda: tries(node, "k3s") > 0)
    assert tries(node, "microshift") == 0
    assert not node.exists("/recovered")


def tries(node: testnode.Nspawn, name: str) -> int:
    return int(node.unit(f"{name}.service")["NRestarts"])


def each_is_let_go_after_the_repair(node: testnode.Nspawn) -> None:
    sh(node, f"mv {LIBRARY}.away {LIBRARY}; systemctl restart nodefix")
    for name in ("kubelet", *ENABLED):
        node.wait_until(f"{name} is up", lambda name=name: is_up(node, name))
    assert tries(node, "microshift") == 0
    found = state(node)
    assert (found["kubelet_runs"], found["held"]) == (True, [])
    assert "k3s.service" in found["kubelet_units"]


def what_k3s_installer_wipes_is_back_before_k3s_starts(node: testnode.Nspawn) -> None:
    wipe = "$x-save | grep -v KUBE- | grep -iv flannel | $x-restore"
    sh(node, f"for x in iptables ip6tables; do {wipe}; done; ! nft list ruleset | grep -q KUBE-")
    # As it does it: with Type=notify this ends when k3s is up, and fails if a start fails.
    sh(node, "systemctl restart k3s")
    assert "KUBE-SERVICES" in rules(node)


def one_of_another_name_is_found(node: testnode.Nspawn) -> None:
    """As INSTALL_K3S_NAME=site leaves it."""
    node.write("/etc/systemd/system/k3s-site.service", UNITS["k3s"])
    sh(node, "systemctl daemon-reload")
    (advice,) = [one for one in advised(node) if one["code"] == "kubelet-of-another-name"]
    sh(node, advice["hint"])
    assert not [one for one in advised(node) if "k3s-site" in one["message"]]
    sh(node, f"mv {LIBRARY} {LIBRARY}.away; nodefix run; true")
    sh(node, "systemctl start k3s-site", check=False)
    assert says(node, "k3s-site").startswith("k3s-site is held: ")


def advised(node: testnode.Nspawn) -> list[dict[str, str]]:
    ran = node.run(["nodefix", "check", "--format", "json"], check=False)
    found: list[dict[str, str]] = json.loads(ran.stdout)["advice"]
    return [one for one in found if one["code"].startswith("kubelet-")]


def the_switch_lets_go(node: testnode.Nspawn) -> None:
    sh(node, "systemctl restart --no-block k3s k0sworker microshift")
    node.wait_until("microshift is held", lambda: says(node, "microshift").count(" is held: ") > 1)
    disabled = node.run(["nodefix", "disable", "--now"])
    assert "k3s" in disabled.output
    for name in ("k3s", "k3s-site", "k0sworker", "microshift"):
        node.wait_until(f"{name} is up", lambda name=name: is_up(node, name))
        assert f"nodefix is switched off, so {name} may start: " in says(node, name)


def without_the_units_the_drop_ins_are_harmless(node: testnode.Nspawn) -> None:
    names = " ".join(f"{name}.service" for name in (*UNITS, "k3s-site"))
    sh(node, f"systemctl disable --now {names}")
    sh(node, f"cd /etc/systemd/system && rm {names} && rm /usr/lib/systemd/system/micro*/10-*")
    before = len(node.journal("_PID=1"))
    sh(node, "systemctl daemon-reload")
    assert not [e for e in node.journal("_PID=1")[before:] if int(e["PRIORITY"]) < 5]
    verify = ["systemd-analyze", "verify", "--man=no", "nodefix.service", "kubelet.service"]
    assert node.run(verify).output == ""
    # And so are the projects' ways to look whether it is installed.
    assert "k3s" not in sh(node, "systemctl list-unit-files")
    assert node.unit("k3s.service")["LoadState"] == "not-found"
