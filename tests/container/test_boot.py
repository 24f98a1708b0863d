"""The main path: the RPM on a node, booted."""

from __future__ import annotations

import json
import re

from nodes import (
    STAGES,
    kubelet_runs,
    outcomes,
    printed,
    report,
    rules,
    sh,
    until_the_boot_is_told,
)
from testnode import Nspawn

FIRST_BOOT = {
    "swap": "skipped",
    "modules": "unchanged",
    "alternatives": "unchanged",
    "chains": "prepared",
    "lockfile": "changed",
}


def test_every_stage_is_in_the_journal_and_kubelet_starts_after_the_marker(node: Nspawn) -> None:
    entries = node.journal(unit="nodefix.service")
    stages = [entry for entry in entries if "NODEFIX_DURATION_USEC" in entry]
    assert [entry.get("NODEFIX_STAGE") for entry in stages] == [*STAGES, None]
    assert {e["NODEFIX_STAGE"]: e["NODEFIX_OUTCOME"] for e in stages[:-1]} == FIRST_BOOT
    for entry in stages:
        assert entry["SYSLOG_IDENTIFIER"] == "nodefix"
        assert entry["OBJECT_SYSTEMD_UNIT"] == "nodefix.service"
        assert re.fullmatch("[0-9a-f]{32}", entry["MESSAGE_ID"])
        assert entry["PRIORITY"] in "3456"
        assert entry["NODEFIX_CHANGES"].isdigit()

    written = int(sh(node, "stat -c %.6Y /run/nodefix/ready").replace(".", ""))
    # It is active as soon as systemd has started it, before it says anything.
    own = ("_SYSTEMD_UNIT=kubelet.service", "SYSLOG_IDENTIFIER=kubelet")
    (started,) = node.wait_until("kubelet says that it is there", lambda: node.journal(*own))
    assert written < int(started["__REALTIME_TIMESTAMP"])
    assert "active (exited)" in sh(node, "systemctl status nodefix")


def test_report_and_marker_name_boot_invocation_and_outcomes(node: Nspawn) -> None:
    found = report(node)
    marker = json.loads(node.read("/run/nodefix/ready"))
    assert found["schema"] == marker["schema"] == 1
    assert found["outcome"] == marker["outcome"] == "ready"
    assert found["boot_id"].replace("-", "") == node.boot_id()
    assert found["invocation_id"] == node.unit("nodefix.service")["InvocationID"]
    assert found["started"] <= found["finished"]
    assert marker["stages"] == outcomes(node) == FIRST_BOOT
    assert sh(node, "stat -c %a /run/nodefix/ready /run/nodefix/report.json").split() == ["644"] * 2


def test_second_boot_makes_the_chains_anew_and_changes_nothing_else(node: Nspawn) -> None:
    first = rules(node)
    node.poweroff()
    node.boot()
    assert outcomes(node) == FIRST_BOOT | {"lockfile": "unchanged"}
    assert rules(node) == first
    assert kubelet_runs(node)


def test_second_run_changes_nothing(node: Nspawn) -> None:
    before = rules(node)
    ran = node.run(["nodefix", "run"])
    assert set(outcomes(node).values()) == {"unchanged", "skipped"}
    assert rules(node) == before
    assert "kubelet may start" in ran.stderr
    assert "\033[" not in ran.stderr


def test_a_run_from_a_shell_shows_under_the_unit(node: Nspawn) -> None:
    node.run(["nodefix", "run", "--stage", "chains"])
    last = node.journal(unit="nodefix.service")[-1]
    assert last["NODEFIX_OUTCOME"] == "ready"
    assert last.get("_SYSTEMD_UNIT") != "nodefix.service"


def test_each_record_is_a_signal_on_the_bus(node: Nspawn) -> None:
    until_the_boot_is_told(node)
    # Until the record of the run's end has come, however slow the machine.
    watched = sh(
        node,
        """
        busctl monitor --json=short --match type=signal,interface=org.nodefix1.Agent \
            > /tmp/signals & watcher=$!
        until grep -q '"Probe"' /tmp/signals; do
            busctl emit /org/nodefix1/Agent org.nodefix1.Agent Probe
            sleep 0.1
        done
        nodefix run 2>/dev/null
        for try in $(seq 400); do
            grep -q 313b78f722904bbf8cb55a83a98b91e1 /tmp/signals && break
            sleep 0.1
        done
        kill $watcher
        cat /tmp/signals
        """,
    )
    signals = [json.loads(line) for line in watched.splitlines() if '"Probe"' not in line]
    assert {(s["member"], s["path"]) for s in signals} == {("Record", "/org/nodefix1/Agent")}
    records = [dict(signal["payload"]["data"][0]) for signal in signals]
    ended = [record for record in records if "NODEFIX_DURATION_USEC" in record]
    assert [record["NODEFIX_STAGE"] for record in ended[:-1]] == list(STAGES)
    sent = node.journal(unit="nodefix.service")[-len(records) :]
    for record, entry in zip(records, sent, strict=True):
        assert record.items() <= entry.items()


def test_the_catalogue_explains_each_record(node: Nspawn) -> None:
    explained = printed(node, "journalctl -x -u nodefix --no-pager")
    assert "Subject: Stage chains prepared this node as at each boot" in explained
    assert "Subject: Stage lockfile repaired this node" in explained
    assert "Subject: kubelet may start, the run ended as ready" in explained
    assert "@" not in re.sub(r"systemd-zram-setup@|\S+@\S+\.service", "", explained)


def test_dry_run_prints_the_plan_and_changes_nothing(node: Nspawn) -> None:
    sh(node, "iptables -t nat -D OUTPUT 1; rm /run/xtables.lock")
    before = rules(node)
    marker = node.read("/run/nodefix/ready")
    ran = node.run(["nodefix", "run", "--dry-run"], check=False)
    assert ran.returncode == 3
    plan = ran.stdout
    assert "chains: would change IPv4 chains" in plan
    assert "lockfile: would change /run/xtables.lock" in plan
    assert rules(node) == before
    assert not node.exists("/run/xtables.lock")
    assert node.read("/run/nodefix/ready") == marker


def test_without_a_bus_the_run_goes_on_and_says_so_once(node: Nspawn) -> None:
    sh(node, "systemctl stop dbus.socket dbus.service; rm -f /run/dbus/system_bus_socket")
    ran = node.run(["nodefix", "run"])
    assert ran.stderr.count("no signals over D-Bus") == 1
    assert report(node)["outcome"] == "ready"
    assert report(node)["invocation_id"] == ""


def test_a_bus_that_does_not_answer_holds_nothing_up(node: Nspawn) -> None:
    script = """
        systemctl stop dbus.socket dbus.service; rm -f /run/dbus/system_bus_socket
        python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("/run/dbus/system_bus_socket"); s.listen(9)
time.sleep(60)' & deaf=$!
        until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
        timeout 30 nodefix run 2>&1; echo "status $?"
        kill $deaf
        """
    said = sh(node, script)
    assert "status 0" in said
    assert said.count("no signals over D-Bus") == 1


def test_without_a_journal_records_go_to_stderr_and_the_bus(node: Nspawn) -> None:
    # A name space of its own without journald's socket, as early in a boot or in a rescue shell.
    hidden = "mount -t tmpfs none /run/systemd/journal && nodefix run"
    ran = node.run(["unshare", "--mount", "bash", "-c", hidden])
    assert ran.stderr.count("no journal") == 1
    assert "chains: unchanged" in ran.stderr
