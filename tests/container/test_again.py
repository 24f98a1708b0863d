"""Whatever ends a run, or undoes its work, it is repeated by itself until it is through."""

from __future__ import annotations

import json

import pytest
import testnode
from nodes import (
    LIBRARY,
    PROBING,
    Boot,
    kubelet_runs,
    kubelet_says,
    report,
    rules,
    sh,
    slow_probe,
)

# Only so that the tests need not wait for the real ones.
SHORT = {
    "/etc/systemd/system/nodefix.service.d/short.conf": "[Service]\nRestartSec=1\n",
    "/etc/systemd/system/kubelet.service.d/short.conf": "[Service]\nRestartSec=1\n",
}


@pytest.fixture
def node(root: testnode.Root, boot: Boot) -> testnode.Nspawn:
    """A booted node with short pauses."""
    for path, text in SHORT.items():
        root.write(path, text)
    return boot()


def status(node: testnode.Nspawn) -> str:
    """What a person sees first."""
    return sh(node, "systemctl status --no-pager nodefix", check=False)


def waiting(node: testnode.Nspawn) -> str:
    """The same, if the service waits for its next try."""
    shown = status(node)
    return shown if "activating (auto-restart)" in shown else ""


def own_messages(node: testnode.Nspawn) -> list[str]:
    """What nodefix itself told in this boot."""
    entries = node.journal("SYSLOG_IDENTIFIER=nodefix", unit="nodefix.service")
    return [entry["MESSAGE"] for entry in entries]


def is_ready(node: testnode.Nspawn) -> bool:
    """Whether service and marker say so, and the report, too."""
    return (
        node.unit("nodefix.service")["ActiveState"] == "active"
        and node.exists("/run/nodefix/ready")
        and report(node)["outcome"] == "ready"
    )


def test_a_run_by_hand_that_finds_a_ready_node_broken_is_gone_on_with(
    node: testnode.Nspawn,
) -> None:
    assert "Status: " in status(node)
    ran = node.run(["bash", "-c", f"mv {LIBRARY} {LIBRARY}.away; nodefix run"], check=False)
    assert ran.returncode == 1
    assert "kubelet runs on and its next start is held" in ran.stderr
    assert not node.exists("/run/nodefix/ready")
    # What failed shows where people look, with the remedy, also while the service waits.
    # By one look: the next try has another status.
    shown = node.wait_until("the service failed", lambda: waiting(node))
    assert 'Status: "failed: modules: ' in shown
    assert "fix: " in shown
    node.wait_until("it is tried again", lambda: "(try 4 since" in "".join(own_messages(node)))
    # What is told once is told on one line from then on.
    told = [message for message in own_messages(node) if "addrtype" in message]
    assert len([message for message in told if message.startswith("modules: ")]) == 1
    sh(node, f"mv {LIBRARY}.away {LIBRARY}")
    node.wait_until("all is well by itself", lambda: is_ready(node))
    assert kubelet_runs(node)


def test_reload_runs_the_stages_again_and_fails_truly(node: testnode.Nspawn) -> None:
    sh(node, "iptables -t nat -F OUTPUT")
    sh(node, "systemctl reload nodefix")
    assert "chains changed" in own_messages(node)[-1]
    sh(node, f"mv {LIBRARY} {LIBRARY}.away")
    assert node.run(["systemctl", "reload", "nodefix"], check=False).returncode == 1
    assert not node.exists("/run/nodefix/ready")
    sh(node, f"mv {LIBRARY}.away {LIBRARY}")
    node.wait_until("all is well by itself", lambda: is_ready(node))


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_a_run_that_is_killed_leaves_a_ready_node_ready(node: testnode.Nspawn, signal: str) -> None:
    before = node.unit("kubelet.service")["MainPID"]
    # The probe takes its time, so that there is a run to be killed.
    slow_probe(node.root, 1)
    sh(node, f"nodefix run & {PROBING}; kill -{signal} $!; wait", check=False)
    assert report(node)["outcome"] == "running"
    assert node.run(["nodefix", "wait", "--timeout", "0"]).returncode == 0
    kill = f"pkill -{signal} --full '[/]nodefix run'"
    sh(node, f"systemctl restart --no-block nodefix; {PROBING}; {kill}")
    assert node.run(["nodefix", "wait", "--timeout", "0"]).returncode == 0
    node.wait_until("it is through", lambda: is_ready(node))
    assert node.unit("kubelet.service")["MainPID"] == before
    assert int(node.unit("nodefix.service")["NRestarts"]) >= 1


