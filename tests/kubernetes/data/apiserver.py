#!/usr/bin/python3
"""An API server with what kube-proxy reads: list and watch, in JSON, of services and one node.

apiserver.py serve                on 127.0.0.1:8001
apiserver.py services COUNT       have that many services
apiserver.py churn                have services come, go and move until it is told a count
"""

from __future__ import annotations

import json
import random
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from objects import KINDS, SERVICE, SLICE, Kind, Object, Store, service, slices

ADDRESS = ("127.0.0.1", 8001)
# Of so many of the last services some come and go, once in so many seconds.
CHURNING, PAUSE = 500, 0.1


class Cluster:
    """Services that are as many as wanted, or come and go."""

    def __init__(self) -> None:
        self.store = Store()
        self.count = 0
        self.churned = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def have(self, count: int) -> Object:
        """Have the services 1 to `count`, all at their first endpoints; how often some moved."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        churned, self.churned = self.churned, 0
        # While they come and go only the last ones do.
        first = max(1, self.count - CHURNING) if self._thread else 1
        for number in range(first, max(count, self.count) + 1):
            there = f"service-{number}" in self.store.objects[SERVICE]
            if number > count:
                self._remove(number)
            elif not there or self._thread:
                self._add(number)
        self.count, self._thread = count, None
        return {"churned": churned}

    def churn(self) -> Object:
        """Have some come and go from now on."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._churn, daemon=True)
        self._thread.start()
        return {}

    def _churn(self) -> None:
        draw = random.Random(1)
        while not self._stop.wait(PAUSE):
            for number in draw.sample(range(self.count - CHURNING + 1, self.count + 1), 5):
                if f"service-{number}" not in self.store.objects[SERVICE]:
                    self._add(number)
                elif draw.random() < 0.5:
                    self._remove(number)
                else:
                    for one in slices(number, draw.randrange(1, 4)):
                        self.store.put(SLICE, one)
                self.churned += 1

    def _add(self, number: int) -> None:
        self.store.put(SERVICE, service(number))
        for one in slices(number):
            self.store.put(SLICE, one)

    def _remove(self, number: int) -> None:
        self.store.delete(SERVICE, f"service-{number}")
        for one in slices(number):
            self.store.delete(SLICE, one["metadata"]["name"])


class Handler(BaseHTTPRequestHandler):
    """The API."""

    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """List or watch."""
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        kind = KINDS.get(parts.path)
        if not kind:
            self.answer(
                404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}
            )
        elif query.get("watch") in ("1", "true"):
            self.watch(kind, query)
        else:
            version, items = self.cluster.store.listed(kind)
            found = {"kind": f"{kind.name}List", "apiVersion": kind.version, "items": items}
            self.answer(200, {**found, "metadata": {"resourceVersion": str(version)}})

    def do_POST(self) -> None:
        """Take an event, or do what the command line asks for."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/test":
            asked = json.loads(body)
            have = self.cluster.have
            self.answer(200, have(asked["have"]) if "have" in asked else self.cluster.churn())
        else:
            self.answer(201, json.loads(body))

    def watch(self, kind: Kind, query: dict[str, str]) -> None:
        """Send changes as they are made; first all objects, where the client asks for that."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        store = self.cluster.store
        if query.get("sendInitialEvents") == "true":
            version, items = store.listed(kind)
            end: Object = {"resourceVersion": str(version)}
            end |= {"annotations": {"k8s.io/initial-events-end": "true"}}
            mark = {"kind": kind.name, "apiVersion": kind.version, "metadata": end}
            self.send([*(("ADDED", item) for item in items), ("BOOKMARK", mark)])
        else:
            version = int(query.get("resourceVersion") or 0)
        while True:
            changes = store.since(version)
            version += len(changes)
            self.send([(what, found) for of, what, found in changes if of == kind])

    def send(self, events: list[tuple[str, Object]]) -> None:
        """Send events; BrokenPipeError when the client is gone."""
        if events:
            lines = [json.dumps({"type": what, "object": found}) + "\n" for what, found in events]
            content = "".join(lines).encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.flush()

    def answer(self, code: int, found: Object) -> None:
        """Say something in JSON."""
        content = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """A server that does not talk about clients that went away."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say what is worth it."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def ask(what: Object) -> None:
    """Have the server do something, and print its answer."""
    url = f"http://{ADDRESS[0]}:{ADDRESS[1]}/test"
    with urllib.request.urlopen(url, json.dumps(what).encode(), timeout=120) as answer:
        print(answer.read().decode())


def main() -> None:
    """Be what the words ask for."""
    match sys.argv[1:]:
        case ["serve"]:
            Handler.cluster = Cluster()
            Server(ADDRESS, Handler).serve_forever()
        case ["services", count]:
            ask({"have": int(count)})
        case ["churn"]:
            ask({"churn": True})
        case _:
            sys.exit(__doc__)


main()
