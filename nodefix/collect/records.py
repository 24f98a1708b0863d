"""Records of the last boots, from the journal and from kube-proxy's log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nodefix.collect.part import Got, Lines
from nodefix.errors import UnclearError
from nodefix.facts.kubeproxy_log import errors_in
from nodefix.host.journald import MAY_NOT_READ, Entry, entries, storage
from nodefix.host.node import Host
from nodefix.symptoms_input import UNITS, kube_proxy_logs
from nodefix.text import stamp
from nodefix.words import CHAINS_UNIT, KUBELET_UNITS, UNIT, WATCH_UNIT

# Boots, and of each part entries and characters: what is older is left out.
BOOTS, _MOST, _SIZE = 5, 20_000, 1 << 20
# Errors of kube-proxy's logs.
_ERRORS = 200
_SECONDS = 8.0

_NODEFIX = "nodefix"
_FIELDS = ("MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "UNIT")
_OWN = (
    *("NODEFIX_STAGE", "NODEFIX_OUTCOME", "NODEFIX_CHANGES", "NODEFIX_DURATION_USEC"),
    *("NODEFIX_CODE", "NODEFIX_HINT"),
)
_OUR_UNITS = (UNIT, WATCH_UNIT, CHAINS_UNIT)

# Journal matches: nodefix's records, root's alone, since anybody can write some.
OF_NODEFIX = ("_UID=0", f"SYSLOG_IDENTIFIER={_NODEFIX}")
# What kubelet, its runtime and the like print; what systemd says of their units.
OF_UNITS = tuple(f"_SYSTEMD_UNIT={unit}" for unit in UNITS if unit != UNIT)
OF_SYSTEMD = ("_PID=1", *(f"UNIT={unit}" for unit in (*_OUR_UNITS, *KUBELET_UNITS)))
OF_KERNEL = ("_TRANSPORT=kernel", *(f"PRIORITY={number}" for number in range(5)))


def journal(matches: Sequence[str]) -> Callable[[Host], Got]:
    """Reads the entries that match, of the last boots."""

    def read(host: Host) -> Got:
        if storage(host.root).readable is False:
            raise UnclearError(MAY_NOT_READ, "sudo nodefix collect")
        found = entries(matches, _MOST, (*_FIELDS, *_OWN), _SECONDS)
        return _newest(found)

    return read


def _newest(found: Iterable[Entry]) -> Got:
    """The newest entries that there is room for, oldest first."""
    kept: list[tuple[str, str]] = []
    boots: set[str] = set()
    size, note = 0, ""
    for entry in found:
        boots.add(entry.boot_id)
        head, text = _head(entry), _body(entry)
        size += len(head) + len(text)
        if len(boots) > BOOTS or size > _SIZE:
            note = f"what is older than {len(kept)} entries was left out"
            break
        kept.append((head, text))
    if not kept:
        return Got(note="there is nothing of it in the journal")
    return Got(Lines(kept[::-1]), note)


def _head(entry: Entry) -> str:
    fields = entry.fields
    unit = fields.get("UNIT") or fields.get("_SYSTEMD_UNIT", "")
    who = fields.get("SYSLOG_IDENTIFIER", "")
    priority = fields.get("PRIORITY", "-")
    return f"{stamp(entry.time)} boot {entry.boot_id} <{priority}> {unit or '-'} {who or '-'}:"


def _body(entry: Entry) -> str:
    fields = entry.fields
    own = [f"{name}={fields[name]}" for name in _OWN if name in fields]
    if own and "MESSAGE_ID" in fields:
        own.append(f"MESSAGE_ID={fields['MESSAGE_ID']}")
    return "\n".join([fields.get("MESSAGE", ""), *own])


def kube_proxy_errors(host: Host) -> Got:
    """The last errors of kube-proxy's logs."""
    notes: list[str] = []
    found = [
        (f"{time or '-'} {text.where}:", line)
        for text in kube_proxy_logs(host, notes)
        for time, line in errors_in(text.content.encode("utf-8", "replace"))
    ]
    if not found and not notes:
        return Got(note="there is no error in a log of kube-proxy, or no log")
    return Got(Lines(found[-_ERRORS:]), missing="; ".join(notes))
