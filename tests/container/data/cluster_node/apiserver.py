#!/usr/bin/python3
"""An API server that knows little: kube-proxy's pods, one node and its events.

It knows what `kubectl describe node` asks besides.
"""

from __future__ import annotations

import json
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kept import Kept, State, log, pod, runs, seen, start

NODE = "worker-1.example.org"
PODS = "/api/v1/namespaces/kube-system/pods"
EVENTS = "/api/v1/namespaces/default/events"
UID = "9f1c7a52-6d55-4b0e-9a52-0c1f4d8e7b61"
NODES = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": NODE, "uid": UID}}
# What `kubectl describe node` finds its way by.
DISCOVERY: State = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {
                "name": "nodes",
                "singularName": "node",
                "namespaced": False,
                "kind": "Node",
                "verbs": ["get", "list"],
            }
        ],
    },
}


class Handler(BaseHTTPRequestHandler):
    """The part of an API server that kubelet's credentials reach here."""

    protocol_version = "HTTP/1.1"

    def user(self) -> str:
        """The name in the client's certificate."""
        subject: Any = self.connection.getpeercert()["subject"]
        return str(next(value for part in subject for key, value in part if key == "commonName"))

    def log_message(self, *_: object) -> None:
        """Calls are written down by log()."""

    def do_GET(self) -> None:
        """List kube-proxy's pods of this node."""
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        log(f"GET {parts.path} {query} by {self.user()}")
        if parts.path in DISCOVERY or parts.path == f"/api/v1/nodes/{NODE}":
            self.answer(200, DISCOVERY.get(parts.path, NODES))
            return
        if parts.path == "/api/v1/pods":
            self.answer(200, {"kind": "PodList", "apiVersion": "v1", "items": []})
            return
        if parts.path == "/api/v1/events":
            self.list_events(query["fieldSelector"])
            return
        if parts.path != PODS:
            self.status(404, "NotFound", "the server could not find the requested resource")
            return
        # kubernetes plugin/pkg/auth/authorizer/node: other pods than its node's it may not list.
        if query.get("fieldSelector") != f"spec.nodeName={NODE}":
            self.status(403, "Forbidden", "can only list pods with spec.nodeName field selector")
            return
        if query.get("labelSelector") != "k8s-app=kube-proxy":
            self.status(400, "BadRequest", "the test expects kube-proxy's label")
            return
        with Kept() as state:
            self.answer(200, {"kind": "PodList", "apiVersion": "v1", "items": [listed(state)]})
            return

    def list_events(self, selector: str) -> None:
        """Those about an object, by its UID; kubelet itself may read none."""
        with Kept() as state:
            events = [
                event
                for event in state.get("events", {}).values()
                if f"involvedObject.uid={event['involvedObject']['uid']}" in selector.split(",")
            ]
        self.answer(200, {"kind": "EventList", "apiVersion": "v1", "items": events})

    def do_PUT(self) -> None:
        """Take an event: one that is not there is created (registry/core/event/strategy.go)."""
        body = self.body()
        path = urlsplit(self.path).path
        log(f"PUT {path} by {self.user()}")
        event = json.loads(body)
        name = event["metadata"]["name"]
        # kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, NodeRules.
        if not self.user().startswith("system:node:") or not path.startswith(f"{EVENTS}/"):
            self.status(403, "Forbidden", "the request is forbidden")
            return
        with Kept() as state:
            if state["mode"] == "403":
                self.status(403, "Forbidden", f'events "{name}" is forbidden')
                return
            if path != f"{EVENTS}/{name}" or event["metadata"]["namespace"] != "default":
                self.status(400, "BadRequest", "the name in the object is another than in the URL")
                return
            state.setdefault("events", {})[name] = event
        self.answer(200, event)

    def do_DELETE(self) -> None:
        """Delete a pod, as far as the mode lets it."""
        body = self.body()
        # kubectl adds ?timeout=.
        path = urlsplit(self.path).path
        log(f"DELETE {path} {body.decode()} by {self.user()}")
        with Kept() as state:
            mode, (name, uid) = state["mode"], pod(state["pod"])
            wanted = json.loads(body or b"{}").get("preconditions", {}).get("uid")
            if path != f"{PODS}/{name}":
                self.status(404, "NotFound", f'pods "{name}" not found')
                return
            if mode == "403":
                self.status(403, "Forbidden", f'pods "{name}" is forbidden')
                return
            if wanted != uid:
                self.status(409, "Conflict", "the UID in the precondition does not match")
                return
            if mode != "slow":
                # In the modes 404 and 409 somebody else was faster.
                state["pod"] += 1
                state["containers"] = []
                start(state, time.time() + 1)
        if mode == "404":
            self.status(404, "NotFound", f'pods "{name}" not found')
            return
        if mode == "409":
            self.status(409, "Conflict", "the UID in the precondition does not match")
            return
        if mode == "ok":
            self.answer(200, {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}})
            return
        if mode == "slow":
            time.sleep(20)
        # Gone in the middle of the answer.
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"kind":')
        self.close_connection = True

    def body(self) -> bytes:
        """What the client sends; kubectl sends what it reads from a pipe in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def status(self, code: int, reason: str, message: str) -> None:
        """Say no."""
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.answer(code, {**status, "message": message, "reason": reason, "code": code})

    def answer(self, code: int, found: State) -> None:
        """Say something in JSON."""
        content = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def listed(state: State) -> State:
    """kube-proxy's pod."""
    name, uid = pod(state["pod"])
    found = seen(state)
    statuses = []
    if found:
        state_of = (
            {"running": {}} if runs(found[0]) else {"waiting": {"reason": "CrashLoopBackOff"}}
        )
        identity = f"containerd://{found[0]['id']}"
        statuses = [{"name": "kube-proxy", "containerID": identity, "state": state_of}]
    return {
        "metadata": {"name": name, "namespace": "kube-system", "uid": uid},
        "spec": {"nodeName": NODE},
        "status": {"phase": "Running", "containerStatuses": statuses},
    }


def serve() -> None:
    """Be an API server."""
    server = ThreadingHTTPServer(("127.0.0.1", 6443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/etc/kubernetes/pki/server.pem")
    context.load_verify_locations("/etc/kubernetes/pki/ca.crt")
    # Whoever has no certificate of this cluster is not talked to.
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    log("serving")
    server.serve_forever()


serve()
