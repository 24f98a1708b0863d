#!/usr/bin/python3
"""A cluster as one node sees it: `crictl`, and an API server that knows little.

It knows kube-proxy's pods, this node and its events, and what `kubectl describe node` asks besides.

Both keep what is there in one file, and write each call down. A container that ends is started
again by kubelet a second later, a pod that is deleted is replaced by the DaemonSet.

    crictl --runtime-endpoint … ps|stop|rm …
    crictl serve                      the API server
    crictl set JSON                   change what is kept
"""

from __future__ import annotations

import fcntl
import json
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

STATE, LOCK, LOG = (Path(f"/run/cluster.{name}") for name in ("json", "lock", "log"))
State = dict[str, Any]
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
LABELS = [
    "--label=io.kubernetes.container.name=kube-proxy",
    "--label=io.kubernetes.pod.namespace=kube-system",
]


class Kept:
    """What is kept, locked while it is used."""

    def __enter__(self) -> State:
        """Read it."""
        self.lock = LOCK.open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.state: State = {}
        if STATE.exists():
            self.state.update(json.loads(STATE.read_text()))
        else:
            self.state = {"mode": "ok", "count": 0, "pod": 0, "containers": []}
            start(self.state, time.time() - 60)
        return self.state

    def __exit__(self, *_: object) -> None:
        """Write it."""
        STATE.write_text(json.dumps(self.state))
        self.lock.close()


def log(line: str) -> None:
    """Write a call down."""
    with LOG.open("a") as file:
        file.write(f"{line}\n")


def start(state: State, when: float) -> None:
    """kubelet starts kube-proxy."""
    state["count"] += 1
    name = f"{state['count']:064x}"
    state["containers"].append({"id": name, "pod": state["pod"], "from": when, "until": None})


def runs(container: State) -> bool:
    """Whether it runs now."""
    return container["until"] is None or bool(time.time() < container["until"])


def seen(state: State) -> list[State]:
    """The containers that are there by now, the newest first."""
    return [one for one in reversed(state["containers"]) if one["from"] <= time.time()]


def pod(number: int) -> tuple[str, str]:
    """Its name and UID."""
    return f"kube-proxy-aaaa{number}", f"3f1c7a52-6d55-4b0e-9a52-{number:012d}"


def crictl(words: list[str]) -> None:
    """Answer as crictl, in the forms that nodefix is to use and in no others."""
    if words[:2] != ["--runtime-endpoint", "unix:///run/containerd/containerd.sock"]:
        sys.exit("crictl: no runtime endpoint was given")
    log("crictl " + " ".join(words[2:]))
    with Kept() as state:
        match words[2:]:
            case ["ps", "-a", "-o", "json", "--label", a, "--label", b]:
                assert [f"--label={a}", f"--label={b}"] == LABELS
                print(json.dumps({"containers": [shown(one) for one in seen(state)]}, indent=2))
            case ["stop", "--timeout", "10", *names]:
                for one in named(state, names):
                    if runs(one):
                        one["until"] = time.time()
                        start(state, time.time() + 1)
                print("\n".join(names))
            case ["rm", "--keep-logs", *names]:
                for one in named(state, names):
                    if runs(one):
                        sys.exit(f'container "{one["id"]}" is running, please stop it first')
                    state["containers"].remove(one)
                if not state["containers"]:
                    start(state, time.time() + 1)
                print("\n".join(names))
            case other:
                sys.exit(f"No help topic for '{other}'")


def named(state: State, names: list[str]) -> list[State]:
    """The containers of these ids."""
    found = [one for one in seen(state) if one["id"] in names]
    if len(found) != len(names):
        sys.exit("rpc error: code = NotFound desc = an error occurred when try to find container")
    return found


def shown(container: State) -> State:
    """As crictl 1.35 prints it."""
    name, uid = pod(container["pod"])
    image = "sha256:3f1c7a526d554b0e9a520c1f4d8e7b613f1c7a526d554b0e9a520c1f4d8e7b61"
    return {
        "id": container["id"],
        "podSandboxId": "0d4c3b2a19f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6b5a493827160504",
        "metadata": {"name": "kube-proxy", "attempt": 0},
        "image": {
            "image": image,
            "annotations": {},
            "userSpecifiedImage": "",
            "runtimeHandler": "",
        },
        "imageRef": image,
        "state": "CONTAINER_RUNNING" if runs(container) else "CONTAINER_EXITED",
        "createdAt": str(int(container["from"] * 1e9)),
        "labels": {
            "io.kubernetes.container.name": "kube-proxy",
            "io.kubernetes.pod.name": name,
            "io.kubernetes.pod.namespace": "kube-system",
            "io.kubernetes.pod.uid": uid,
        },
        "annotations": {"io.kubernetes.container.restartCount": "0"},
        "imageId": image,
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


def main() -> None:
    """Be what the words ask for."""
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["set", text]:
            with Kept() as state:
                state.update(json.loads(text))
        case words:
            crictl(words)


main()
