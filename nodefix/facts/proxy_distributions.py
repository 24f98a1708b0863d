"""What k0s' and MicroShift's own settings say of kube-proxy.

Sources: k0s pkg/apis/k0s/v1beta1/kubeproxy.go (spec.network.kubeProxy of a controller's k0s.yaml;
a worker has only the ConfigMap's copy); MicroShift pkg/config/network.go (network.cniPlugin; unset
is OVN-Kubernetes, which does kube-proxy's part), and the package microshift-kindnet, which brings
kube-proxy as manifests in 000-microshift-kube-proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodefix.errors import BusError, UnclearError
from nodefix.facts import k0s, microshift
from nodefix.facts.proxy_sign import Sign, sign_of
from nodefix.facts.unit_line import command_of
from nodefix.facts.yaml_files import content_of, inner, mapping_in, names_in, odd
from nodefix.host.kubelets import kubelets

if TYPE_CHECKING:
    from nodefix.host.node import Host

_MANIFESTS = ("/usr/lib/microshift/manifests.d", "/etc/microshift/manifests.d")


def said_by_k0s(host: Host) -> Sign | None:
    """The mode in a controller's settings; None where they do not tell.

    Raises:
        UnclearError: they cannot be read.
    """
    if k0s.CONTROLLER not in kubelets(f"{host.root}/"):
        return None
    path = _settings_of_k0s(host)
    found = inner(mapping_in(host, path), "spec", "network", "kubeProxy")
    disabled = found.get("disabled")
    if not isinstance(disabled, bool | None):
        raise odd(path, "kubeProxy.disabled", disabled, "true or false")
    if disabled:
        return Sign("none", path)
    return sign_of(found["mode"], path, path) if "mode" in found else None


def _settings_of_k0s(host: Host) -> str:
    try:
        command = command_of(host, k0s.CONTROLLER)
        path = k0s.settings_file(k0s.CONTROLLER, k0s.read_line(host, k0s.CONTROLLER, command))
    except BusError:
        return k0s.SETTINGS
    if path != k0s.SETTINGS and content_of(host, path) is None:
        words = f"{path}: found no such file, expected the settings that {k0s.CONTROLLER} names"
        raise UnclearError(words, f"systemctl cat {k0s.CONTROLLER}")
    return path


def said_by_microshift(host: Host) -> Sign | None:
    """None of kube-proxy's modes on a MicroShift with its own network; else None.

    Raises:
        UnclearError: its settings cannot be read, or it would refuse them.
    """
    if microshift.UNIT not in kubelets(f"{host.root}/"):
        return None
    manifests = (name for folder in _MANIFESTS for name in names_in(host, folder, True))
    if any("kube-proxy" in name for name in manifests):
        return None
    stated = microshift.read_setting(host, "network", "cniPlugin")
    if stated and stated.value == "none":
        return None
    if stated and stated.value not in (None, "", "ovnk"):
        raise odd(stated.path, "network.cniPlugin", stated.value, "none or ovnk")
    return Sign("none", "MicroShift, whose OVN-Kubernetes does kube-proxy's part")
