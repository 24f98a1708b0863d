"""A node whose kubelet is up, with kube-proxy in a container, kubectl and crictl; and a clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import crictl
import pytest
from fakehost import Node, result
from fakesystemd import started_by
from proxysigns import with_nft

from nodefix.host.programs import Result

DATA = Path(__file__).parent / "data"
CERTIFICATE = DATA / "kubelet/18-client-certificate.pem"
NAME = "worker-1.example.org"
KUBECTL = "/usr/bin/kubectl"
HEAD = (KUBECTL, "--kubeconfig=/etc/kubernetes/kubelet.conf", "--request-timeout=10s")
PODS = "/api/v1/namespaces/kube-system/pods"
LIST = (
    *HEAD,
    "get",
    "--raw",
    f"{PODS}?fieldSelector=spec.nodeName%3D{NAME}&labelSelector=k8s-app%3Dkube-proxy",
)
CRICTL = (crictl.PROGRAM, "--runtime-endpoint", crictl.ENDPOINT)
KUBELET_CONF = """\
apiVersion: v1
clusters:
- cluster: {certificate-authority-data: AAAA, server: https://10.0.0.1:6443}
  name: default-cluster
contexts:
- context: {cluster: default-cluster, namespace: default, user: default-auth}
  name: default-context
current-context: default-context
kind: Config
users:
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
"""

# What the real kubectl prints for an API server's no.
FORBIDDEN = (
    'Error from server (Forbidden): pods "kube-proxy-aaaa0" is forbidden: User'
    ' "system:node:worker-1.example.org" cannot delete resource "pods" in API group "" in the'
    ' namespace "kube-system"'
)
NOT_FOUND = 'Error from server (NotFound): pods "kube-proxy-aaaa0" not found'
CONFLICT = (
    "Error from server (Conflict): Operation cannot be fulfilled on pods"
    ' "kube-proxy-aaaa0": the UID in the precondition (uid-0) does not match the UID in record'
)
CUT_OFF = "error: unexpected EOF"
REFUSED = (
    "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or"
    " port?"
)


class Clock:
    """Goes on only where somebody sleeps, and a little with each look at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.at: list[tuple[float, Callable[[], object]]] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let the time pass, and what is to happen happen."""
        self.now += seconds
        for due in [one for one in self.at if one[0] <= self.now]:
            self.at.remove(due)
            due[1]()

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Let something happen later."""
        self.at.append((self.now + seconds, action))


class KubeProxy:
    """kube-proxy on a made-up node, as API server, container runtime and kubelet have it.

    Attributes:
        containers: each as id and state, the newest first.
        pod: number of the pod that is there.
        deletion: what kubectl prints where it may not delete; an exception where it hangs.
        starts_after: seconds that kubelet takes to start it anew; None if it never does.
        lasts: seconds that each new container runs; None if it stays.
        mirror: whether it is a static pod.
        labelled: whether the pod has kube-proxy's label.
    """

    def __init__(self, node: Node, clock: Clock) -> None:
        self.node, self.clock = node, clock
        self.containers: list[tuple[str, str]] = [("container-0", "CONTAINER_RUNNING")]
        self.pod = 0
        self.deletion: str | Exception = ""
        self.listing = ""
        self.starts_after: float | None = 2.0
        self.lasts: float | None = None
        self.mirror, self.labelled = False, True
        self.deletes: list[dict[str, Any]] = []
        node.systemd.active.add("kubelet.service")
        node.systemd.kubelet = started_by("/usr/bin/kubelet")
        node.file("/etc/kubernetes/kubelet.conf", KUBELET_CONF)
        node.file("/var/lib/kubelet/pki/kubelet-client-current.pem", CERTIFICATE.read_bytes())
        node.file(crictl.SOCKET)
        with_nft(node, "")
        for program, answer in ((KUBECTL, self.kubectl), (crictl.PROGRAM, self.crictl)):
            node.file(program, mode=0o755)
            node.programs.table[(program,)] = answer

    def without(self, *programs: str) -> None:
        """Take programs away."""
        for program in programs:
            self.node.host.path(program).unlink()

    def called(self, word: str) -> list[tuple[str, ...]]:
        """The calls with this word."""
        return [argv for argv in self.node.programs.calls if word in argv]

    def end(self) -> None:
        """What runs ends."""
        self.containers = [(name, "CONTAINER_EXITED") for name, _ in self.containers]

    def start(self) -> None:
        """A new container starts."""
        number = max((int(name.rpartition("-")[2]) for name, _ in self.containers), default=0) + 1
        self.containers.insert(0, (f"container-{number}", "CONTAINER_RUNNING"))
        if self.lasts is not None:
            self.clock.after(self.lasts, self.end_and_start)

    def end_and_start(self) -> None:
        """It ends, and kubelet starts it once more."""
        self.end()
        self.start_later()

    def start_later(self) -> None:
        """kubelet sees that it is not there."""
        if self.starts_after is not None:
            self.clock.after(self.starts_after, self.start)

    def kubectl(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        """Answer as kubectl."""
        assert argv[: len(HEAD)] == HEAD
        if argv == LIST:
            return result(1, "", self.listing) if self.listing else result(0, self.pods())
        words = ("delete", "--raw", f"{PODS}/kube-proxy-aaaa{self.pod}", "-f", "-")
        assert argv[len(HEAD) :] == words
        self.deletes.append(json.loads(stdin))
        if isinstance(self.deletion, Exception):
            raise self.deletion
        if self.deletion:
            return result(1, "", self.deletion)
        self.replace()
        return result(0, '{"kind":"Pod","apiVersion":"v1"}')

    def replace(self) -> None:
        """Another pod comes, without the containers of the one before."""
        self.pod += 1
        self.containers = [(f"container-{self.pod}0", "CONTAINER_CREATED")]
        self.start_later()

    def pods(self) -> str:
        """What the API server lists."""
        name, state = self.containers[0] if self.containers else ("", "")
        running = {"running": {"startedAt": "2026-01-02T03:04:05Z"}}
        status = {
            "name": "kube-proxy",
            "containerID": f"containerd://{name}",
            "state": running if state == "CONTAINER_RUNNING" else {"waiting": {"reason": "x"}},
        }
        pod = {
            "metadata": {
                "name": f"kube-proxy-aaaa{self.pod}",
                "uid": f"uid-{self.pod}",
                "annotations": {"kubernetes.io/config.mirror": "x"} if self.mirror else {},
            },
            "spec": {"nodeName": NAME},
            "status": {"containerStatuses": [status]},
        }
        items = [pod] if self.labelled else []
        return json.dumps({"kind": "PodList", "apiVersion": "v1", "items": items})

    def crictl(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        """Answer as crictl."""
        assert argv[:3] == CRICTL
        match argv[3:]:
            case crictl.LIST:
                found = [
                    crictl.container(created=1764214800 - at, state=state) | {"id": name}
                    for at, (name, state) in enumerate(self.containers)
                ]
                return result(0, crictl.listed(*found))
            case ("stop", "--timeout", "10", name):
                assert (name, "CONTAINER_RUNNING") in self.containers
                self.end()
                self.start_later()
                return result(0, f"{name}\n")
            case ("rm", "--keep-logs", *names):
                gone = {(name, "CONTAINER_EXITED") for name in names}
                assert gone <= set(self.containers)
                self.containers = [one for one in self.containers if one not in gone]
                if not self.containers:
                    self.clock.at.clear()
                    self.start_later()
                return result(0, "\n".join(names))
        pytest.fail(f"crictl has no such form: {argv}")
