"""nodefix/live/event.py: an event on this node, by kubectl."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakehost import result
from liveproxy import FORBIDDEN, HEAD, KUBECTL, NAME, REFUSED, KubeProxy

from nodefix.errors import DeadlineError, NodefixError
from nodefix.host.programs import Result
from nodefix.live.api import Refused
from nodefix.live.event import NORMAL, WARNING, Event, report
from nodefix.words import BOOT_ID, EVENTS

HELD = Event(WARNING, "NodefixHeld", "kubelet is held; swap: 8 KiB are in use")
READY = Event(NORMAL, "NodefixReady", "as it should be")
UID = "9f1c7a52-6d55-4b0e-9a52-0c1f4d8e7b61"
NOT_FOUND = f'Error from server (NotFound): nodes "{NAME}" not found'


class Server:
    """The API server's events, and kubectl on the way there.

    Attributes:
        events: by name.
        calls: words of each request.
        no: what it says instead of taking an event; an exception where it hangs.
        no_node: what it says instead of giving the node.
    """

    def __init__(self, proxy: KubeProxy) -> None:
        self.node = proxy.node
        self.events: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, ...]] = []
        self.no: str | Exception = ""
        self.no_node = ""
        proxy.node.programs.table[(KUBECTL,)] = self.kubectl

    def kubectl(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        """Answer as kubectl."""
        assert argv[: len(HEAD)] == HEAD
        words = argv[len(HEAD) :]
        self.calls.append(words)
        if words == ("get", "--raw", f"/api/v1/nodes/{NAME}"):
            if self.no_node:
                return result(1, "", self.no_node)
            return result(0, json.dumps({"kind": "Node", "metadata": {"uid": UID}}))
        if isinstance(self.no, Exception):
            raise self.no
        if self.no:
            return result(1, "", self.no)
        event = json.loads(stdin)
        name = event["metadata"]["name"]
        path = f"/api/v1/namespaces/default/events/{name}"
        assert words == ("replace", "--raw", path, "-f", "-")
        self.events[name] = event
        return result(0, stdin.decode())

    def set(self, event: Event) -> dict[str, Any]:
        """Have it set; what is then there of that name."""
        return self.events[report(self.node.host, event).name]


@pytest.fixture
def server(proxy: KubeProxy) -> Server:
    """A node of a cluster whose API server takes events."""
    return Server(proxy)


def test_event_is_about_this_node(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodefix.live.event.stamp", lambda: "2026-01-02T03:04:05Z")
    found = server.set(HELD)
    name = found.pop("metadata")["name"]
    assert name.startswith(f"{NAME}.")
    assert found == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": NAME, "uid": UID},
        "type": "Warning",
        "reason": "NodefixHeld",
        "message": HELD.message,
        "source": {"component": "nodefix", "host": NAME},
        "reportingComponent": "nodefix",
        "reportingInstance": NAME,
        "firstTimestamp": "2026-01-02T03:04:05Z",
        "lastTimestamp": "2026-01-02T03:04:05Z",
        "count": 1,
    }


def test_told_again_it_is_counted_and_not_made_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(f"2026-01-02T03:04:0{n}Z" for n in range(9))
    monkeypatch.setattr("nodefix.live.event.stamp", lambda: next(times))
    server.set(HELD)
    # The same but for a figure.
    found = server.set(HELD._replace(message="kubelet is held; swap: 99 KiB are in use"))
    assert (found["count"], found["firstTimestamp"][-3:], found["lastTimestamp"][-3:]) == (
        2,
        "00Z",
        "01Z",
    )
    server.set(READY)
    assert len(server.events) == 2
    assert server.set(HELD)["count"] == 3
    # Another finding is another matter, but no further event.
    assert server.set(HELD._replace(message="other"))["count"] == 1
    assert len(server.events) == 2
    # The node's UID was asked for once.
    assert [words[0] for words in server.calls].count("get") == 1
    server.node.file(f"/{BOOT_ID}", "another boot\n")
    assert server.set(READY)["count"] == 1


def test_a_node_that_kubelet_may_not_read_is_named_as_kubelet_did(server: Server) -> None:
    server.no_node = FORBIDDEN
    assert server.set(READY)["involvedObject"]["uid"] == NAME


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"boot_id": 1, "told": []}'])
def test_what_is_kept_and_cannot_be_read(server: Server, content: bytes) -> None:
    server.node.file(f"/{EVENTS}", content)
    assert server.set(READY)["count"] == 1


def test_folder_that_cannot_be_written(server: Server) -> None:
    server.node.file("/run/nodefix")
    assert server.set(READY)["count"] == server.set(READY)["count"] == 1


@pytest.mark.parametrize(
    ("no", "kind"),
    [(FORBIDDEN, Refused), (REFUSED, NodefixError), (DeadlineError("kubectl", "x"), DeadlineError)],
)
def test_a_no_is_told_and_not_counted(server: Server, no: str | Exception, kind: type) -> None:
    server.no = no
    with pytest.raises(kind) as caught:
        report(server.node.host, READY)
    if isinstance(no, str):
        assert caught.value.message == f"the event NodefixReady cannot be set: {no}"
        assert caught.value.hint.endswith("get --raw /readyz")
    server.no = ""
    assert server.set(READY)["count"] == 1


@pytest.mark.parametrize("no", [NOT_FOUND, REFUSED])
def test_no_event_on_a_node_that_is_not_there(server: Server, no: str) -> None:
    server.no_node = no
    with pytest.raises(NodefixError):
        report(server.node.host, READY)
    assert server.events == {}


def test_a_node_without_kubectl_or_credentials(server: Server, proxy: KubeProxy) -> None:
    proxy.without(KUBECTL)
    with pytest.raises(NodefixError) as caught:
        report(server.node.host, READY)
    assert (caught.value.message, caught.value.hint) == (
        "there is no kubectl",
        "dnf install kubectl",
    )
    server.node.host.path("/etc/kubernetes/kubelet.conf").unlink()
    with pytest.raises(NodefixError, match="this node's name is not known"):
        report(server.node.host, READY)


def test_a_name_of_any_length_makes_a_valid_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodefix.live import event as module

    long = f"{'a' * 198}..{'b' * 50}"
    node = module.read_node_name(server.node.host)._replace(name=long)
    monkeypatch.setattr(module, "read_node_name", lambda host: node)
    monkeypatch.setattr(module, "_uid", lambda api, kept: "x")
    for reason in ("NodefixReady", "NodefixHeld"):
        name = report(server.node.host, READY._replace(reason=reason)).name
        assert len(name) < 253
        assert ".." not in name
    assert len(server.events) == 2
