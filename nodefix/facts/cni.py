"""The network plugins that the container runtime calls: their configuration and their programs.

Sources: containernetworking/cni libcni/conf.go (ConfFiles: names that end in .conf, .conflist and
.json, sorted; the first that can be used counts), containerd internal/cri/config (bin_dir,
bin_dirs, conf_dir), CRI-O docs/crio.conf.5.md (network_dir, plugin_dirs).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.errors import UnclearError
from nodefix.host.node import Host
from nodefix.shape import JsonObject, an, items, mapping, parsed

_CONF_FOLDER = "/etc/cni/net.d"
_BIN_FOLDER = "/opt/cni/bin"
# k3s brings Flannel and its plugins along.
_K3S_FOLDER = "/var/lib/rancher/k3s/agent/etc/cni/net.d"
_SUFFIXES = (".conf", ".conflist", ".json")

_CONTAINERD = "/etc/containerd/config.toml"
_CRIO = "/etc/crio/crio.conf"
_CRIO_DROP_INS = "/etc/crio/crio.conf.d"
_CONF_KEYS = ("conf_dir", "network_dir")
_BIN_KEYS = ("bin_dir", "bin_dirs", "plugin_dirs")
_MOST_FILES = 100


class CniFacts(NamedTuple):
    """What the container runtime finds.

    Attributes:
        folder: where it looks for a configuration.
        file: the configuration that counts; empty where there is none.
        plugins: the plugins that it names, in their order.
        missing: those that are in none of `programs`.
        programs: the folders in which it looks for plugins.
        bundled: whether the distribution brings its own plugins.
    """

    folder: str = _CONF_FOLDER
    file: str = ""
    plugins: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    programs: tuple[str, ...] = (_BIN_FOLDER,)
    bundled: bool = False


def read_cni(host: Host) -> CniFacts:
    """Read the configuration, and see whether the plugins that it names are there.

    Raises:
        OSError, UnclearError: it is there and cannot be read or understood.
    """
    if any(True for _ in _files(host, _K3S_FOLDER)):
        return CniFacts(folder=_K3S_FOLDER, file=_K3S_FOLDER, bundled=True)
    folders, programs = _folders(host)
    folder = folders[0] if folders else _CONF_FOLDER
    # crio has two of its own; kubeadm's and most installers' is among them.
    found = CniFacts(folder=folder, programs=tuple(programs) or (_BIN_FOLDER,))
    file = next(_files(host, folder), "")
    if not file:
        return found
    plugins = _plugins(host, file)
    missing = tuple(
        name for name in plugins if not any(_has(host, place, name) for place in found.programs)
    )
    return found._replace(file=file, plugins=plugins, missing=missing)


def _plugins(host: Host, file: str) -> tuple[str, ...]:
    try:
        content = parsed(host.read(file))
        # A .conf holds one plugin, a .conflist a list of them.
        entries = [mapping(one) for one in items(content.get("plugins", [content]))]
        # What gives out addresses is a program of its own.
        helpers = [mapping(entry["ipam"]) for entry in entries if entry.get("ipam")]
        named = [entry["type"] for entry in entries] + [ipam.get("type") for ipam in helpers]
        return tuple(dict.fromkeys(an(str, name) for name in named if name is not None))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        words = f"found no CNI configuration ({type(error).__name__}: {error})"
        hint = f"python3 -m json.tool {file}"
        raise UnclearError(
            f"{file}: {words}, expected one as in the CNI specification", hint
        ) from error


def _has(host: Host, folder: str, name: str) -> bool:
    # Not exists(): a plugin that is a link into a container's image may lead nowhere here.
    return "/" not in name and os.path.lexists(host.path(f"{folder}/{name}"))


def _files(host: Host, folder: str) -> Iterator[str]:
    try:
        names = sorted(place.name for place in host.path(folder).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (f"{folder}/{name}" for name in names if name.endswith(_SUFFIXES))


def _folders(host: Host) -> tuple[list[str], list[str]]:
    """The folders of configurations and of plugins that the runtimes' settings name."""
    confs: list[str] = []
    programs: list[str] = []
    for file in _settings(host):
        try:
            content = tomllib.loads(host.read(file).decode("utf-8", "replace"))
        except (OSError, ValueError, RecursionError):
            # Its defaults hold, or the runtime does not start and says so itself.
            continue
        for key, value in _values(content):
            folders = value if isinstance(value, list) else [value]
            named = [one.rstrip("/") for one in folders if isinstance(one, str) and one[:1] == "/"]
            if key in _CONF_KEYS:
                confs += named
            elif key in _BIN_KEYS:
                programs += named
    return confs, list(dict.fromkeys(programs))


def _settings(host: Host) -> Iterator[str]:
    """containerd's where it runs, else CRI-O's, the one that counts first."""
    if host.path(_CONTAINERD).exists():
        yield _CONTAINERD
        return
    try:
        names = sorted((place.name for place in host.path(_CRIO_DROP_INS).iterdir()), reverse=True)
    except OSError:
        names = []
    yield from (f"{_CRIO_DROP_INS}/{name}" for name in names[:_MOST_FILES])
    yield _CRIO


def _values(table: JsonObject, depth: int = 0) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and depth < 20:
            yield from _values(value, depth + 1)
        else:
            yield key, value
