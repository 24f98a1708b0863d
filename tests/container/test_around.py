"""The tools around a node, the real ones: login, greenboot's bash, Prometheus' and sos."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import testnode
from nodes import AROUND, LIBRARY, TOP, keep_still, printed, sh
from testnode import Nspawn, Root

SHARED = "/usr/share/nodefix"
METRICS = "/var/lib/prometheus/node-exporter/nodefix.prom"
RULES = f"{SHARED}/prometheus/nodefix.rules.yml"
# sos of Debian lies elsewhere than Enterprise Linux'; the package finds it by a link.
SITE = "/usr/lib/python3.99/site-packages"
PLUGINS = f"{SITE}/sos/report/plugins"
SECRET = "only-in-a-backup"
GREENBOOT = "bash -C /usr/lib/greenboot/check/required.d/30_nodefix.sh"
NPD = f"{SHARED}/node-problem-detector/nodefix-problem.sh"
# The most that a boot may cost where nothing is wrong, with its metrics.
ENTRIES, ENTRY_KIB, RUN_FILES, RUN_KIB, METRICS_KIB = 10, 12, 5, 4, 6
# Name, number, size and time of each file on the disk that nodefix may write.
ON_DISK = "find /etc /usr/lib/nodefix /var/lib -xdev -type f -printf '%p %i %s %T@\\n'"
SCRAPE = """\
import time, urllib.request
for _ in range(100):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:9100/metrics", timeout=30).read().decode())
        break
    except OSError:
        time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def tools() -> Path:
    """An image with them; without it nothing is shown here."""
    try:
        return testnode.image(AROUND)
    except testnode.Failed as error:
        pytest.skip(f"NO REAL TOOLS AROUND: {str(error)[-500:]}")


@pytest.fixture
def held(tools: Path, rpm: Path, tmp_path: Path) -> Nspawn:
    """A node with them that is held."""
    root = Root.make(tools)
    root.run(["systemctl", "disable", "prometheus.service", "prometheus-node-exporter.service"])
    root.run(["useradd", "--create-home", "--shell", "/bin/bash", "ada"])
    # As in the stacks of login and sshd; this one needs no terminal.
    root.run(["sh", "-c", "echo 'session optional pam_motd.so' >>/etc/pam.d/su-l"])
    root.run(["mkdir", str(Path(SITE).parent)])
    root.run(["ln", "-s", "/usr/lib/python3/dist-packages", SITE])
    testnode.install(root, rpm)
    # For sos, which asks rpm what is installed: dnf of this machine has left its database there.
    root.run(["sh", "-c", "rm -rf /var/lib/rpm; ln -s /root/.rpmdb /var/lib/rpm"])
    root.write("/etc/nodefix/nodefix.yaml.d/metrics.yaml", f"metrics_file: {METRICS}\n")
    root.write("/etc/greenboot/greenboot.conf", "NODEFIX_WAIT_TIMEOUT_SEC=0\n")
    root.write("/var/lib/nodefix/backup/etc-fstab", SECRET)
    root.run(["mv", LIBRARY, f"{LIBRARY}.away"])
    # Nobody tries again before all has been looked at.
    keep_still(root)
    machine = Nspawn(root)
    machine.boot(timeout=120)
    return machine


def login(node: Nspawn) -> str:
    """What an ordinary user sees who logs in, by pam_motd(8)."""
    return sh(node, "su --login ada <<<'echo logged in' 2>&1")


def metrics(node: Nspawn) -> dict[str, float]:
    """What node_exporter serves of nodefix, and whether it could read the file."""
    said = node.run(["python3", "-"], input=SCRAPE, timeout=120).stdout
    lines = [line for line in said.splitlines() if line.startswith(("nodefix_", "node_textfile"))]
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines)}


