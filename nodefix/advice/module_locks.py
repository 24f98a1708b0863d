"""No kernel module can be loaded: by kernel.modules_disabled, or by SELinux."""

from __future__ import annotations

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.facts.module_locks import Locks, read_locks
from nodefix.host.node import Host

NAME = "module_locks"

_WHY = (
    "What kube-proxy or the network plugin needs later, such as vxlan or ip_set, cannot be loaded."
)


def read(host: Host, config: Config) -> Locks:
    """Read the switches."""
    return read_locks(host)


def judge(locks: Locks) -> tuple[Advice, ...]:
    """Where modules are missing already, stage modules tells both."""
    found = []
    if locks.disabled:
        by = f" by {locks.by}" if locks.by else ""
        hint = (
            f"grubby --update-kernel=ALL --remove-args={locks.word} && systemctl reboot"
            if locks.word
            else "grep -rs modules_disabled /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d"
        )
        found.append(
            Advice(
                "modules-disabled",
                f"kernel.modules_disabled: found 1{by}, which only a reboot takes back, expected 0",
                _WHY,
                hint,
                told_by="modules_disabled",
            )
        )
    if locks.selinux:
        found.append(
            Advice(
                "selinux-forbids-modules",
                "SELinux: found the boolean secure_mode_insmod on, expected off",
                _WHY,
                "setsebool -P secure_mode_insmod off",
                told_by="secure_mode_insmod",
            )
        )
    return tuple(found)
