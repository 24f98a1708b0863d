"""The CNI configuration that a container runtime takes, and the programs that it names.

Source: https://github.com/containernetworking/cni/blob/main/libcni/conf.go: the first file of the
folder by name counts; `type` names the program.
"""

from __future__ import annotations

import os

from nodefix.host.node import Host
from nodefix.shape import JsonObject, an, items, mapping, parsed

_FOLDERS = ("/etc/cni/net.d", "/var/lib/rancher/k3s/agent/etc/cni/net.d")
_SUFFIXES = (".conf", ".conflist", ".json")
# kubelet's default, Enterprise Linux's containernetworking-plugins, k3s and rke2.
_PROGRAMS = (
    "/opt/cni/bin",
    "/usr/libexec/cni",
    "/var/lib/rancher/k3s/data/cni",
    "/var/lib/rancher/k3s/data/current/bin",
)


def configuration(host: Host) -> str:
    """The file's path; empty where there is none.

    Raises:
        OSError: a folder cannot be listed.
    """
    for folder in _FOLDERS:
        try:
            names = sorted(path.name for path in host.path(folder).iterdir())
        except FileNotFoundError:
            continue
        for name in names:
            if name.endswith(_SUFFIXES):
                return f"{folder}/{name}"
    return ""


def missing_plugins(host: Host) -> list[str]:
    """The plugins that are named and that no folder has.

    Raises:
        OSError, ValueError: the file cannot be read or understood.
    """
    file = configuration(host)
    try:
        found = parsed(host.read(file))
        listed = (
            [mapping(one) for one in items(found["plugins"])] if "plugins" in found else [found]
        )
        types = [name for one in listed for name in _types(one)]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{file}: {error}") from error
    return [
        name
        for name in dict.fromkeys(types)
        if not any(os.path.lexists(host.path(f"{folder}/{name}")) for folder in _PROGRAMS)
    ]


def _types(plugin: JsonObject) -> list[str]:
    ipam = mapping(plugin.get("ipam", {}))
    return [an(str, one["type"]) for one in (plugin, ipam) if one]
