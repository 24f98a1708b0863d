"""What nodefix changed on a booted node comes back, and kubelet does not wait for it any more."""

from __future__ import annotations

import json

import pytest
import testnode
from nodes import LIBRARY, Boot, kubelet_runs, lock_held, outcomes, rules, sh
from testnode import Nspawn

SWITCH = "/etc/nodefix/disabled"
ENTRY = "/etc/tmpfiles.d/nodefix.conf"
FSTAB = "/dev/vda1 / ext4 defaults 0 1\r\n/dev/vda9\tnone swap sw 0 0\n# the end"
STATE = "/var/lib/dpkg/alternatives"

# A container's swap is the host's, so nodefix leaves it alone there; here it is to look.
NO_CONTAINER = "rm /run/systemd/container"
DAMAGES = (
    "chmod 0640 /etc/fstab",
    "update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy",
    "rm /etc/alternatives/iptables; echo mine > /etc/alternatives/iptables",
    "chmod 4711 /etc/alternatives/iptables",
)


@pytest.fixture
def node(root: testnode.Root, boot: Boot) -> Nspawn:
    """A booted, damaged node on which nodefix has not run."""
    root.write(SWITCH, "")
    node = boot()
    node.write("/etc/fstab", FSTAB)
    sh(node, "; ".join((NO_CONTAINER, *DAMAGES)))
    return node


def listing(node: Nspawn) -> list[str]:
    """Each path below /etc and of alternatives, with mode, owner, target, and content's hash."""
    found = (
        f"find /etc {STATE} /usr/sbin -path {SWITCH} -prune -o -printf '%p %y %m %U:%G %l\\n'"
        f" && find /etc {STATE} -type f -not -path {SWITCH} -exec sha256sum {{}} +"
        f" && find /etc {STATE} -exec getfattr --absolute-names -h -d -m - {{}} + 2>&1 || true"
    )
    # The folder of the switch has another time only.
    return sorted(sh(node, found).splitlines())


def run_service(node: Nspawn) -> None:
    """As at a boot: the one run that `nodefix enable` has begun, waited for."""
    sh(node, "nodefix enable; systemctl start nodefix")


def test_everything_comes_back_and_a_second_rollback_does_nothing(node: Nspawn) -> None:
    before, empty = listing(node), rules(node)
    run_service(node)
    done = outcomes(node)
    assert (done["swap"], done["alternatives"], done["lockfile"]) == ("changed",) * 3
    repaired = listing(node)
    assert repaired != before

    planned = node.run(["nodefix", "rollback", "--dry-run"], check=False)
    assert planned.returncode == 3, planned.stdout + planned.stderr
    assert listing(node) == repaired

    ran = node.run(["nodefix", "rollback"], check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1] == (
        "nodefix is switched off; to switch it on again: nodefix enable"
    )
    assert listing(node) == before
    assert "KUBE-" not in rules(node)
    assert "KUBE-" not in empty

    again = node.run(["nodefix", "rollback", "--format", "json"])
    assert json.loads(again.stdout)["entries"] == []
    assert listing(node) == before

    # Switched on again it repairs the same once more, and that can be undone once more.
    run_service(node)
    assert listing(node) == repaired
    node.run(["nodefix", "rollback"])
    assert listing(node) == before

    # A run that waited for the lock while nodefix was switched off does none of it again.
    begun = "until systemctl show -P SubState nodefix | grep -qx start; do sleep 0.1; done"
    sh(node, f"{lock_held(5)} nodefix enable; {begun}; nodefix disable; systemctl start nodefix")
    assert listing(node) == before


def test_what_an_admin_changed_since_is_left_and_named(node: Nspawn) -> None:
    run_service(node)
    node.write(ENTRY, "# mine\n")
    sh(node, "echo '/dev/vda8 none swap sw' >> /etc/fstab")
    ran = node.run(["nodefix", "rollback"], check=False)
    assert ran.returncode == 2
    assert f"{ENTRY}: left: " in ran.stdout
    assert node.read(ENTRY) == "# mine\n"
    lines = node.read("/etc/fstab").splitlines()
    assert lines == [*FSTAB.splitlines()[:2], "# the end/dev/vda8 none swap sw"]
    records = node.journal("SYSLOG_IDENTIFIER=nodefix")
    left = [one for one in records if one.get("NODEFIX_OUTCOME") == "left"]
    assert f"{ENTRY}: left: " in left[0]["MESSAGE"]


def test_a_kubelet_that_is_held_is_let_go(root: testnode.Root, boot: Boot) -> None:
    for unit in ("nodefix", "kubelet"):
        root.write(f"/etc/systemd/system/{unit}.service.d/short.conf", "[Service]\nRestartSec=1\n")
    root.run(["mv", LIBRARY, f"{LIBRARY}.away"])
    node = boot()
    assert not kubelet_runs(node)
    node.run(["nodefix", "rollback"])
    sh(node, "nodefix disable --now")
    node.wait_until("kubelet runs", lambda: kubelet_runs(node))


def test_one_stage_only(node: Nspawn) -> None:
    run_service(node)
    ran = node.run(["nodefix", "rollback", "--stage", "alternatives"])
    assert "nodefix stays switched on" in ran.stdout
    assert node.read("/etc/alternatives/iptables") == "mine\n"
    assert node.exists(ENTRY)
    assert not node.exists(SWITCH)
