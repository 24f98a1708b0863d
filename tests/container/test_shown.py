"""What README.md and the man pages show as output is what booted nodes say."""

from __future__ import annotations

import shown
from cluster import stand_ins
from nodes import LIBRARY, Boot, keep_still, kubelet_says, sh
from testnode import Nspawn, Root

# What a node of a cluster has beside a container runtime: a network plugin, kubelet's credentials.
CLUSTER = {
    "/etc/cni/net.d/10-x.conflist": '{"name": "x", "plugins": [{"type": "bridge"}]}',
    "/opt/cni/bin/bridge": "",
    "/etc/kubernetes/kubelet.conf": "apiVersion: v1\nkind: Config\n",
}
# Swap is this machine's in a container, which nodefix knows and says. Readers have no container,
# so this one looks like none, and only once it has a /proc/swaps of its own.
EARLY = """\
[Unit]
DefaultDependencies=no
After=systemd-tmpfiles-setup.service
Before=nodefix.service
[Service]
Type=oneshot
ExecStart=mount --bind /root/swaps /proc/swaps
ExecStart=rm /run/systemd/container
ExecStart=-mkdir -p /run/containerd
ExecStart=touch /run/containerd/containerd.sock
ExecStart=sysctl -qw net.ipv4.ip_forward=1
[Install]
WantedBy=multi-user.target
"""
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def make(root: Root) -> None:
    """Make a node of a cluster, as readers have one."""
    for path, text in {**CLUSTER, "/root/swaps": SWAPS}.items():
        root.write(path, text, 0o755 if "/bin/" in path else 0o644)
    stand_ins(root)
    root.write("/etc/systemd/system/early.service", EARLY)
    root.run(["systemctl", "enable", "early.service"])


def play(node: Nspawn, name: str) -> None:
    """Bring the node into each of its scenes, and hold what is shown against what it says."""
    for scene in (key for key, one in shown.SCENES.items() if one.node == name):
        meanwhile = shown.SCENES[scene].meanwhile
        beside = f"(sleep 5; {meanwhile}) >/dev/null 2>&1 & " if meanwhile else ""
        sh(node, shown.SCENES[scene].prepare)

        def said(_number: int, command: shown.Command, beside: str = beside) -> str:
            sh(node, "journalctl --sync")
            user = [] if command.is_root else ["runuser", "-u", "nobody", "--"]
            argv = [*user, "bash", "-c", f"exec 2>&1; {beside}{command.line}"]
            return node.run(argv, check=False).stdout

        shown.hold(scene, said)


def test_a_node_that_was_repaired(root: Root, boot: Boot) -> None:
    make(root)
    root.run(["update-alternatives", "--set", "iptables", "/usr/sbin/iptables-legacy"])
    root.write("/etc/tmpfiles.d/runtime.conf", "d /run/xtables.lock\n")
    play(boot(), "repaired")


def test_a_node_that_is_held(root: Root, boot: Boot) -> None:
    make(root)
    root.delete(LIBRARY)
    # All of it is shown before anybody tries again, however slow the machine.
    keep_still(root)
    node = boot()
    node.wait_until("kubelet's journal says why", lambda: "see also: " in kubelet_says(node))
    play(node, "held")