def test_a_kubelet_that_is_held_for_long_tells_it_on_one_line(
    root: testnode.Root, boot: Boot
) -> None:
    for path, text in SHORT.items():
        root.write(path, text)
    library = root.path / LIBRARY.lstrip("/")
    library.rename(f"{library}.away")
    node = boot()
    node.wait_until("it was tried often", lambda: kubelet_says(node).count("as before") >= 4)
    said = kubelet_says(node).splitlines()
    assert said.count("kubelet is held: this node is not ready for it") == 1
    lines = [line for line in said if "as before" in line]
    assert all(line.startswith("kubelet is held: ") and "addrtype" in line for line in lines)
    # A person gets all of it.
    asked = node.run(["nodefix", "wait", "--timeout", "0"], check=False).stderr
    assert len(asked.splitlines()) > 2
    sh(node, f"mv {LIBRARY}.away {LIBRARY}")
    node.wait_until("kubelet comes up by itself", lambda: kubelet_runs(node))


def test_the_pauses_between_tries_grow(root: testnode.Root, boot: Boot) -> None:
    for path, text in SHORT.items():
        root.write(path, text)
    root.delete(LIBRARY)
    node = boot()

    def service() -> dict[str, int]:
        """The numbers of nodefix.service, all of one moment; times in microseconds."""
        unit = "/org/freedesktop/systemd1/unit/nodefix_2eservice"
        ask = ["busctl", "call", "--json=short", "org.freedesktop.systemd1", unit]
        ask += ["org.freedesktop.DBus.Properties", "GetAll", "s"]
        told = json.loads(node.run([*ask, "org.freedesktop.systemd1.Service"]).stdout)["data"][0]
        return {name: one["data"] for name, one in told.items() if one["type"] in "ut"}

    # What the package sets, with the first pause of this test.
    first = service()
    assert (first["RestartUSec"], first["RestartMaxDelayUSec"]) == (1_000_000, 120_000_000)
    # The next pause, by the tries that were made.
    seen: dict[int, int] = {}

    def has_grown() -> bool:
        now = service()
        seen[now["NRestarts"]] = now["RestartUSecNext"]
        return now["NRestarts"] >= 3

    node.wait_until("it is tried again and again", has_grown)
    pauses = [seen[tries] for tries in sorted(seen)]
    assert len(pauses) > 1
    assert pauses == sorted(set(pauses)), seen
    assert first["RestartUSec"] < pauses[-1] <= first["RestartMaxDelayUSec"]


def test_a_masked_service_is_named_with_both_ways_out(node: testnode.Nspawn) -> None:
    sh(node, "systemctl mask nodefix")
    node.poweroff()
    node.boot()
    node.wait_until("kubelet says why", lambda: "is masked" in kubelet_says(node))
    assert "systemctl unmask nodefix.service && systemctl restart nodefix" in kubelet_says(node)
    sh(node, "touch /etc/nodefix/disabled")
    node.wait_until("kubelet is let go", lambda: kubelet_runs(node))
    assert "KUBE-SERVICES" not in rules(node)
    sh(node, "rm /etc/nodefix/disabled; systemctl stop kubelet")
    sh(node, "systemctl unmask nodefix.service && systemctl restart nodefix")
    assert is_ready(node)


def test_a_service_that_is_only_disabled_runs_for_kubelet(node: testnode.Nspawn) -> None:
    sh(node, "systemctl disable nodefix")
    node.poweroff()
    node.boot()
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))
    assert is_ready(node)


def test_a_lock_that_an_ordinary_user_cannot_take(node: testnode.Nspawn) -> None:
    assert sh(node, "stat -c '%a %U' /run/nodefix/lock").split() == ["600", "root"]
    user = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    taken = node.run(["bash", "-c", f"{user} flock -n /run/nodefix/lock true"], check=False)
    assert taken.returncode != 0
    assert node.run(["bash", "-c", f"{user} nodefix wait --timeout 0"]).returncode == 0
