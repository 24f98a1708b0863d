"""The API server, asked with kubelet's own credentials; kube-proxy's pods of this node there.

kubelet may delete pods of its own node, and list those only (kubernetes
plugin/pkg/auth/authorizer/node, plugin/pkg/admission/noderestriction). kubectl's `--raw` makes one
request and no other: no discovery, no cache (kubectl pkg/rawhttp/raw.go).
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import NamedTuple
from urllib.parse import quote

from nodefix.errors import DeadlineError, NodefixError, UnclearError
from nodefix.facts.node_name import NodeName
from nodefix.host.node import Host
from nodefix.host.programs import Result
from nodefix.shape import JsonObject, an, items, mapping, parsed

PROGRAMS = ("/usr/bin/kubectl", "/usr/local/bin/kubectl")
# In Kubernetes' own repository; Fedora's is called kubernetes-client.
_PACKAGE = "kubectl"
_PODS = "/api/v1/namespaces/kube-system/pods"
_LABEL = "k8s-app=kube-proxy"
_MIRROR = "kubernetes.io/config.mirror"
# Names and UIDs go into a path and into JSON.
_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")

# Seconds: kubectl's own end of a request, and what it may take in all.
_REQUEST, _SECONDS = 10, 15.0
_TRIES, _PAUSE_SECONDS = 3, 1.0


class Pod(NamedTuple):
    """One pod of kube-proxy's.

    Attributes:
        name: in the namespace kube-system.
        uid: of this pod and of no later one of its name.
        is_mirror: whether it only shows a static pod; deleting it restarts nothing.
        is_ending: whether it is being deleted.
        container: the id of kube-proxy's container, without the runtime's name; empty if none.
        runs: whether that runs.
    """

    name: str
    uid: str
    is_mirror: bool
    is_ending: bool
    container: str
    runs: bool


class Refused(NodefixError):
    """The API server said no: nothing was changed there."""


class Api(NamedTuple):
    """The API server, by kubectl.

    Attributes:
        host: the node.
        kubectl: the program.
        node: the node's name, and kubelet's kubeconfig.
    """

    host: Host
    kubectl: str
    node: NodeName

    def pods(self) -> tuple[Pod, ...]:
        """kube-proxy's pods of this node.

        Raises:
            NodefixError: there is no answer, or one that cannot be understood.
        """
        query = f"fieldSelector={quote(f'spec.nodeName={self.node.name}', safe='')}"
        query += f"&labelSelector={quote(_LABEL, safe='')}"
        result = self.ask("get", "--raw", f"{_PODS}?{query}")
        if result.status:
            raise UnclearError(f"kube-proxy's pods cannot be listed: {result.words}", self.look)
        try:
            found = [mapping(one) for one in items(parsed(result.stdout).get("items") or [])]
            return tuple(_pod(one) for one in found if self._is_ours(one))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            message = f"the list of kube-proxy's pods cannot be understood: {error}"
            raise UnclearError(message, self.look) from error

    def delete(self, pod: Pod) -> bool:
        """Delete this pod, and no later one of its name, even where the answer is lost.

        Returns:
            False if it was gone already.

        Raises:
            Refused: the API server does not allow it.
            NodefixError: there was no clear answer.
        """
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": pod.uid},
        }
        body = json.dumps(options).encode()
        for left in reversed(range(_TRIES)):
            try:
                words = ("delete", "--raw", f"{_PODS}/{pod.name}", "-f", "-")
                result = self.ask(*words, stdin=body)
                if not result.status:
                    return True
                # A conflict: another pod has its name by now.
                if _says(result, "NotFound", "Conflict"):
                    return left < _TRIES - 1
                failure = self.failed(f"pod {pod.name} cannot be deleted", result)
                if isinstance(failure, Refused):
                    raise failure
            except DeadlineError as error:
                failure = UnclearError(error.message, self.look)
            if left:
                time.sleep(_PAUSE_SECONDS)
        raise failure

    def ask(self, *words: str, stdin: bytes = b"") -> Result:
        """Have kubectl make one request.

        Raises:
            NodefixError: kubectl cannot be started, or does not end.
        """
        kubeconfig = f"--kubeconfig={self.node.kubeconfig}"
        argv = (self.kubectl, kubeconfig, f"--request-timeout={_REQUEST}s", *words)
        return self.host.programs.run(*argv, stdin=stdin, timeout=_SECONDS)

    def failed(self, what: str, result: Result) -> NodefixError:
        """A request that came to nothing: Refused where that was the API server's clear no."""
        no = _says(result, "Forbidden", "Unauthorized")
        return (Refused if no else UnclearError)(f"{what}: {result.words}", self.look)

    def _is_ours(self, pod: JsonObject) -> bool:
        return mapping(pod["spec"]).get("nodeName") == self.node.name

    @property
    def look(self) -> str:
        """What an admin types to see whether it answers."""
        return f"{self.kubectl} --kubeconfig={self.node.kubeconfig} get --raw /readyz"


def reach(host: Host, node: NodeName) -> Api:
    """The way to the API server from this node.

    Raises:
        UnclearError: there is none, and why.
    """
    if not node.name:
        raise UnclearError(f"this node's name is not known: {node.where}", node.hint)
    kubectl = next((path for path in PROGRAMS if os.access(host.path(path), os.X_OK)), "")
    if not kubectl:
        raise UnclearError("there is no kubectl", f"dnf install {_PACKAGE}")
    return Api(host, kubectl, node)


def _says(result: Result, *reasons: str) -> bool:
    """Whether kubectl hands on one of these of the API server's reasons for a no."""
    said = result.stderr.decode("utf-8", "replace")
    return any(f"Error from server ({reason})" in said for reason in reasons)


def _pod(found: JsonObject) -> Pod:
    about = mapping(found["metadata"])
    name, uid = (an(str, about[key]) for key in ("name", "uid"))
    if not (_PLAIN.fullmatch(name) and _PLAIN.fullmatch(uid)):
        raise ValueError(f"found the pod {name[:80]!r} with the UID {uid[:80]!r}")
    status = mapping(found.get("status") or {})
    containers = [mapping(one) for one in items(status.get("containerStatuses") or [])]
    ours = [one for one in containers if one.get("name") == "kube-proxy"] or [{}]
    return Pod(
        name,
        uid,
        is_mirror=_MIRROR in mapping(about.get("annotations") or {}),
        is_ending=bool(about.get("deletionTimestamp")),
        # RUNTIME://ID
        container=an(str, ours[0].get("containerID", "")).rpartition("/")[2],
        runs=bool(mapping(ours[0].get("state") or {}).get("running")),
    )
