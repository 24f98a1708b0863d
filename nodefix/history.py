"""What earlier boots came to, from the records that nodefix left in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nodefix import events
from nodefix.host.journald import Entry
from nodefix.words import DEGRADED, FAILED, RESTORED, STAGE_NAMES

_ENDS = (events.RUN_FINISHED, events.RUN_FAILED, events.OUT_OF_SCOPE, events.NOT_RUN)
IDS = (events.RUN_STARTED, *_ENDS, events.STAGE_CHANGED, events.PROBLEM, events.UNDONE)
FIELDS = (
    "MESSAGE",
    "MESSAGE_ID",
    "NODEFIX_STAGE",
    "NODEFIX_OUTCOME",
    "NODEFIX_DURATION_USEC",
)

# Journal matches: nodefix's records, and only root's, since anybody can write to the journal.
MATCHES = ("_UID=0", "SYSLOG_IDENTIFIER=nodefix", *(f"MESSAGE_ID={one}" for one in IDS))

# A run that did not come to its end.
UNFINISHED = "unfinished"

# Changes and problems of one boot that are kept.
_MOST = 50

# How to find what undoes a stage's work, again and again.
_FIND: Mapping[str, str] = {
    "swap": "systemctl list-units --all --type=swap; grep -rnw swapon /etc/rc.d /etc/cron*",
    "modules": "modprobe --showconfig | grep -E '^(blacklist|install) '",
    "alternatives": "alternatives --display iptables; rpm -q --last 'iptables*' | head",
    "chains": "systemctl status firewalld nftables iptables; journalctl -b -g 'flush|Reload'",
    "lockfile": "systemd-tmpfiles --cat-config | grep xtables.lock; crictl ps -a",
}


class Repair(NamedTuple):
    """One thing that was changed; as in a record."""

    stage: str
    target: str
    found: str
    wanted: str


class Boot(NamedTuple):
    """What one boot came to.

    Attributes:
        boot_id: 32 hexadecimal digits.
        started: when nodefix began, in seconds since 1970.
        outcome: of its last run.
        runs: how many there were.
        usec: how long the last one took that did something; 0 where none ended.
        repaired: how often each stage had to repair something.
        repairs: what was repaired, oldest first.
        problem: the first line of the last problem, if the last run had any.
    """

    boot_id: str
    started: float = 0.0
    outcome: str = UNFINISHED
    runs: int = 0
    usec: int = 0
    repaired: Mapping[str, int] = {}
    repairs: tuple[Repair, ...] = ()
    problem: str = ""


class Again(NamedTuple):
    """A stage that has to repair something again and again.

    Attributes:
        stage: its name.
        boots: in how many of the last boots, one after the other; 1 for several times in one.
        words: that in a sentence.
        find: what to type to find out why.
    """

    stage: str
    boots: int
    words: str
    find: str


def boots(entries: Iterable[Entry], count: int) -> list[Boot]:
    """The last boots in which nodefix ran, oldest first.

    Args:
        entries: its records, newest first.
        count: how many boots at the most.
    """
    by_boot: dict[str, list[Entry]] = {}
    # Of a boot in which no run may follow.
    undone: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.boot_id not in by_boot and entry.fields.get("MESSAGE_ID") == events.UNDONE:
            undone.setdefault(entry.boot_id, []).append(entry)
            continue
        if entry.boot_id not in by_boot and len(by_boot) == count:
            break
        by_boot.setdefault(entry.boot_id, undone.pop(entry.boot_id, [])).append(entry)
    return [_boot(boot_id, found[::-1]) for boot_id, found in reversed(by_boot.items())]


def again(found: Sequence[Boot]) -> list[Again]:
    """What is repaired at every boot, or over and over in the last one."""
    said = []
    for stage in STAGE_NAMES:
        row = 0
        for boot in reversed(found):
            if not boot.repaired.get(stage):
                break
            row += 1
        times = found[-1].repaired.get(stage, 0) if found else 0
        target = next(
            (
                repair
                for boot in reversed(found)
                for repair in reversed(boot.repairs)
                if repair.stage == stage
            ),
            None,
        )
        what = f" (last: {target.target}: {target.found})" if target else ""
        if row > 1:
            words = (
                f"{stage} was repaired at each of the last {row} boots: something brings it back"
            )
            said.append(Again(stage, row, words + what, _FIND[stage]))
        elif times > 1:
            words = f"{stage} was repaired {times} times in the last boot: something undoes it"
            said.append(Again(stage, 1, words + what, _FIND[stage]))
    return said


def _boot(boot_id: str, entries: Sequence[Entry]) -> Boot:
    """One boot by its records, oldest first."""
    boot = Boot(boot_id, entries[0].time)
    repaired: dict[str, int] = {}
    repairs: list[Repair] = []
    is_open = is_new = False
    for entry in entries:
        kind = entry.fields.get("MESSAGE_ID", "")
        message = entry.fields.get("MESSAGE", "")
        stage = entry.fields.get("NODEFIX_STAGE", "")
        if kind == events.RUN_STARTED:
            boot = boot._replace(runs=boot.runs + 1, outcome=UNFINISHED)
            is_open = is_new = True
        elif kind == events.STAGE_CHANGED:
            repaired[stage] = repaired.get(stage, 0) + 1
            repairs += _repairs(stage, message)
        elif kind == events.UNDONE:
            # What nodefix itself undid is not what something on the node undoes.
            if entry.fields.get("NODEFIX_OUTCOME") == RESTORED:
                repaired.pop(stage, None)
        elif kind == events.PROBLEM:
            if is_new or not boot.problem:
                boot = boot._replace(problem=message.partition("\n")[0])
            is_new = False
        elif kind == events.NOT_RUN and boot.runs:
            # The node stays what the run before made of it.
            boot = boot._replace(problem=message.partition("\n")[0])
        elif kind in _ENDS:
            before, boot = boot, _ended(boot, entry, message)
            # A run that came to the same end as the one before says nothing at its beginning, and
            # not how long it took. What says that alone is a restart of kube-proxy after a run.
            if boot.runs and not is_open and "NODEFIX_DURATION_USEC" in entry.fields:
                boot = boot._replace(usec=before.usec)
            else:
                boot = boot._replace(runs=boot.runs + (not is_open))
            is_open = False
    return boot._replace(repaired=repaired, repairs=tuple(repairs[-_MOST:]))


def _ended(boot: Boot, entry: Entry, message: str) -> Boot:
    outcome = entry.fields.get("NODEFIX_OUTCOME", FAILED)
    usec = entry.fields.get("NODEFIX_DURATION_USEC", "")
    boot = boot._replace(outcome=outcome)
    if usec.isascii() and usec.isdigit():
        boot = boot._replace(usec=int(usec[:15]))
    if outcome not in (FAILED, DEGRADED):
        return boot._replace(problem="")
    return boot._replace(problem=boot.problem or message.partition("\n")[0])


def _repairs(stage: str, message: str) -> list[Repair]:
    """What a stage's record says it changed: a line `  TARGET: FOUND -> WANTED` for each."""
    found = []
    for line in message.split("\n")[1:]:
        target, _, rest = line.strip().partition(": ")
        was, arrow, wanted = rest.partition(" -> ")
        if arrow:
            found.append(Repair(stage, target, was, wanted))
    return found
