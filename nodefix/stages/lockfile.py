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
from nodefix.facts.lockfile import (
    LOCK,
    MOST_ENTRIES,
    TMPFILES,
    TMPFILES_CONTENT,
    TMPFILES_LINE,
    LockFacts,
    read_lockfile,
)
from nodefix.host.node import Host
from nodefix.host.writing import write_atomic
from nodefix.plan import Change, Plan, Problem

__all__ = ["DEADLINE", "NAME", "NEEDS", "apply", "plan", "read"]

NAME = "lockfile"
NEEDS: tuple[str, ...] = ()
DEADLINE = 15.0

WANTED = "a regular file, root's, mode 0600"
_PROGRAM = "/usr/bin/systemd-tmpfiles"
_BY_HAND = f"install -m 0600 /dev/null {LOCK}"


def read(host: Host, config: Config) -> LockFacts:
    """Look at the lock file and at the entry that makes it last; no setting is about them."""
    return read_lockfile(host)


def plan(facts: LockFacts, config: Config) -> Plan:
    """What is missing is made, an empty directory replaced; anything else is not touched."""
    now = _now(facts)
    if facts.lasting.value is False:
        return now._replace(changes=(*now.changes, _LASTING))
    if facts.lasting.value is None:
        return now._replace(problems=(*now.problems, _not_lasting(facts)))
    return now


# Not required: without the entry nodefix makes the file itself, later in each boot.
_LASTING = Change(
    target=TMPFILES,
    found="no entry for the lock file",
    wanted="the entry, so that each boot begins with the file",
    hint=f"ls -ldZ {TMPFILES} /etc/tmpfiles.d",
    action="last",
    required=False,
)


def _not_lasting(facts: LockFacts) -> Problem:
    message = f"{facts.lasting.where}, expected the line `{TMPFILES_LINE}`; it was left as it is"
    return Problem(message, facts.lasting.hint, required=False)


def _now(facts: LockFacts) -> Plan:
    match facts:
        case LockFacts("absent"):
            # /run is empty at each boot.
            return _change("nothing", _BY_HAND, each_boot=True)
        case LockFacts("directory", entries=0):
            return _change("an empty directory", f"rmdir {LOCK} && {_BY_HAND}")
        case LockFacts("directory", owner=(uid, _)):
            return _problem(f"a directory of user {uid} with {_entries(facts)}")
        case LockFacts("file", mode=0o600, owner=(0, 0)):
            return Plan()
        case LockFacts("file", mode=mode, owner=(uid, gid)):
            found = f"a file of user {uid}, group {gid}, mode {mode:04o}"
            return _change(found, f"chown root:root {LOCK} && chmod 0600 {LOCK}")
        case LockFacts(kind):
            return _problem(f"a {kind}")


def _entries(facts: LockFacts) -> str:
    """`1 entry (NAME)`, `5 entries (NAME, NAME, NAME, …)`."""
    if facts.entries > MOST_ENTRIES:
        counted = f"more than {MOST_ENTRIES} entries"
    else:
        counted = "1 entry" if facts.entries == 1 else f"{facts.entries} entries"
    more = ["…"] * (facts.entries > len(facts.names))
    return f"{counted} ({', '.join([*facts.names, *more])})"


def _change(found: str, hint: str, each_boot: bool = False) -> Plan:
    return Plan((Change(LOCK, found, WANTED, hint, "now", each_boot=each_boot),))


def _problem(found: str) -> Plan:
    message = f"{LOCK}: found {found}, expected {WANTED}"
    # Numbered: what was moved away the last time may still be there.
    move = f"mv --backup=numbered --no-target-directory {LOCK} {LOCK}.old"
    return Plan(problems=(Problem(message, f"{move} && systemctl restart nodefix"),))


def apply(change: Change, host: Host) -> None:
    """Make or mend the lock file now, or see to it that it lasts.

    Raises:
        NodefixError: the kernel or systemd-tmpfiles refused.
    """
    try:
        if change.action == "last":
            path = host.path(TMPFILES)
            path.parent.mkdir(mode=0o755, exist_ok=True)
            if os.path.lexists(path):
                raise NodefixError(f"{TMPFILES}: somebody made it meanwhile", change.hint)
            write_atomic(path, TMPFILES_CONTENT)
            return
        path = host.path(LOCK)
        if path.is_dir() and not path.is_symlink():
            # Fails unless it is empty, whatever happened since it was looked at.
            path.rmdir()
    except OSError as error:
        raise NodefixError(f"{error.filename}: {error.strerror}", change.hint) from error
    # It knows the SELinux label, too, that iptables' own domain expects.
    result = host.programs.run(_PROGRAM, "--create", "-", stdin=TMPFILES_CONTENT)
    if result.status:
        raise NodefixError(f"{_PROGRAM}: {result.words}", change.hint)
