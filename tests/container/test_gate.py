"""kubelet is held while the node is not ready, and never longer."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
import shown
import testnode
from nodes import (
    LIBRARY,
    Boot,
    kubelet_runs,
    kubelet_says,
    lock_held,
    outcomes,
    printed,
    report,
    rules,
    sh,
)

SVG = "{http://www.w3.org/2000/svg}"


def test_kubelet_is_held_with_the_reason_and_comes_up_by_itself_after_the_repair(
    root: testnode.Root, boot: Boot
) -> None:
    library = root.path / LIBRARY.lstrip("/")
    library.rename(f"{library}.away")
    booted = time.time()
    node = boot()
    assert outcomes(node) == {
        "swap": "skipped",
        "modules": "failed",
        "alternatives": "unchanged",
        "chains": "prepared",
        "lockfile": "changed",
    }
    assert not node.exists("/run/nodefix/ready")
    assert not kubelet_runs(node)
    node.wait_until("kubelet's journal says why", lambda: "fix: " in kubelet_says(node))
    said = kubelet_says(node)
    assert "modules: " in said
    assert "addrtype" in said
    assert "systemctl restart nodefix" in said
    errors = node.journal("PRIORITY=3", unit="nodefix.service")
    assert any("addrtype" in entry["MESSAGE"] and entry.get("NODEFIX_HINT") for entry in errors)

    if os.environ.get(shown.WRITE):
        # What the readme shows has more than one try.
        node.wait_until("it is tried again", lambda: tries(node) > 2)
    sh(node, f"mv {LIBRARY}.away {LIBRARY}; systemctl restart nodefix")
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))
    assert report(node)["outcome"] == "ready"
    expect_picture(node, time.time() - booted)


def tries(node: testnode.Nspawn) -> int:
    """How often systemd has tried kubelet again."""
    return int(node.unit("kubelet.service")["NRestarts"])


def expect_picture(node: testnode.Nspawn, seconds: float) -> None:
    """See that a picture has this boot, which took so long, also what systemd has forgotten."""
    text = printed(node, "nodefix status --svg -")
    root = ElementTree.fromstring(text)
    words = [one.text or "" for one in root.iter(f"{SVG}text")]
    for name in ("systemd", "nodefix.service", "nodefix", "modules", "chains", "kubelet.service"):
        assert name in words
    drawn = Counter(one.get("class") for one in root.findall(f"{SVG}g/{SVG}rect"))
    # The first one of each is in both panels.
    assert drawn["held"] == 2 + tries(node) - 1
    assert drawn["up"] == 1
    assert drawn["failed"] >= 3
    # Nothing is missing, and the clock is this boot's, not the host's.
    assert "What held kubelet:" in words
    assert not [one for one in words if "could not" in one or "not in it" in one]
    (up,) = re.findall(r"kubelet up after (?:(\d+) min )?([\d.]+) s", "\n".join(words))
    assert 0 < 60 * int(up[0] or 0) + float(up[1]) < seconds
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    refused = node.run(["bash", "-c", f"{nobody} nodefix status --svg /tmp/x.svg"], check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "  try: sudo nodefix status --svg /tmp/x.svg" in refused.stderr
    if os.environ.get(shown.WRITE):
        shown.PICTURE.write_text(shown.neutral(text))


def test_a_wanted_stage_degrades_and_lets_kubelet_start(root: testnode.Root, boot: Boot) -> None:
    root.delete(LIBRARY)
    root.write("/etc/nodefix/nodefix.yaml.d/50-modules.yaml", "stages: {modules: wanted}\n")
    node = boot()
    assert report(node)["outcome"] == "degraded"
    assert outcomes(node)["modules"] == "degraded"
    assert node.unit("nodefix.service")["Result"] == "success"
    assert node.run(["nodefix", "run"], check=False).returncode == 2
    assert kubelet_runs(node)


@pytest.mark.parametrize("switch", ["file", "kernel command line"])
def test_switched_off_nodefix_changes_nothing_and_lets_kubelet_start(
    root: testnode.Root, boot: Boot, switch: str
) -> None:
    if switch == "file":
        root.write("/etc/nodefix/disabled", "")
        node = boot()
    else:
        node = boot("nodefix=off")
    assert node.unit("nodefix.service")["ConditionResult"] == "no"
    assert not node.exists("/run/nodefix/report.json")
    assert "KUBE-" not in rules(node)
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))


def test_the_switch_lets_a_kubelet_go_that_is_held(root: testnode.Root, boot: Boot) -> None:
    root.delete(LIBRARY)
    node = boot()
    # kubelet waits for a run that waits.
    sh(node, f"{lock_held(300)} systemctl restart --no-block kubelet")
    assert "kubelet.service" in sh(node, "systemctl list-jobs")
    sh(node, "touch /etc/nodefix/disabled; systemctl restart nodefix")
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))


def test_on_another_system_nothing_is_changed_and_kubelet_starts(rpm: Path) -> None:
    root = testnode.Root.make(testnode.image(), "debian")
    testnode.install(root, rpm)
    root.write("/etc/fstab", "/swapfile none swap sw 0 0\n")
    with testnode.Nspawn(root) as node:
        node.boot()
        assert report(node)["outcome"] == "skipped"
        (told,) = [e for e in node.journal(unit="nodefix.service") if "NODEFIX_OUTCOME" in e]
        assert "Debian" in told["MESSAGE"]
        assert "KUBE-" not in rules(node)
        assert node.read("/etc/fstab") == "/swapfile none swap sw 0 0\n"
        assert not node.exists("/run/xtables.lock")
        assert not node.exists("/etc/tmpfiles.d/nodefix.conf")
        assert kubelet_runs(node)
        assert node.run(["nodefix", "run", "--force"]).returncode == 0
        assert "KUBE-SERVICES" in rules(node)


def test_bad_configuration_is_named_and_changes_nothing(root: testnode.Root, boot: Boot) -> None:
    root.write("/etc/nodefix/nodefix.yaml.d/50-bad.yaml", "stages: {swp: off}\nscope: [1]\n")
    node = boot()
    assert node.unit("nodefix.service")["ExecMainStatus"] == "64"
    assert "KUBE-" not in rules(node)
    said = kubelet_says(node)
    for place in ("50-bad.yaml: stages: unknown key 'swp'", "50-bad.yaml: scope"):
        assert place in said
        assert place in "".join(e["MESSAGE"] for e in node.journal(unit="nodefix.service"))
    assert not kubelet_runs(node)


def test_wait_waits_for_a_run_and_says_at_its_deadline_which_stage(node: testnode.Nspawn) -> None:
    holder = f"rm /run/nodefix/ready; {lock_held(300)}"
    waited = node.run(["bash", "-c", f"{holder} nodefix wait --timeout 0.5; echo $?"])
    assert "still running" in waited.stderr
    assert waited.stdout.strip() == "1"


def test_a_second_run_says_for_whom_it_waits_and_the_remedy_helps(node: testnode.Nspawn) -> None:
    sh(node, lock_held(300))
    ran = node.run(["nodefix", "run", "--stage", "lockfile"], check=False)
    assert ran.returncode == 1
    assert "(flock --exclusive /run/nodefix/lock sleep 300)" in ran.stderr
    (remedy,) = re.findall("fix: (kill .*)", ran.stderr)
    sh(node, remedy)
    assert report(node)["outcome"] == "ready"


def test_a_failure_later_on_does_not_stop_kubelet(node: testnode.Nspawn) -> None:
    before = node.unit("kubelet.service")["MainPID"]
    sh(node, f"mv {LIBRARY} {LIBRARY}.away; nodefix run", check=False)
    assert not node.exists("/run/nodefix/ready")
    assert node.unit("kubelet.service")["MainPID"] == before


def test_units_beside_those_of_a_node_make_no_cycle(node: testnode.Nspawn) -> None:
    """As their packages order them: containerd, CRI-O, firewalld, nftables, cloud-init."""
    others = {
        "containerd": "After=network.target dbus.service",
        "crio": "After=network-online.target\nWants=network-online.target\nBefore=kubelet.service",
        "firewalld": "Before=network-pre.target\nWants=network-pre.target\nAfter=dbus.service",
        "nftables": "Before=network-pre.target\nWants=network-pre.target\nDefaultDependencies=no\n"
        "After=local-fs.target\nBefore=shutdown.target",
        "cloud-init": "DefaultDependencies=no\nBefore=network-online.target sysinit.target\n"
        "After=systemd-networkd-wait-online.service",
        "cloud-final": "After=network-online.target multi-user.target\nBefore=apt-daily.service",
    }
    for name, order in others.items():
        text = f"[Unit]\n{order}\n[Service]\nType=oneshot\nExecStart=/usr/bin/true\n"
        node.write(
            f"/etc/systemd/system/{name}.service", f"{text}[Install]\nWantedBy=multi-user.target\n"
        )
    names = [f"{name}.service" for name in others]
    node.run(["systemctl", "enable", *names])
    units = ["nodefix.service", "kubelet.service", *names]
    checked = node.run(["systemd-analyze", "verify", "--man=no", *units], check=False)
    # systemd 252 does not know these two yet.
    new = "Unknown key.* 'Restart(Steps|MaxDelaySec)'"
    said = [line for line in checked.output.splitlines() if not re.search(new, line)]
    assert (checked.returncode, said) == (0, [])
    node.poweroff()
    node.boot()
    assert "ordering cycle" not in sh(node, "journalctl -b --no-pager")
    assert kubelet_runs(node)
