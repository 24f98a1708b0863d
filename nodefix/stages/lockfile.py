"""/run/xtables.lock is a regular file, root's, 0600.

kube-proxy's and the CNI's pods mount it from the node. Where it is missing a container runtime
creates it as a directory, and iptables cannot lock it any more.
Source: kubernetes cluster/addons/kube-proxy/kube-proxy-ds.yaml (hostPath FileOrCreate);
iptables xshared.h (XT_LOCK_NAME).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.facts.lockfile import (
    LOCK,
    MOST_ENTRIES,
    TMPFILES,
    TMPFILES_CONTENT,
    TMPFILES_LINE,
    VENDORS_TMPFILES,
    LockFacts,
    read_lockfile,
)
from nodefix.facts.remedies import AGAIN, unmount, way_to_write
from nodefix.host.node import Host
from nodefix.host.writing import make_folder, write_atomic
from nodefix.plan import Change, Plan, Problem, Undo
from nodefix.shape import Json
from nodefix.undo import text

__all__ = ["DEADLINE", "NAME", "NEEDS", "apply", "plan", "read"]

NAME = "lockfile"
NEEDS: tuple[str, ...] = ()
DEADLINE = 15.0

WANTED = "a regular file, root's, mode 0600"
_TMPFILES_FOLDER = TMPFILES.rpartition("/")[0]
_PROGRAM = "/usr/bin/systemd-tmpfiles"
_BY_HAND = f"install -m 0600 /dev/null {LOCK}"
# Numbered: a copy from an earlier time may still be there.
_MOVE = f"mv --backup=numbered --no-target-directory {LOCK} {LOCK}.old && {AGAIN}"
_UNMOUNT = f"{unmount(LOCK)} && {AGAIN}"


def read(host: Host, config: Config) -> LockFacts:
    """Look at the lock file and at the entry that makes it last; no setting is about them."""
    return read_lockfile(host)


def plan(facts: LockFacts, config: Config) -> Plan:
    """A missing file is created, an empty directory replaced; anything else is left unchanged."""
    now = _now(facts)
    if facts.lasting.value is False:
        return now._replace(changes=(*now.changes, _lasting(facts)))
    if facts.lasting.value is None:
        return now._replace(problems=(*now.problems, _not_lasting(facts)))
    return now


class MakeNow(NamedTuple):
    """Create or fix the lock file."""


class MakeEntry(NamedTuple):
    """Write the entry that creates it at each boot."""


def _lasting(facts: LockFacts) -> Change:
    hint = f"ls -ldZ {TMPFILES} {_TMPFILES_FOLDER}"
    was: dict[str, Json] = {TMPFILES: None}
    became: dict[str, Json] = {TMPFILES: {"file": text(TMPFILES_CONTENT), "mode": "0644"}}
    if not facts.has_folder:
        was[_TMPFILES_FOLDER] = None
        became[_TMPFILES_FOLDER] = {"folder": "0755"}
    return Change(
        target=TMPFILES,
        found="no entry for the lock file",
        wanted="the entry, so that the file exists early in each boot",
        hint=hint,
        action=MakeEntry(),
        # Without the entry nodefix itself creates the file, later in each boot.
        required=False,
        undo=Undo("tmpfiles-entry", was, became),
        code="lockfile-entry",
        carried=f"echo '{TMPFILES_LINE}' >{VENDORS_TMPFILES}",
    )


def _not_lasting(facts: LockFacts) -> Problem:
    message = f"{facts.lasting.where}, expected the line `{TMPFILES_LINE}`; it is left unchanged"
    return Problem(message, facts.lasting.hint, required=False, code="lockfile-entry-other")


def _now(facts: LockFacts) -> Plan:
    if facts.is_right:
        return Plan()
    match facts:
        case LockFacts("absent"):
            # /run is empty at each boot.
            return _change("lockfile-missing", "nothing", _BY_HAND, each_boot=True)
        case LockFacts(kind, mounted=True) if kind != "file":
            code = "lockfile-directory" if kind == "directory" else "lockfile-kind"
            return _problem(code, f"a {kind} that is mounted there", _UNMOUNT)
        case LockFacts("directory", entries=0):
            hint = f"rmdir {LOCK} && {_BY_HAND}"
            return _change("lockfile-directory", "an empty directory", hint)
        case LockFacts("directory", owner=(uid, _)):
            found = f"a directory of user {uid} with {_entries(facts)}"
            return _problem("lockfile-directory", found)
        case LockFacts("file", mode=mode, owner=(uid, gid), mounted=mounted):
            found = f"a file of user {uid}, group {gid}, mode {mode:04o}"
            by_hand = f"chown root:root {LOCK} && chmod 0600 {LOCK}"
            return _change("lockfile-mode", found, _UNMOUNT if mounted else by_hand)
        case LockFacts(kind):
            return _problem("lockfile-kind", f"a {kind}")


def _entries(facts: LockFacts) -> str:
    """`1 entry (NAME)`, `5 entries (NAME, NAME, NAME, …)`."""
    if facts.entries > MOST_ENTRIES:
        counted = f"more than {MOST_ENTRIES} entries"
    else:
        counted = "1 entry" if facts.entries == 1 else f"{facts.entries} entries"
    more = ["…"] * (facts.entries > len(facts.names))
    return f"{counted} ({', '.join([*facts.names, *more])})"


def _change(code: str, found: str, hint: str, each_boot: bool = False) -> Plan:
    change = Change(LOCK, found, WANTED, hint, MakeNow(), each_boot=each_boot, code=code)
    return Plan((change,))


def _problem(code: str, found: str, hint: str = _MOVE) -> Plan:
    message = f"{LOCK}: found {found}, expected {WANTED}"
    return Plan(problems=(Problem(message, hint, code=code),))


def apply(change: Change, host: Host) -> None:
    """Create or fix the lock file now, or write the entry that creates it at each boot.

    Raises:
        NodefixError: the kernel or systemd-tmpfiles refused.
    """
    try:
        match change.action:
            case MakeEntry():
                _make_entry(host, change.hint)
            case MakeNow():
                _make_now(host, change.hint)
    except OSError as error:
        raise NodefixError(f"{error.filename}: {error.strerror}", change.hint) from error


def _make_entry(host: Host, hint: str) -> None:
    path = host.path(TMPFILES)
    if os.path.lexists(path):
        raise NodefixError(f"{TMPFILES}: another program created it in the meantime", hint)
    try:
        make_folder(path.parent)
        write_atomic(path, TMPFILES_CONTENT)
    except OSError as error:
        folder = _TMPFILES_FOLDER if path.parent.is_dir() else _TMPFILES_FOLDER.rpartition("/")[0]
        raise NodefixError(
            f"{TMPFILES} cannot be written: {error.strerror}", way_to_write(folder, error)
        ) from error


def _make_now(host: Host, hint: str) -> None:
    path = host.path(LOCK)
    if path.is_dir() and not path.is_symlink():
        # Fails unless it is still empty.
        path.rmdir()
    # It also sets the SELinux label that iptables' domain expects.
    result = host.programs.run(_PROGRAM, "--create", "-", stdin=TMPFILES_CONTENT)
    if result.status:
        raise NodefixError(f"{_PROGRAM}: {result.words}", hint)