def test_each_tool_sees_a_held_node_and_then_a_ready_one(held: Nspawn, tmp_path: Path) -> None:
    with held as node:
        line = node.read("/run/motd.d/nodefix").strip()
        assert line.startswith("nodefix: kubelet is held since ")
        assert login(node).count(line) == 1
        greenboot = node.run(GREENBOOT.split(), check=False)
        assert greenboot.returncode == 1
        assert "kubelet is held after 0 s" in greenboot.stdout
        assert node.run(["sh", NPD, "held"], check=False).returncode == 1
        sh(node, f"promtool check metrics <{METRICS}")
        # Its folder is in the defaults of Debian's exporter.
        node.run(["systemctl", "start", "prometheus-node-exporter"])
        seen = metrics(node)
        assert seen["nodefix_ready"] == seen["node_textfile_scrape_error"] == 0
        assert seen['nodefix_stage_outcome{outcome="failed",stage="modules"}'] == 1

        node.run(["mv", f"{LIBRARY}.away", LIBRARY])
        node.run(["systemctl", "restart", "nodefix"], timeout=120)
        assert not node.exists("/run/motd.d/nodefix")
        shown = login(node)
        assert "logged in" in shown
        assert "nodefix" not in shown
        assert node.run(GREENBOOT.split()).returncode == 0
        assert node.run(["sh", NPD, "held"]).stdout == "ready\n"
        sh(node, f"promtool check metrics <{METRICS}")
        assert metrics(node)["nodefix_ready"] == 1
        alerts_are_as_they_say(node)
        what_sos_takes_along(node, tmp_path)
        what_a_boot_costs(node)


def alerts_are_as_they_say(node: Nspawn) -> None:
    """By promtool, on series that Prometheus would have scraped."""
    node.put(TOP / "tests/container/data/alerts.yml", "/root/alerts.yml")
    said = node.run(["promtool", "check", "rules", RULES]).stdout
    assert "SUCCESS: 4 rules found" in said
    sh(node, "cd /root && promtool test rules alerts.yml")


def what_sos_takes_along(node: Nspawn, tmp_path: Path) -> None:
    """What README promises, and of backups no more than their names."""
    sh(node, "sos report --batch --quiet -o nodefix --tmp-dir /root -z gzip", check=False)
    packed = node.root.path / sh(node, "ls /root/sosreport-*.tar.gz").strip().lstrip("/")
    subprocess.run(["tar", "-xzf", packed, "-C", tmp_path], check=True, timeout=60)
    (report,) = tmp_path.glob("sosreport-*")
    for path in ("etc/nodefix/nodefix.yaml.d/metrics.yaml", "run/nodefix/state"):
        assert (report / path).read_text() == node.read(f"/{path}")
    assert json.loads((report / "run/nodefix/report.json").read_text())["outcome"] == "ready"
    commands = report / "sos_commands/nodefix"
    for name in (
        "nodefix_check",
        "nodefix_status_--long",
        "nodefix_history",
        "nodefix_config_show",
    ):
        assert (commands / name).read_text().strip(), name
    (listing,) = commands.glob("ls_-lanR_*")
    assert "etc-fstab" in listing.read_text()
    journals = "".join(one.read_text() for one in commands.glob("journalctl_*"))
    assert "lockfile" in journals
    found = [one for one in report.rglob("*") if one.is_file() and not one.is_symlink()]
    assert not [one for one in found if SECRET.encode() in one.read_bytes()]
    assert not (report / "var/lib/nodefix/backup").exists()


def what_a_boot_costs(node: Nspawn) -> None:
    """A boot at which nothing is wrong: what nodefix writes to disk, memory and journal.

    The one before it notes on the disk that what the first had to repair is well by now.
    """
    for _ in range(2):
        before = set(sh(node, ON_DISK).splitlines())
        node.poweroff()
        node.boot(timeout=120)
    written = {line.split()[0] for line in set(sh(node, ON_DISK).splitlines()) - before}
    assert {path for path in written if not path.startswith("/var/lib/systemd/")} == {METRICS}
    said = printed(node, "journalctl -b -t nodefix -o export")
    files = sh(node, "find /run/nodefix -type f -printf '%s\\n'").split()
    size = int(sh(node, f"stat -c %s {METRICS}"))
    cost = {
        "journal entries": said.count("__CURSOR="),
        "journal bytes, exported": len(said),
        "files in /run": len(files),
        "bytes in /run": sum(map(int, files)),
        "bytes of metrics": size,
    }
    print(cost)
    most = (ENTRIES, ENTRY_KIB << 10, RUN_FILES, RUN_KIB << 10, METRICS_KIB << 10)
    assert all(found <= most for found, most in zip(cost.values(), most, strict=True)), cost
