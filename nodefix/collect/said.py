"""What nodefix's own commands and other programs say."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Callable

from nodefix import __version__
from nodefix.collect.files import plain
from nodefix.collect.part import Got
from nodefix.errors import CommandError, NodefixError
from nodefix.facts.system import kernel_release, read_os_release
from nodefix.host.node import Host
from nodefix.shape import Json
from nodefix.text import told
from nodefix.words import EXIT_NOT_ROOT, EXIT_USAGE

NODEFIX, _TIMEOUT = "/usr/bin/nodefix", "/usr/bin/timeout"
# timeout(1) interrupts nodefix, so that it ends its own programs, before it is killed itself.
_GRACE, _KILLED = 2, 124
# Bytes of an output, and of what goes with it to stderr.
_LIMIT, _ERRORS = 1 << 20, 2000

# What a bug can hang on.
_TOOLS = (
    ("/usr/sbin/iptables", "--version"),
    ("/usr/sbin/nft", "--version"),
    ("/usr/bin/systemctl", "--version"),
    ("/usr/sbin/modprobe", "--version"),
)
# What of os-release(5) tells systems apart.
_SYSTEM = re.compile("ID|NAME|PRETTY_NAME|VERSION|PLATFORM_ID|VARIANT|BUILD_ID|IMAGE|CPE|OSTREE")
_PACKAGES = (
    *("nodefix", "kernel-core", "kernel-modules-extra", "kernel-uek-core", "iptables-nft"),
    *("iptables-libs", "iptables-legacy", "nftables", "firewalld", "systemd", "kmod", "kubelet"),
    *("containerd", "containerd.io", "cri-o", "python3", "python3-gobject-base", "python3-pyyaml"),
    *("python3-systemd", "chkconfig", "alternatives"),
)


def nodefix(*words: str, seconds: int, data: bool = True) -> Callable[[Host], Got]:
    """Asks nodefix itself, in a process of its own.

    Args:
        words: the command.
        seconds: that it may take.
        data: whether it prints JSON.
    """

    def read(host: Host) -> Got:
        words_of = (_TIMEOUT, "-s", "INT", "-k", str(_GRACE), str(seconds), NODEFIX, *words)
        done = host.programs.read(*words_of, timeout=seconds + _GRACE + 1)
        said = told(done.stderr, _ERRORS)
        note = f"exit status {done.status}" + (f"; it says: {said}" if said else "")
        if done.status == _KILLED:
            return Got(missing=f"did not end within {seconds} s")
        if not done.stdout.strip() or done.status in (EXIT_USAGE, EXIT_NOT_ROOT):
            return Got(missing=note)
        if len(done.stdout) > _LIMIT:
            return Got(missing=f"printed {len(done.stdout)} bytes, expected {_LIMIT} at the most")
        return Got(_parsed(done.stdout) if data else done.text, note)

    return read


def _parsed(output: bytes) -> Json:
    try:
        return plain(json.loads(output))
    except (ValueError, RecursionError):
        return output.decode("utf-8", "replace")


def versions(host: Host) -> Got:
    """Versions of nodefix, of what it runs on and of what it works with."""
    found: dict[str, Json] = {
        "nodefix": __version__,
        "kernel": kernel_release(host.root),
        "machine": os.uname().machine,
        "python": f"{platform.python_version()} ({sys.executable})",
    }
    missing = []
    try:
        release = read_os_release(host.root)
        found["os-release"] = {key: release[key] for key in sorted(release) if _SYSTEM.match(key)}
    except NodefixError as error:
        missing.append(error.message)
    for argv in (*_TOOLS, ("/usr/bin/rpm", "-q", *_PACKAGES)):
        try:
            done = host.programs.read(*argv, timeout=4)
            found[argv[0]] = [line for line in done.text.splitlines() if line.strip()]
        except CommandError as error:
            # That there is none is an answer.
            found[argv[0]] = error.message
        except NodefixError as error:
            missing.append(error.message)
    return Got(found, missing="; ".join(missing))
