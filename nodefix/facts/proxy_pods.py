"""What the pod with kube-proxy is started with, as the node has it on its disk.

A static pod's manifest: rke2 writes its own anew at each start, and kops' nodeup once (rke2
pkg/executor/staticpod, pkg/podtemplate; kops nodeup/pkg/model/kube_proxy.go). The ConfigMap of a
DaemonSet's pod: kubelet keeps it as files on the disk, also while the node is down, and starts the
same pod with it after a boot (kubernetes pkg/volume/configmap, an emptyDir without a medium). Both
kubeadm and k0s call the volume `kube-proxy` and the file `config.conf` (kubeadm
app/phases/addons/proxy/manifests.go; k0s pkg/component/controller/kubeproxy.go).

Whoever may make a pod can name its volumes like that, so a pod counts only by the folder of its
logs, which kubelet names after its namespace: NAMESPACE_NAME_UID (kubernetes
pkg/kubelet/kuberuntime/helpers.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_flags import flag, line_of
from nodefix.facts.proxy_sign import Sign, sign_in_config, sign_of
from nodefix.facts.yaml_files import content_of, inner, names_in, parsed, values

if TYPE_CHECKING:
    from nodefix.host.node import Host

_NAME = "kube-proxy"
MANIFESTS = (
    "/var/lib/rancher/rke2/agent/pod-manifests/kube-proxy.yaml",
    "/etc/kubernetes/manifests/kube-proxy.yaml",
    "/etc/kubernetes/manifests/kube-proxy.manifest",
)
_LOGS = "/var/log/pods"
_POD = re.compile(r"kube-system_kube-proxy-[a-z0-9]+_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
# kubelet's own, and k0s'.
_KUBELETS = ("/var/lib/kubelet", "/var/lib/k0s/kubelet")
_CONFIG = "pods/{}/volumes/kubernetes.io~configmap/kube-proxy/config.conf"


def said_by_static_pod(host: Host) -> Sign | None:
    """The mode in the manifest of a static pod; None where there is none, or it does not tell.

    Raises:
        UnclearError: it cannot be read.
    """
    for path in MANIFESTS:
        content = content_of(host, path)
        if content is None:
            continue
        for container in values(inner(parsed(content, path), "spec").get("containers")):
            found = inner(container)
            if found.get("name") == _NAME:
                return _by_words([*values(found.get("command")), *values(found.get("args"))], path)
    return None


def _by_words(given: list[object], path: str) -> Sign | None:
    words = [str(word) for word in given]
    # Some start it from a shell's text, or by another program.
    line = line_of(words[0], words[1:], _NAME).words if words else None
    words = words if line is None else line
    if flag(words, "config"):
        # Then kube-proxy does not look at its other flags.
        return None
    return sign_of(flag(words, "proxy-mode"), path, path)


def said_by_config_map(host: Host) -> Sign | None:
    """The mode in kubelet's copy of kube-proxy's ConfigMap; None where there is none.

    Raises:
        UnclearError: it cannot be read, or two pods have two modes.
    """
    signs = [sign_in_config(content, path) for path, content in _copies(host)]
    if len({sign.mode for sign in signs}) > 1:
        found = ", ".join(f"{sign.mode} in {sign.origin}" for sign in signs)
        message = f"kube-proxy's ConfigMap: found {found}, expected one mode"
        raise UnclearError(message, f"ls -ld {_LOGS}/kube-system_kube-proxy-*")
    return signs[0] if signs else None


def _copies(host: Host) -> Iterator[tuple[str, bytes]]:
    for name in names_in(host, _LOGS, with_folders=True):
        pod = _POD.fullmatch(name)
        for folder in _KUBELETS if pod else ():
            assert pod
            path = f"{folder}/{_CONFIG.format(pod[1])}"
            content = content_of(host, path)
            if content is not None:
                yield path, content
