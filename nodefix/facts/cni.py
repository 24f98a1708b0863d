"""The network plugins that the container runtime calls: their configuration and their programs.

Sources: containernetworking/cni libcni/conf.go (ConfFiles: names that end in .conf, .conflist and
.json, sorted; the first that can be used counts), containerd internal/cri/config (bin_dir,
bin_dirs, conf_dir), CRI-O docs/crio.conf.5.md (network_dir, plugin_dirs), k3s
pkg/executor/embed (CNIConfDir, which is /etc/cni/net.d without its Flannel, as it is for rke2 and
k0s), multus-cni docs/configuration.md (delegates, clusterNetwork).
"""

from __future__ import annotations

import os
import shlex
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
# Multus stands before another plugin, which it calls: a delegate, or the network of another file.
_IN_FRONT = ("multus", "multus-shim")


class CniFacts(NamedTuple):
    """What the container runtime finds.

    Attributes:
        folder: where it looks for a configuration.
        file: the configuration that counts; empty where there is none.
        plugins: the plugins that it names, in their order.
        missing: those that are in none of `programs`.
        programs: the folders in which it looks for plugins.
        bundled: whether the distribution brings its own plugins.
        entries: each plugin's own configuration, also of those that Multus calls.
        files: where these stand.
    """

    folder: str = _CONF_FOLDER
    file: str = ""
    plugins: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    programs: tuple[str, ...] = (_BIN_FOLDER,)
    bundled: bool = False
    entries: tuple[JsonObject, ...] = ()
    files: tuple[str, ...] = ()


def read_cni(host: Host) -> CniFacts:
    """Read the configuration, and see whether the plugins that it names are there.

    Raises:
        OSError, UnclearError: it is there and cannot be read or understood.
    """
    if file := next(_files(host, _K3S_FOLDER), ""):
        return _with_entries(host, CniFacts(folder=_K3S_FOLDER, file=file, bundled=True))
    folders, programs = _folders(host)
    folder = folders[0] if folders else _CONF_FOLDER
    # crio has two of its own; kubeadm's and most installers' is among them.
    found = CniFacts(folder=folder, programs=tuple(programs) or (_BIN_FOLDER,))
    file = next(_files(host, folder), "")
    if not file:
        return found
    found = _with_entries(host, found._replace(file=file))
    missing = tuple(
        name
        for name in found.plugins
        if not any(_has(host, place, name) for place in found.programs)
    )
    return found._replace(missing=missing)


def _with_entries(host: Host, found: CniFacts) -> CniFacts:
    """What the file that counts says, and what Multus, if that is what it names, calls."""
    entries, plugins = _content(host, found.file)
    files = [found.file]
    for entry in entries:
        if entry["type"] not in _IN_FRONT:
            continue
        called = [one for network in _delegates(found.file, entry) for one in network]
        if not called and (behind := _behind(host, found, entry)):
            files.append(behind)
            called = _content(host, behind)[0]
        entries = [*entries, *called]
    return found._replace(plugins=plugins, entries=tuple(entries), files=tuple(files))


def _delegates(file: str, entry: JsonObject) -> list[list[JsonObject]]:
    try:
        return [_entries(mapping(one)) for one in items(entry.get("delegates") or [])]
    except (KeyError, TypeError) as error:
        raise _unclear(file, error) from error


def _behind(host: Host, found: CniFacts, entry: JsonObject) -> str:
    """The file of the network that Multus calls for each pod; its pod sees it below /host."""
    name = str(entry.get("clusterNetwork") or "").rpartition("/")[2]
    others = [file for file in _files(host, found.folder) if file != found.file]
    named = (file for file in others if file.rpartition("/")[2] == name)
    return next(named, others[0] if others else "")


def _content(host: Host, file: str) -> tuple[list[JsonObject], tuple[str, ...]]:
    """Each plugin's configuration in a file, and the programs that they name."""
    try:
        entries = _entries(parsed(host.read(file)))
        # What gives out addresses is a program of its own.
        helpers = [mapping(entry["ipam"]) for entry in entries if entry.get("ipam")]
        named = [entry["type"] for entry in entries] + [ipam.get("type") for ipam in helpers]
        return entries, tuple(dict.fromkeys(an(str, name) for name in named if name is not None))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _unclear(file, error) from error


def _entries(content: JsonObject) -> list[JsonObject]:
    # A .conf holds one plugin, a .conflist a list of them.
    entries = [mapping(one) for one in items(content.get("plugins", [content]))]
    for entry in entries:
        an(str, entry["type"])
    return entries


def _unclear(file: str, error: Exception) -> UnclearError:
    words = f"found no CNI configuration ({type(error).__name__}: {error})"
    hint = f"python3 -m json.tool {shlex.quote(file)}"
    return UnclearError(f"{file}: {words}, expected one as in the CNI specification", hint)


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
            written = host.read(file).decode("utf-8", "replace")
            # Not before there is one: it takes as long as a program.
            import tomllib

            content = tomllib.loads(written)
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
