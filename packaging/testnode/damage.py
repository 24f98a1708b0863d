"""Ways to break a node before it boots, one for each stage that a container lets us break."""

from collections.abc import Callable
from dataclasses import dataclass

from testnode.machine import Machine
from testnode.tree import Root

# Part of every rule that kube-proxy makes for a node port.
_EXTENSION = "xtables/libxt_addrtype.so"
_AWAY = "/root/libxt_addrtype.so"

_SAVED_RULES = """\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
COMMIT
*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -j KUBE-FORWARD
COMMIT
"""
_ONESHOT = """\
[Unit]
Description={description}
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Before=nodefix.service kubelet.service

[Service]
Type=oneshot
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Damage:
    """What is broken, and whether nodefix repairs it or has to hold kubelet.

    Attributes:
        what: the damage in words.
        apply: does it to a node that is down.
        mend: what a person would do about it on the booted node; None if nodefix repairs it.
    """

    what: str
    apply: Callable[[Root], None]
    mend: Callable[[Machine], None] | None = None


def _bare_jumps(root: Root) -> None:
    # A new network namespace has no rules, so they come with the boot, as saved ones do on EL.
    root.write("/etc/sysconfig/iptables", _SAVED_RULES)
    command = "/usr/sbin/iptables-restore /etc/sysconfig/iptables"
    _at_boot(root, "iptables", "IPv4 firewall with iptables", command)


def _no_entry(root: Root) -> None:
    for name in ("iptables", "ip6tables"):
        root.run(["update-alternatives", "--remove-all", name])


def _directory(root: Root) -> None:
    # A pod's hostPath volume without a type makes a directory of what is not there.
    command = "-/bin/mkdir /run/xtables.lock"
    _at_boot(root, "stand-in-runtime", "Container runtime that comes first", command)


def _no_extension(root: Root) -> None:
    root.run(["sh", "-c", f"mv /usr/lib/*/{_EXTENSION} {_AWAY}"])


def _extension_again(node: Machine) -> None:
    node.run(["sh", "-c", f"mv {_AWAY} /usr/lib/*/xtables/"])


def _at_boot(root: Root, name: str, description: str, command: str) -> None:
    unit = _ONESHOT.format(description=description, command=command)
    root.write(f"/etc/systemd/system/{name}.service", unit)
    root.run(["systemctl", "enable", name])


DAMAGE = {
    "modules": Damage(
        "iptables cannot make rules that match address types, as on a node without\n"
        "kernel-modules-extra (here its library is taken away: a container has no modules to lose)",
        _no_extension,
        _extension_again,
    ),
    "alternatives": Damage(
        "the alternatives have no entry for iptables and ip6tables, so neither command is there",
        _no_entry,
    ),
    "chains": Damage(
        "saved rules bring the bare jumps of the hand fix, which kube-proxy would double",
        _bare_jumps,
    ),
    "lockfile": Damage("a container runtime made a directory of /run/xtables.lock", _directory),
}
