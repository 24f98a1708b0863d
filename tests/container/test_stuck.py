"""What nodefix works with is stopped, damaged, or not what it should be."""

from __future__ import annotations

import re

import pytest
from nodes import kubelet_runs, report, sh
from testnode import Nspawn

# Stop journald as a full disk or a debugger would, and fill its queue.
STOP_JOURNALD = """
kill -STOP "$(pidof systemd-journald)"
python3 -c 'import socket
took = 1
# A sender can have only so much on its way, so it takes several to fill the queue.
while took:
    s, took = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), 0
    s.setblocking(False)
    try:
        while True: took += s.sendto(b"MESSAGE=x", "/run/systemd/journal/socket")
    except BlockingIOError: pass'
"""


def test_journald_that_no_longer_reads_does_not_hold_the_run(node: Nspawn) -> None:
    script = f"""
        {STOP_JOURNALD}
        timeout -s KILL 30 nodefix run 2>&1; echo "status $?"
        kill -CONT "$(pidof systemd-journald)"
        """
    said = sh(node, script)
    assert "status 0" in said
    assert said.count("no journal (it accepted no record within 1 s)") == 1
    assert "chains: unchanged" in said
    assert report(node)["outcome"] == "ready"


def test_damaged_installation_holds_kubelet_with_a_remedy(node: Nspawn) -> None:
    home = "/usr/lib/nodefix/nodefix"
    sh(node, f"printf 'def main(' > {home}/cli.py; rm -rf {home}/__pycache__")
    said = sh(node, 'nodefix wait 2>&1; echo "status $?"')
    assert said.splitlines() == [
        next(line for line in said.splitlines() if "cannot be loaded: SyntaxError" in line),
        "  fix: dnf reinstall nodefix",
        "status 1",
    ]


@pytest.mark.parametrize("name", ["report.json", "ready"])
def test_what_stands_in_the_place_of_report_or_marker_is_mended_by_its_remedy(
    node: Nspawn, name: str
) -> None:
    path = f"/run/nodefix/{name}"
    assert sh(node, f"rm -f /run/nodefix/ready {path}; mkdir {path}; nodefix run; echo $?") == "1\n"
    node.run(["systemctl", "restart", "nodefix"], check=False)
    (status,) = re.findall('Status: "(.*)"', sh(node, "systemctl status nodefix", check=False))
    assert f"{path}: found a directory, expected a regular file" in status
    sh(node, status.rpartition("fix: ")[2])
    assert report(node)["outcome"] == "ready"
    assert node.run(["nodefix", "wait"]).returncode == 0


def test_an_nft_that_cannot_be_loaded_does_not_hold_kubelet(node: Nspawn) -> None:
    """The dynamic loader says "No such file or directory", as nft does of chains that are gone."""
    library = "/usr/lib/x86_64-linux-gnu/libnftables.so.1"
    sh(node, f"mv {library} {library}.away; systemctl restart kubelet")
    assert kubelet_runs(node)
