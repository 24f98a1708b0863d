"""An event on this node, which `kubectl describe node` shows, set with kubelet's own credentials.

kubelet may create and update events, and read none (kubernetes plugin/pkg/auth/authorizer/rbac/
bootstrappolicy/policy.go, NodeRules); NodeRestriction has no rule about them. An update without a
version creates what is not there, and replaces what is (pkg/registry/core/event/strategy.go): so
one request does. The count is kept here, as client-go's recorder keeps it (tools/record/
events_cache.go), and each reason has one event, however often it is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.facts.node_name import read_node_name
from nodefix.facts.system import boot_id
from nodefix.host.node import Host
from nodefix.host.reading import read_file
from nodefix.host.writing import make_folder, write_atomic
from nodefix.live.api import Api, reach
from nodefix.shape import JsonObject, an, mapping, parsed
from nodefix.text import stamp
from nodefix.told import essence
from nodefix.words import EVENTS

NORMAL, WARNING = "Normal", "Warning"
COMPONENT = "nodefix"
NAMESPACE = "default"
_EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
# Characters: a Node's name may be as long as an event's, which is to begin with it.
_NAME = 200


class Event(NamedTuple):
    """What is to be told.

    Attributes:
        kind: NORMAL or WARNING.
        reason: a word, for programs.
        message: a line, for people.
    """

    kind: str
    reason: str
    message: str


class Told(NamedTuple):
    """An event that is there now.

    Attributes:
        name: of the event.
        node: it is about this one.
        times: how often this was told in this boot.
    """

    name: str
    node: str
    times: int


class _Before(NamedTuple):
    """What is kept of an event.

    Attributes:
        essence: of its message.
        times: how often it was told.
        first: when it was told first, ISO 8601 in UTC.
    """

    essence: str
    times: int
    first: str


def report(host: Host, event: Event) -> Told:
    """Set the event.

    Raises:
        NodefixError: it is not there, and why.
    """
    node = read_node_name(host)
    api = reach(host, node)
    kept = _recalled(host.root)
    uid, before = _uid(api, kept), _before(kept, event.reason)
    now, same = stamp(), essence(event.message)
    again = before.essence == same
    after = _Before(same, before.times + 1 if again else 1, before.first if again else now)
    name = f"{node.name[:_NAME].rstrip('.-')}.{_key(node.name, event.reason)}"
    content = _content(name, node.name, uid, event, after, now)
    words = ("replace", "--raw", f"{_EVENTS}/{name}", "-f", "-")
    result = api.ask(*words, stdin=json.dumps(content).encode())
    if result.status:
        raise api.failed(f"the event {event.reason} cannot be set", result)
    _keep(host.root, kept, uid, event.reason, after)
    return Told(name, node.name, after.times)


def _content(
    name: str, node: str, uid: str, event: Event, after: _Before, now: str
) -> dict[str, object]:
    """The event as core/v1 has it."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid},
        "type": event.kind,
        "reason": event.reason,
        "message": event.message,
        "source": {"component": COMPONENT, "host": node},
        "reportingComponent": COMPONENT,
        "reportingInstance": node,
        "firstTimestamp": after.first,
        "lastTimestamp": now,
        "count": after.times,
    }


def _key(node: str, reason: str) -> str:
    """The same for the same node and reason: 16 hexadecimal digits, as client-go's names end."""
    return hashlib.sha256(f"{node}\0{reason}".encode()).hexdigest()[:16]


def _uid(api: Api, kept: JsonObject) -> str:
    """The Node's; its name where that cannot be had, as kubelet did it before 1.37.

    `kubectl describe node` looks for both (kubectl pkg/describe, NodeDescriber).

    Raises:
        NodefixError: there is no answer at all.
    """
    if isinstance(uid := kept.get("uid"), str) and uid:
        return uid
    result = api.ask("get", "--raw", f"/api/v1/nodes/{api.node.name}")
    if result.status:
        failure = api.failed(f"the API server has no node {api.node.name} for kubelet", result)
        if isinstance(failure, UnclearError):
            raise failure
        return api.node.name
    try:
        return an(str, mapping(parsed(result.stdout)["metadata"])["uid"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        message = f"the API server's node {api.node.name} cannot be understood: {error}"
        raise UnclearError(message, api.look) from error


def _recalled(root: Path) -> JsonObject:
    """What was told in this boot; nothing where that cannot be read."""
    try:
        kept = parsed(read_file(root / EVENTS))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}
    return kept if kept.get("boot_id") == boot_id(root) else {}


def _before(kept: JsonObject, reason: str) -> _Before:
    try:
        found = mapping(mapping(kept["told"])[reason])
        count = max(an(int, found["times"]), 0)
        return _Before(an(str, found["essence"]), count, an(str, found["first"]))
    except (KeyError, TypeError):
        return _Before("", 0, "")


def _keep(root: Path, kept: JsonObject, uid: str, reason: str, after: _Before) -> None:
    """Write it down, if that can be done: else the next one counts from one again."""
    earlier = kept.get("told")
    told: Mapping[object, object] = earlier if isinstance(earlier, dict) else {}
    content = {
        "boot_id": boot_id(root),
        "uid": uid,
        "told": {**told, reason: after._asdict()},
    }
    with contextlib.suppress(OSError):
        make_folder((root / EVENTS).parent)
        write_atomic(root / EVENTS, json.dumps(content).encode() + b"\n")
