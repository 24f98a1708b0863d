"""Small looks at the node, for symptoms that no stage is about. Nothing here changes anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import NamedTuple

from nodefix.errors import BusError, UnclearError
from nodefix.facts.cni import read_cni
from nodefix.facts.conntrack import read_table
from nodefix.facts.kubeproxy_pod import SOCKETS
from nodefix.facts.system import boot_id, mounted_on
from nodefix.host.node import Host
from nodefix.store import ReportFiles
from nodefix.words import FAILED

WRONG, FINE, UNKNOWN = "wrong", "fine", "unknown"

# Percent; kubelet throws pods out below 10 (nodefs) and 15 (imagefs).
_FREE = 10
_STORES = ("/var/lib/kubelet", "/var/lib/containerd", "/var/lib/containers", "/var", "/run")


class Now(NamedTuple):
    """The state of a cause on this node.

    Attributes:
        state: WRONG, FINE or UNKNOWN.
        words: what was found.
        fix: what to type, where this node needs something else than the symptom says.
    """

    state: str
    words: str
    fix: str = ""


Look = Callable[[Host, list[str]], Now]


def look(host: Host, check: str) -> Now:
    """The state that a check tells.

    Args:
        host: the node.
        check: its name and its arguments, as in symptoms.yaml.
    """
    name, *arguments = check.split()
    try:
        return CHECKS[name](host, arguments)
    except OSError as error:
        return Now(UNKNOWN, f"{error.filename}: cannot be read: {error.strerror}")
    except (BusError, UnclearError) as error:
        return Now(UNKNOWN, error.message)
    except ValueError as error:
        return Now(UNKNOWN, f"not understood: {error}")


def _either(is_fine: bool, fine: str, wrong: str) -> Now:
    return Now(FINE, fine) if is_fine else Now(WRONG, wrong)


def _exists(host: Host, path: str) -> bool:
    """Whether it is there.

    Raises:
        OSError: that cannot be told.
    """
    try:
        host.path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _file(host: Host, arguments: list[str]) -> Now:
    (path,) = arguments
    return _either(_exists(host, path), f"{path} is there", f"{path} is not there")


def _cgroup(host: Host, arguments: list[str]) -> Now:
    is_fine = _exists(host, "/sys/fs/cgroup/cgroup.controllers")
    return _either(is_fine, "this boot has cgroup v2", "this boot has cgroup v1")


def _value(host: Host, name: str) -> str:
    return host.read(f"/proc/sys/{name.replace('.', '/')}").decode("ascii", "replace").strip()


def _sysctl(host: Host, arguments: list[str]) -> Now:
    name, *wanted = arguments
    try:
        value = _value(host, name)
    except FileNotFoundError:
        return Now(WRONG, f"{name} is not there: the kernel module that has it is not loaded")
    return _either(
        value in wanted, f"{name} is {value}", f"{name}: found {value}, expected {wanted[-1]}"
    )


def _at_least(host: Host, arguments: list[str]) -> Now:
    name, least = arguments
    value = _value(host, name)
    return _either(
        int(value) >= int(least),
        f"{name} is {value}",
        f"{name}: found {value}, expected {least} or more",
    )


def _modules_enabled(host: Host, arguments: list[str]) -> Now:
    if _value(host, "kernel.modules_disabled") != "0":
        return Now(
            WRONG,
            "kernel.modules_disabled is 1 until the next boot",
            "grep -rn modules_disabled /etc/sysctl.d /etc/sysctl.conf /usr/lib/sysctl.d",
        )
    try:
        boolean = host.read("/sys/fs/selinux/booleans/secure_mode_insmod").split()
    except FileNotFoundError:
        boolean = []
    if b"1" in boolean[:1]:
        return Now(
            WRONG, "SELinux's secure_mode_insmod is on", "setsebool -P secure_mode_insmod off"
        )
    return Now(FINE, "root may load modules")


def _module(host: Host, arguments: list[str]) -> Now:
    (name,) = arguments
    if _exists(host, f"/sys/module/{name}"):
        return Now(FINE, f"the kernel module {name} is loaded")
    release = _value(host, "kernel.osrelease")
    folder = f"/usr/lib/modules/{release}"
    for file in ("modules.builtin", "modules.dep"):
        for line in host.read(f"{folder}/{file}", 8 << 20).decode("utf-8", "replace").splitlines():
            stem = line.partition(":")[0].rpartition("/")[2].partition(".ko")[0]
            if stem.replace("-", "_") == name:
                if file == "modules.builtin":
                    return Now(FINE, f"{name} is part of this kernel")
                return Now(
                    WRONG, f"the kernel module {name} is there but not loaded", f"modprobe {name}"
                )
    return Now(WRONG, f"the kernel module {name} is not installed for {release}")


def _lock_holder(host: Host, arguments: list[str]) -> Now:
    """Source: proc_locks(5); the sixth word ends in the inode, but for who only waits."""
    try:
        inode = host.path("/run/xtables.lock").stat().st_ino
    except FileNotFoundError:
        return Now(FINE, "nobody holds the lock: /run/xtables.lock is not there")
    for line in host.read("/proc/locks").decode("ascii", "replace").splitlines():
        words = line.split()
        if len(words) >= 8 and words[5].rpartition(":")[2] == str(inode):
            return Now(
                WRONG,
                f"process {words[4]} holds the lock now",
                f"ps -o pid,etime,args -p {words[4]}",
            )
    return Now(FINE, "nobody holds the lock now")


def _cni_config(host: Host, arguments: list[str]) -> Now:
    found = read_cni(host)
    return _either(
        bool(found.file), f"{found.file} is there", f"{found.folder} has no configuration"
    )


def _cni_plugins(host: Host, arguments: list[str]) -> Now:
    found = read_cni(host)
    if not found.file:
        return Now(WRONG, f"{found.folder} has no configuration")
    return _either(
        not found.missing,
        "each plugin that the CNI configuration names is there",
        f"missing: {', '.join(found.missing)}",
    )


def _runtime_socket(host: Host, arguments: list[str]) -> Now:
    for path in SOCKETS:
        if _exists(host, path) and stat.S_ISSOCK(host.path(path).stat().st_mode):
            return Now(FINE, f"{path} is there")
    return Now(WRONG, "no container runtime has made its socket")


def _cri_plugin(host: Host, arguments: list[str]) -> Now:
    path = "/etc/containerd/config.toml"
    try:
        text = host.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return Now(FINE, f"{path} is not there: containerd's own settings have its CRI plugin")
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "disabled_plugins" and "cri" in value:
            return Now(WRONG, f"{path} has `{line.strip()[:100]}`")
    return Now(FINE, f"{path} does not leave the CRI plugin out")


def _active(unit: str) -> Look:
    def tell(host: Host, arguments: list[str]) -> Now:
        is_active = bool(host.systemd.active_units((f"{unit}.service",)))
        return _either(not is_active, f"{unit} does not run", f"{unit} is active")

    return tell


def _conntrack_room(host: Host, arguments: list[str]) -> Now:
    table = read_table(host)
    return _either(not table.is_nearly_full, table.words, table.words)


def _disk_room(host: Host, arguments: list[str]) -> Now:
    least, words = 101, ""
    for store in _STORES:
        if not _exists(host, store):
            continue
        found = os.statvfs(host.path(store))
        for kind, free, size in (
            ("space", found.f_bavail, found.f_blocks),
            ("inodes", found.f_favail, found.f_files),
        ):
            if size and (percent := 100 * free // size) < least:
                least, words = percent, f"{store} has {percent} % of its {kind} left"
    return _either(least >= _FREE, words or "no such folder", words)


def _bpf_mounted(host: Host, arguments: list[str]) -> Now:
    is_fine = "bpf" in mounted_on(host.root, "/sys/fs/bpf")
    return _either(is_fine, "/sys/fs/bpf is mounted", "/sys/fs/bpf is not mounted")


def _run(host: Host, arguments: list[str]) -> Now:
    boot = boot_id(host.root)
    files = ReportFiles(host.root)
    if files.is_open(boot):
        return Now(FINE, "nodefix has found this node ready")
    earlier = files.earlier(boot)
    if not earlier.outcome:
        return Now(WRONG, "nodefix has not run in this boot", "systemctl restart nodefix")
    problems = [
        problem
        for report in earlier.stages.values()
        for problem in report.problems
        if problem.required and report.outcome == FAILED
    ]
    if not problems:
        return Now(WRONG, f"nodefix's run: {earlier.outcome}")
    return Now(WRONG, problems[0].message, problems[0].hint)


CHECKS: Mapping[str, Look] = {
    "at-least": _at_least,
    "bpf-mounted": _bpf_mounted,
    "calico-nodename": lambda host, _: _file(host, ["/var/lib/calico/nodename"]),
    "cgroup-v2": _cgroup,
    "cni-config": _cni_config,
    "cni-plugins": _cni_plugins,
    "conntrack-room": _conntrack_room,
    "cri-plugin": _cri_plugin,
    "disk-room": _disk_room,
    "fapolicyd": _active("fapolicyd"),
    "file": _file,
    "firewalld": _active("firewalld"),
    "flannel-subnet": lambda host, _: _file(host, ["/run/flannel/subnet.env"]),
    "lock-holder": _lock_holder,
    "module": _module,
    "modules-enabled": _modules_enabled,
    "run": _run,
    "runtime-socket": _runtime_socket,
    "sysctl": _sysctl,
}
