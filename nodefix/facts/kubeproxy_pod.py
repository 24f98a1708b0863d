"""This node's kube-proxy as the container runtime has it, asked with crictl.

Sources: cri-tools cmd/crictl/main.go (the endpoint, which is tried in turn with a time-out each
where none is given) and container.go (labels match exactly, `--name` is a regular expression);
k8s.io/cri-api pkg/apis/runtime/v1/api.proto, message Container, for the JSON; kubernetes
pkg/kubelet/kuberuntime/labels.go for the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.errors import NodefixError, UnclearError
from nodefix.facts.system import is_image
from nodefix.host.node import Host
from nodefix.shape import JsonObject, an, items, mapping, parsed

# The distributions' own, then what an admin installs, then rke2's.
PROGRAMS = ("/usr/bin/crictl", "/usr/local/bin/crictl", "/var/lib/rancher/rke2/bin/crictl")
# Of distributions that bring a runtime of their own first: theirs is kubelet's where it is there.
SOCKETS = (
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
)
# Where kubelet, and then crictl, is told which socket to use.
_SETTINGS = (
    ("/var/lib/kubelet/kubeadm-flags.env", r"--container-runtime-endpoint[= ]\"?(\S+?)\"?(?:\s|$)"),
    ("/var/lib/kubelet/config.yaml", r"(?m)^containerRuntimeEndpoint:\s*[\"']?([^\s\"'#]+)"),
    ("/etc/crictl.yaml", r"(?m)^runtime-endpoint:\s*[\"']?([^\s\"'#]+)"),
)
_LIST = (
    *("ps", "-a", "-o", "json"),
    *("--label", "io.kubernetes.container.name=kube-proxy"),
    *("--label", "io.kubernetes.pod.namespace=kube-system"),
)

# Seconds.
_ASK_SECONDS = 10.0

RUNNING, EXITED = "CONTAINER_RUNNING", "CONTAINER_EXITED"


class ContainerFacts(NamedTuple):
    """One container of kube-proxy, running or not.

    Attributes:
        id: the runtime's, which crictl takes.
        pod: the pod's name.
        uid: the pod's UID.
        state: RUNNING, EXITED or another of the runtime's words.
        created_at: seconds since 1970, by the node's clock.
        attempt: how often kubelet has started it anew in this pod.
    """

    id: str
    pod: str
    uid: str
    state: str
    created_at: float
    attempt: int

    @property
    def runs(self) -> bool:
        """Whether it runs now."""
        return self.state == RUNNING


class KubeProxyFacts(NamedTuple):
    """What the container runtime has of kube-proxy.

    Attributes:
        containers: the newest first; empty where there is none, None where it cannot be told.
        crictl: the program and its endpoint, to be followed by a sub-command; empty where one of
            them is not there.
        where: why it cannot be told.
        hint: the command that shows or mends that; empty where there is none.
    """

    containers: tuple[ContainerFacts, ...] | None
    crictl: tuple[str, ...] = ()
    where: str = ""
    hint: str = ""


def read_kube_proxy(host: Host) -> KubeProxyFacts:
    """Ask the container runtime for kube-proxy's containers on this node."""
    crictl: tuple[str, ...] = ()
    try:
        crictl = find_crictl(host)
        return KubeProxyFacts(list_containers(host, crictl), crictl)
    except NodefixError as error:
        return KubeProxyFacts(None, crictl, error.message, error.hint)


def find_crictl(host: Host) -> tuple[str, ...]:
    """The words that a call of crictl begins with on this node: program and endpoint.

    Raises:
        UnclearError: there is no crictl, or no container runtime.
    """
    program = next((path for path in PROGRAMS if _is_there(host, path)), "")
    if not program:
        message = f"crictl: found none of {', '.join(PROGRAMS)}"
        raise UnclearError(f"{message}, so the container runtime cannot be asked", _install(host))
    sockets = dict.fromkeys((*_configured(host), *SOCKETS))
    for socket in sockets:
        if _is_there(host, socket):
            return program, "--runtime-endpoint", f"unix://{socket}"
    message = f"container runtime: found no socket at {', '.join(sockets)}"
    raise UnclearError(
        f"{message}, expected one that runs", "systemctl status containerd.service crio.service"
    )


def list_containers(host: Host, crictl: tuple[str, ...]) -> tuple[ContainerFacts, ...]:
    """The containers of kube-proxy, the newest first.

    Args:
        host: the node.
        crictl: what find_crictl() gives.

    Raises:
        NodefixError: crictl does not answer, or not as expected.
    """
    result = host.programs.read(*crictl, *_LIST, timeout=_ASK_SECONDS)
    again = f"{crictl[0]} --runtime-endpoint {crictl[2]} info"
    if result.status:
        raise UnclearError(
            f"{crictl[0]} cannot list kube-proxy's containers: {result.words}", again
        )
    try:
        found = parsed(result.stdout).get("containers")
        # Go has null for a list without entries.
        entries = [] if found is None else items(found)
        containers = [_container(mapping(entry)) for entry in entries]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        words = f"found another form than crictl's ({type(error).__name__}: {error})"
        message = f"{crictl[0]}: the list of kube-proxy's containers cannot be understood: {words}"
        raise UnclearError(message, again) from error
    return tuple(sorted(containers, key=lambda one: (one.created_at, one.attempt), reverse=True))


def _container(entry: JsonObject) -> ContainerFacts:
    labels = mapping(entry["labels"])
    attempt = mapping(entry["metadata"]).get("attempt", 0)
    return ContainerFacts(
        id=an(str, entry["id"]),
        pod=an(str, labels["io.kubernetes.pod.name"]),
        uid=an(str, labels["io.kubernetes.pod.uid"]),
        state=an(str, entry["state"]),
        # Nanoseconds in a string: JSON's numbers are too small for a protobuf int64.
        created_at=int(an(str, entry["createdAt"])) / 1e9,
        attempt=an(int, attempt),
    )


def _configured(host: Host) -> Iterator[str]:
    """The sockets that kubelet's and crictl's settings name."""
    for file, pattern in _SETTINGS:
        try:
            content = host.read(file).decode("utf-8", "replace")
        except OSError:
            continue
        for match in re.finditer(pattern, content):
            path = match[1].removeprefix("unix://")
            if path.startswith("/"):
                yield path


def _is_there(host: Host, path: str) -> bool:
    try:
        return host.path(path).exists()
    except OSError:
        # Behind a folder that an ordinary user cannot enter.
        return False


def _install(host: Host) -> str:
    """The package is called cri-tools in Kubernetes' own repository and in Fedora's."""
    return "" if is_image(host.root) else "dnf install cri-tools"
