"""/run/xtables.lock is a regular file, root's, 0600.

kube-proxy's and the CNI's pods mount it from the node; where it is missing a container runtime
makes a directory of it, and every later locking fails.
Source: kubernetes cluster/addons/kube-proxy/kube-proxy-ds.yaml (hostPath FileOrCreate);
iptables xshared.h (XT_LOCK_NAME).
"""

from __future__ import annotations

import os

from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.facts.lockfile import LOCK, LockFacts, read
from nodefix.host import Host
from nodefix.plan import Change, Plan, Problem

__all__ = ["DEADLINE", "NAME", "apply", "plan", "read"]

NAME = "lockfile"
DEADLINE = 10.0

WANTED = "a regular file, root's, mode 0600"
_BY_HAND = f"install -m 0600 /dev/null {LOCK}"
_RESTORECON = "/usr/sbin/restorecon"


def plan(facts: LockFacts, config: Config) -> Plan:
    """What is missing is made, an empty directory replaced; anything else is not touched."""
    match facts:
        case LockFacts("absent"):
            return _change("nothing", "make", _BY_HAND)
        case LockFacts("directory", entries=0):
            return _change("an empty directory", "replace", f"rmdir {LOCK} && {_BY_HAND}")
        case LockFacts("directory", entries=count):
            return _problem(f"a directory with {count} entries")
        case LockFacts("file", mode=0o600, owner=(0, 0)):
            return Plan()
        case LockFacts("file", mode=mode, owner=(uid, gid)):
            found = f"a file of user {uid}, group {gid}, mode {mode:04o}"
            return _change(found, "mend", f"chown root:root {LOCK} && chmod 0600 {LOCK}")
        case LockFacts(kind):
            return _problem(f"a {kind}")


def _change(found: str, action: str, hint: str) -> Plan:
    return Plan((Change(LOCK, found, WANTED, hint, action),))


def _problem(found: str) -> Plan:
    message = f"{LOCK}: found {found}, expected {WANTED}"
    return Plan(problems=(Problem(message, f"mv {LOCK} {LOCK}.old && systemctl start nodefix"),))


def apply(change: Change, host: Host) -> None:
    """Make, replace or mend the lock file.

    Raises:
        NodefixError: the kernel refused.
    """
    path = host.path(LOCK)
    try:
        if change.action == "replace":
            # Fails unless it is empty, whatever happened since it was looked at.
            path.rmdir()
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        if change.action != "mend":
            flags |= os.O_CREAT | os.O_EXCL
        descriptor = os.open(path, flags, 0o600)
        try:
            os.fchown(descriptor, 0, 0)
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NodefixError(f"{LOCK}: {error.strerror}", change.hint) from error
    # A new file in /run gets its folder's SELinux type; iptables' own domain expects its own.
    if host.path("/sys/fs/selinux/enforce").exists() and host.path(_RESTORECON).exists():
        host.commands.run(_RESTORECON, LOCK)
