"""What k0s' and MicroShift's own settings say of kube-proxy.

Sources: k0s pkg/apis/k0s/v1beta1/kubeproxy.go (spec.network.kubeProxy of a controller's k0s.yaml;
a worker has only the ConfigMap's copy); MicroShift pkg/config/network.go (network.cniPlugin; unset
is OVN-Kubernetes, which does kube-proxy's part), and the package microshift-kindnet, which brings
kube-proxy as manifests in 000-microshift-kube-proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodefix.facts.proxy_files import content_of, inner, listed, parsed
from nodefix.facts.proxy_sign import Sign, sign_of
from nodefix.facts.rancher import is_installed

if TYPE_CHECKING:
    from nodefix.host.node import Host

_K0S = "/etc/k0s/k0s.yaml"
_CONTROLLER = "k0scontroller.service"

_MICROSHIFT = "microshift.service"
_SETTINGS = "/etc/microshift"
_MANIFESTS = ("/usr/lib/microshift/manifests.d", "/etc/microshift/manifests.d")


def said_by_k0s(host: Host) -> Sign | None:
    """The mode in a controller's settings; None where they do not tell.

    Raises:
        UnclearError: they cannot be read.
    """
    if not is_installed(host, _CONTROLLER):
        return None
    content = content_of(host, _K0S)
    found = inner(parsed(content, _K0S), "spec", "network", "kubeProxy") if content else {}
    if found.get("disabled") is True:
        return Sign("none", _K0S)
    return sign_of(found["mode"], _K0S, _K0S) if "mode" in found else None


def said_by_microshift(host: Host) -> Sign | None:
    """None of kube-proxy's modes on a MicroShift with its own network; else None.

    Raises:
        UnclearError: its settings cannot be read.
    """
    if not is_installed(host, _MICROSHIFT):
        return None
    if any("kube-proxy" in name for folder in _MANIFESTS for name in listed(host, folder)):
        return None
    plugin: object = ""
    drop_ins = (f"{_SETTINGS}/config.d/{name}" for name in listed(host, f"{_SETTINGS}/config.d"))
    for path in (f"{_SETTINGS}/config.yaml", *drop_ins):
        if path.endswith((".yaml", ".yml")) and (content := content_of(host, path)):
            plugin = inner(parsed(content, path), "network").get("cniPlugin", plugin)
    if plugin == "none":
        return None
    return Sign("none", "MicroShift, whose OVN-Kubernetes does kube-proxy's part")
