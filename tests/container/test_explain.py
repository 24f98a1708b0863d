"""`nodefix explain`, `nodefix history` and `nodefix collect` on a booted node."""

from __future__ import annotations

import json
from typing import Any

from nodes import Boot, sh
from testnode import Nspawn


def explained(node: Nspawn, script: str) -> dict[str, dict[str, Any]]:
    """The causes that a command line prints as JSON, by their ids."""
    data = json.loads(sh(node, script, check=False))
    return {cause["id"]: cause for cause in data["causes"]}


def history(node: Nspawn, boots: int) -> dict[str, Any]:
    """What `nodefix history` knows, once journald has taken the records of so many boots."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads(sh(node, "nodefix history --format json", check=False))
        ends = [boot["outcome"] for boot in found["boots"]]
        return found if ends == ["ready"] * boots else None

    return node.wait_until(f"{boots} boots are known", look)


def expect_collected(node: Nspawn) -> None:
    """`nodefix collect` takes all of it, and nothing that names the node."""
    sh(node, "echo blue7 >/etc/hostname; echo '# blue7' >/etc/nodefix/nodefix.yaml.d/50.yaml")
    sh(node, "cd /root && nodefix collect a.tar.gz && tar -xzf a.tar.gz")
    whole = sh(node, "cat /root/nodefix-*/*")
    # The node's own name is `node`, a word that is kept.
    for file in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        assert node.read(file).strip() not in whole
    assert "blue7" not in whole
    assert "# host-" in whole
    names = set(sh(node, "ls /root/nodefix-*").split())
    assert {"report.json", "check.json", "dry-run.txt", "journal-nodefix.txt"} <= names
    data = json.loads(sh(node, "cat /root/nodefix-*/check.json"))
    assert data["stages"]
    assert "server.go:134" in sh(node, "cat /root/nodefix-*/kube-proxy-errors.txt")
    user = "cd /tmp && runuser -u nobody -- nodefix collect b.tar.gz; echo status $?"
    assert "status 2" in sh(node, f"{user} 2>&1")
    assert sh(node, "stat -c '%a %U' /tmp/b.tar.gz").strip() == "600 nobody"


def test_a_line_is_explained_with_the_state_of_this_node(node: Nspawn) -> None:
    script = (
        'echo "Fatal: can\'t open lock file /run/xtables.lock: Is a directory"'
        " | nodefix explain --format json -"
    )
    assert explained(node, script)["lock-directory"]["state"] == "fine"
    sh(node, "rm /run/xtables.lock; mkdir /run/xtables.lock")
    cause = explained(node, script)["lock-directory"]
    assert cause["state"] == "wrong"
    assert "an empty directory" in cause["now"]
    sh(node, cause["fix"])
    assert explained(node, script)["lock-directory"]["state"] == "fine"


def test_the_journal_and_the_log_of_kube_proxy_are_read(node: Nspawn) -> None:
    folder = "/var/log/pods/kube-system_kube-proxy-8qq9t_63f5/kube-proxy"
    line = 'E0126 server.go:134] \\"Error\\" err=\\"iptables is not available on this host\\"'
    sh(node, f'mkdir -p {folder}; echo "2026-01-26T16:58:13Z stderr F {line}" >{folder}/3.log')
    sh(node, "systemd-run --wait --unit containerd echo cni plugin not initialized")
    sh(node, "journalctl --sync")
    causes = explained(node, "nodefix explain --journal --format json")
    assert causes["iptables-not-available"]["where"].endswith("/kube-proxy/3.log")
    assert causes["cni-not-initialized"]["where"] == "containerd.service"
    assert causes["cni-not-initialized"]["state"] == "wrong"
    expect_collected(node)


def test_an_ordinary_user_is_told_what_to_type(node: Nspawn) -> None:
    user = "runuser -u nobody -- nodefix"
    out = sh(node, f"{user} explain running with swap on is not supported")
    assert "only root can read what stage swap looks at: sudo nodefix explain" in out
    assert "sudo nodefix explain --journal" in sh(node, f"{user} explain --journal", check=False)
    assert "sudo nodefix history" in sh(node, f"{user} history 2>&1", check=False)


def test_history_over_two_boots(boot: Boot) -> None:
    node = boot()
    first = history(node, 1)
    damage = "update-alternatives --set iptables /usr/sbin/iptables-legacy"
    sh(node, f"mkdir -p /var/log/journal && journalctl --flush && {damage}")
    for _ in range(2):
        node.poweroff()
        node = boot()
        sh(node, damage)
    found = history(node, 3)
    assert found["journal_lasts"] is True
    assert found["boots"][0]["boot_id"] == first["boots"][0]["boot_id"]
    changed = [{change["stage"] for change in one["changes"]} for one in found["boots"]]
    assert ["alternatives" in stages for stages in changed] == [False, True, True]
    text = sh(node, "nodefix history -n 2")
    assert "alternatives was repaired at each of the last 2 boots" in text
