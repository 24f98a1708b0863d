"""`nodefix status`, `nodefix disable` and `nodefix enable` on a booted node."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import testnode
from nodes import (
    LIBRARY,
    PROBING,
    STAGES,
    Boot,
    keep_still,
    kubelet_runs,
    kubelet_says,
    lock_held,
    printed,
    report,
    sh,
    slow_probe,
)

NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


def status(node: testnode.Nspawn, options: str = "", user: str = "") -> tuple[int, str, str]:
    """Exit status and both outputs."""
    ran = node.run(["bash", "-c", f"{user} nodefix status {options}"], check=False)
    return ran.returncode, ran.stdout, ran.stderr


def data(node: testnode.Nspawn, user: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status(node, "--format json", user)[1])
    return found


@pytest.mark.parametrize("user", ["", NOBODY])
def test_a_ready_node(node: testnode.Nspawn, user: str) -> None:
    code, said, errors = status(node, user=user)
    assert (code, errors) == (0, "")
    assert re.match(r"ready since \S+ \(took .*\), repaired: lockfile; kubelet runs\n", said)
    assert all(re.search(rf"(?m)^{stage} ", said) for stage in STAGES)
    found = data(node, user)
    assert (found["state"], found["unread"]) == ("ready", [])
    assert found["stages"] == report(node)["stages"]


def test_the_command_for_the_records_shows_those_of_the_run_and_of_systemd(
    node: testnode.Nspawn,
) -> None:
    by_unit = printed(node, data(node)["journal"])
    assert "nodefix 0." in by_unit
    assert "ready after" in by_unit
    assert "systemd[1]: Finished nodefix.service" in by_unit
    # By hand, in a session that has an id, and without one.
    for before in ("systemd-run --scope --quiet", ""):
        sh(node, f"sleep 1.1; {before} nodefix run --stage lockfile")
        said = printed(node, data(node)["journal"])
        assert "started: lockfile\n" in said
        assert "started: swap" not in said


def test_a_node_that_is_held(root: testnode.Root, boot: Boot) -> None:
    root.delete(LIBRARY)
    keep_still(root)
    node = boot()
    node.wait_until("kubelet is held", lambda: "fix: " in kubelet_says(node))
    for user in ("", NOBODY):
        code, said, _ = status(node, user=user)
        assert code == 1
        assert re.search(r"(?m)^held: kubelet.service, for (up to )?\d+ s", said)
        assert re.search(r"(?m)^  fix: dnf reinstall iptables-libs && ", said)
    found = data(node)
    assert [one["unit"] for one in found["held"]] == ["kubelet.service"]
    since_boot = float(sh(node, "date +%s")) - float(
        sh(node, 'date +%s -d "$(systemctl show -P UserspaceTimestamp)"')
    )
    assert 0 <= found["held"][0]["held_seconds"] <= since_boot + 2
    assert 0 < found["next_try_seconds"] <= 1000
    # The run has ended: there is nothing to wait for.
    begun = time.monotonic()
    assert status(node, "--wait")[0] == 1
    assert time.monotonic() - begun < 30


WATCHER = """\
[Unit]
DefaultDependencies=no
After=dbus.socket dbus.service
Before=nodefix.service
[Service]
Type=exec
ExecStart=/usr/bin/sh -c 'nodefix status --wait >/out 2>/err; echo $? >/code'
[Install]
WantedBy=multi-user.target
"""


def test_waiting_through_a_boot_and_a_run(root: testnode.Root, boot: Boot) -> None:
    root.write("/etc/systemd/system/watcher.service", WATCHER)
    root.run(["systemctl", "enable", "watcher.service"])
    # It takes its time, so that whoever waits has something to see.
    slow_probe(root, 2)
    node = boot()
    node.wait_until("the wait has ended", lambda: node.exists("/code"))
    assert node.read("/code") == "0\n"
    assert node.read("/out").startswith("ready since ")
    assert "modules: " in node.read("/err")

    for user in ("", NOBODY):
        sh(node, "systemctl restart --no-block nodefix")
        code, said, live = status(node, "--wait", user)
        assert code == 0
        assert said.startswith("ready since ")
        assert re.search(r"(?m)^chains: unchanged$", live)
        assert re.search(r"(?m)^ready after .*, kubelet may start: ", live)
    # An ordinary user's signals are nobody's records.
    sh(node, "systemctl restart --no-block nodefix")
    emit = "busctl emit /org/nodefix1/Agent org.nodefix1.Agent Record 'a{ss}' 1 MESSAGE evil"
    sh(node, f"(sleep 1; {NOBODY} {emit}) & nodefix status --wait >/out 2>&1; wait", check=False)
    assert "evil" not in node.read("/out")
    assert "ready after" in node.read("/out")

    # Not before it runs: what its ExecStop= does comes first.
    sh(node, f"rm -f /run/probing; systemctl restart --no-block nodefix; {PROBING}")
    sh(node, "systemctl kill --signal=KILL nodefix")

    def aborted() -> tuple[int, str]:
        """The exit status and what is said, once systemd has noticed."""
        code, said, _ = status(node)
        return (code, said) if "next try: by itself" in said else (0, "")

    code, said = node.wait_until("it is to be tried again", aborted)
    assert code == 1
    assert said.startswith("aborted; kubelet runs\n")
    assert "the last run was aborted in stage modules: nobody holds its lock" in said
    assert "next try: by itself within " in said


def test_a_run_that_does_not_end_or_does_not_come(node: testnode.Nspawn) -> None:
    script = f"{lock_held(300)} nodefix status --wait --timeout 1"
    ran = node.run(["bash", "-c", f"{script}; echo $?"], check=False)
    assert ran.stdout.endswith("\n3\n")
    assert "no longer waiting, after 1 s: it is running" in ran.stderr
    sh(node, "rm -r /run/nodefix; systemctl stop nodefix; systemctl mask nodefix")
    begun = time.monotonic()
    code, said, _ = status(node, "--wait")
    assert code == 3
    assert "nodefix.service is masked" in said
    assert time.monotonic() - begun < 30


def test_switching_off_and_on(root: testnode.Root, boot: Boot) -> None:
    library = root.path / LIBRARY.lstrip("/")
    library.rename(f"{library}.away")
    node = boot()
    sh(node, "systemctl restart --no-block kubelet")
    before = sh(node, "find /etc/nodefix -ls")
    ran = node.run(["nodefix", "disable", "--now", "--reason", "the disk comes on friday"])
    assert "nodefix enable" in ran.stderr
    node.wait_until("kubelet is up", lambda: kubelet_runs(node))
    assert "so kubelet may start: /etc/nodefix/disabled: the disk comes on friday, by root" in (
        kubelet_says(node)
    )
    for user in ("", NOBODY):
        code, said, _ = status(node, "--wait", user)
        assert code == 0
        assert said.startswith("switched off by /etc/nodefix/disabled: the disk comes on friday,")
    assert node.run(["nodefix", "disable"]).stderr.startswith("nodefix is switched off already")
    refused = node.run(["bash", "-c", f"{NOBODY} nodefix enable"], check=False)
    assert refused.returncode == 77

    sh(node, f"mv {LIBRARY}.away {LIBRARY}")
    assert "the disk comes on friday" in node.run(["nodefix", "enable"]).stderr
    assert status(node, "--wait")[0] == 0
    assert data(node)["state"] == "ready"
    assert sh(node, "find /etc/nodefix -name 'disabled*' -o -name '.disabled*'") == ""
    assert len(sh(node, "find /etc/nodefix -ls").splitlines()) == len(before.splitlines())
    assert node.run(["nodefix", "enable"]).returncode == 0
