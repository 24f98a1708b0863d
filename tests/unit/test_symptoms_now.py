"""nodefix/symptoms_now.py: the state of a cause that no stage is about."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from fakehost import BOOT_ID, Node

from nodefix.errors import BusError
from nodefix.symptoms import load
from nodefix.symptoms_now import CHECKS, FINE, UNKNOWN, WRONG, look

RELEASE = "6.12.0-55.9.1.el10_0.x86_64"
FOLDER = f"/usr/lib/modules/{RELEASE}"


def test_each_check_is_used_and_none_is_missing() -> None:
    used = {s.now.split()[1] for s in load() if s.now.startswith("check ")}
    assert used == set(CHECKS)


@pytest.mark.parametrize(
    ("check", "file", "content", "state", "words"),
    [
        ("file /etc/x", "/etc/x", "", FINE, "/etc/x is there"),
        ("file /etc/x", "", "", WRONG, "/etc/x is not there"),
        ("calico-nodename", "/var/lib/calico/nodename", "n1", FINE, "is there"),
        ("flannel-subnet", "", "", WRONG, "/run/flannel/subnet.env is not there"),
        ("cgroup-v2", "/sys/fs/cgroup/cgroup.controllers", "cpu", FINE, "cgroup v2"),
        ("cgroup-v2", "", "", WRONG, "cgroup v1"),
        ("sysctl net.x.y 1", "/proc/sys/net/x/y", "1\n", FINE, "net.x.y is 1"),
        ("sysctl net.x.y 0 1", "/proc/sys/net/x/y", "2\n", WRONG, "found 2, expected 1"),
        ("sysctl net.x.y 1", "", "", WRONG, "the kernel module that has it is not loaded"),
        ("at-least fs.x 512", "/proc/sys/fs/x", "128\n", WRONG, "found 128, expected 512"),
        ("at-least fs.x 512", "/proc/sys/fs/x", "8192\n", FINE, "fs.x is 8192"),
        ("at-least fs.x 512", "/proc/sys/fs/x", "many\n", UNKNOWN, "not understood"),
        ("at-least fs.x 512", "", "", UNKNOWN, "cannot be read: No such file"),
        ("module vxlan", "/sys/module/vxlan/refcnt", "0", FINE, "is loaded"),
        (
            "cni-config",
            "/etc/cni/net.d/10-flannel.conflist",
            '{"type": "flannel"}',
            FINE,
            "10-flannel.conflist is",
        ),
        ("cni-config", "/etc/cni/net.d/README", "", WRONG, "has no configuration"),
        ("cni-plugins", "", "", WRONG, "has no configuration"),
        ("cni-plugins", "/etc/cni/net.d/1.conf", "[", UNKNOWN, "found no CNI configuration"),
        ("cri-plugin", "", "", FINE, "containerd's own settings"),
        ("cri-plugin", "/etc/containerd/config.toml", 'disabled_plugins = ["cri"]', WRONG, "has `"),
        ("cri-plugin", "/etc/containerd/config.toml", "disabled_plugins = []", FINE, "not leave"),
        ("runtime-socket", "/run/crio/crio.sock", "no socket", WRONG, "no container runtime"),
        ("lock-holder", "", "", FINE, "nobody holds the lock"),
        ("bpf-mounted", "/proc/self/mountinfo", "1 2 0:3 / /sys rw - sysfs x rw\n", WRONG, "not"),
        (
            "bpf-mounted",
            "/proc/self/mountinfo",
            "1 2 0:3 / /sys/fs/bpf rw - bpf x rw\n",
            FINE,
            "is",
        ),
        ("modules-enabled", "/proc/sys/kernel/modules_disabled", "1\n", WRONG, "next boot"),
        ("modules-enabled", "/proc/sys/kernel/modules_disabled", "0\n", FINE, "may load"),
        ("run", "", "", WRONG, "nodefix has not run in this boot"),
    ],
)
def test_state(node: Node, check: str, file: str, content: str, state: str, words: str) -> None:
    if file:
        node.file(file, content)
    now = look(node.host, check)
    assert now.state == state
    assert words in now.words


@pytest.mark.parametrize(
    ("builtin", "dep", "state", "words", "fix"),
    [
        ("kernel/drivers/net/vx-lan.ko\n", "", FINE, "part of this kernel", ""),
        (
            "",
            "kernel/vx-lan.ko.xz: kernel/udp.ko.xz\n",
            WRONG,
            "not loaded",
            "modprobe vx_lan",
        ),
        ("", "kernel/other.ko.xz: kernel/vx-lan.ko.xz\n", WRONG, "not installed for", ""),
    ],
)
def test_module_that_is_not_loaded(
    node: Node, builtin: str, dep: str, state: str, words: str, fix: str
) -> None:
    node.file(f"{FOLDER}/modules.builtin", builtin)
    node.file(f"{FOLDER}/modules.dep", dep)
    now = look(node.host, "module vx_lan")
    assert (now.state, now.fix) == (state, fix)
    assert words in now.words


def test_selinux_keeps_modules_out(node: Node) -> None:
    node.file("/proc/sys/kernel/modules_disabled", "0\n")
    node.file("/sys/fs/selinux/booleans/secure_mode_insmod", "1 1")
    assert look(node.host, "modules-enabled").fix == "setsebool -P secure_mode_insmod off"


def test_cni_plugins(node: Node) -> None:
    plugins = [{"type": "flannel", "ipam": {"type": "host-local"}}, {"type": "portmap"}]
    node.file("/etc/cni/net.d/10-x.conflist", json.dumps({"plugins": plugins}))
    node.file("/opt/cni/bin/flannel")
    assert look(node.host, "cni-plugins").words == "missing: portmap, host-local"
    node.file("/opt/cni/bin/host-local")
    node.link("/opt/cni/bin/portmap", "cni")
    assert look(node.host, "cni-plugins").state == FINE


def test_runtime_socket(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    path = node.host.path("/run/crio/crio.sock")
    path.parent.mkdir(parents=True)
    # The path of a socket is short.
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("crio.sock")
    assert look(node.host, "runtime-socket").words == "/run/crio/crio.sock is there"


def test_lock_holder(node: Node) -> None:
    inode = node.file("/run/xtables.lock").stat().st_ino
    node.file("/proc/locks", f"1: FLOCK  ADVISORY  WRITE 4711 00:19:{inode} 0 EOF\n")
    now = look(node.host, "lock-holder")
    assert (now.state, now.fix) == (WRONG, "ps -o pid,etime,args -p 4711")
    node.file("/proc/locks", f"1: -> FLOCK  ADVISORY  WRITE 4711 00:19:{inode} 0 EOF\nodd\n")
    assert look(node.host, "lock-holder").state == FINE


@pytest.mark.parametrize(("count", "state"), [(10, FINE), (95, WRONG)])
def test_conntrack_room(node: Node, count: int, state: str) -> None:
    node.file("/proc/sys/net/netfilter/nf_conntrack_count", f"{count}\n")
    node.file("/proc/sys/net/netfilter/nf_conntrack_max", "100\n")
    assert look(node.host, "conntrack-room").state == state


@pytest.mark.parametrize(("free", "state"), [(50, FINE), (3, WRONG)])
def test_disk_room(node: Node, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    class Statvfs:
        f_bavail, f_blocks, f_favail, f_files = free, 100, 100, 100

    node.file("/var/lib/kubelet/x")
    monkeypatch.setattr(os, "statvfs", lambda path: Statvfs)
    assert look(node.host, "disk-room").state == state


@pytest.mark.parametrize(("active", "state"), [((), FINE), (("firewalld.service",), WRONG)])
def test_unit(
    node: Node, monkeypatch: pytest.MonkeyPatch, active: tuple[str, ...], state: str
) -> None:
    monkeypatch.setattr(node.systemd, "active_units", lambda names: active)
    assert look(node.host, "firewalld").state == state


def test_no_bus_is_unknown(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(names: object) -> None:
        raise BusError("there is no bus")

    monkeypatch.setattr(node.systemd, "active_units", fail)
    assert look(node.host, "fapolicyd") == (UNKNOWN, "there is no bus", "")


def test_what_may_not_be_looked_at_is_unknown(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> None:
        raise PermissionError(13, "Permission denied", "/run/flannel/subnet.env")

    monkeypatch.setattr(Path, "stat", deny)
    now = look(node.host, "flannel-subnet")
    assert now.state == UNKNOWN
    assert "Permission denied" in now.words


PROBLEM = {"message": "swap is on", "hint": "swapoff -a", "required": True}
STAGE = {
    "stage": "swap",
    "mode": "required",
    "outcome": "failed",
    "changes": [],
    "problems": [PROBLEM],
    "notes": [],
    "duration_usec": 1,
}


@pytest.mark.parametrize(
    ("outcome", "stages", "words", "fix"),
    [
        ("failed", [STAGE], "swap is on", "swapoff -a"),
        ("running", [], "nodefix's run: running", ""),
    ],
)
def test_run(node: Node, outcome: str, stages: list[object], words: str, fix: str) -> None:
    report = {"schema": 1, "boot_id": BOOT_ID, "outcome": outcome, "stages": stages}
    node.file("/run/nodefix/report.json", json.dumps(report))
    assert look(node.host, "run") == (WRONG, words, fix)
    node.file("/run/nodefix/ready", json.dumps({"boot_id": BOOT_ID}))
    assert look(node.host, "run").state == FINE
