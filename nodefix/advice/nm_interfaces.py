"""NetworkManager manages the interfaces that network plugins make.

Sources: NetworkManager.conf(5): the order of its files, `+=` and `-=`, section keyfile, Device List
Format; https://docs.tigera.io/calico/latest/operations/troubleshoot/troubleshooting and
https://docs.rke2.io/known_issues for the entry.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.errors import NodefixError
from nodefix.facts.cni import read_cni
from nodefix.host.node import Host

NAME = "nm_interfaces"

_UNIT = "NetworkManager.service"
_MAIN = "/etc/NetworkManager/NetworkManager.conf"
# Later ones count, and a file of the same name in a later folder takes the place of an earlier.
_FOLDERS = (
    "/usr/lib/NetworkManager/conf.d",
    "/run/NetworkManager/conf.d",
    "/etc/NetworkManager/conf.d",
)
_DROP_IN = "/etc/NetworkManager/conf.d/99-kubernetes.conf"

# What each plugin makes; by the first plugin of the configuration.
_INTERFACES = {
    "calico": ("cali*", "tunl*", "vxlan.calico"),
    "flannel": ("flannel*", "cni0", "veth*"),
    "cilium-cni": ("cilium*", "lxc*"),
}
# How a boolean of NetworkManager's is false.
_NO = ("0", "no", "false", "off")
_ANY = ("cali*", "flannel*", "cni0", "veth*")


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        active: whether NetworkManager runs.
        unmanaged: the device list of unmanaged-devices, entry by entry.
        interfaces: patterns of the names of interfaces that are the network plugins'.
    """

    active: bool
    unmanaged: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = _ANY


def read(host: Host, config: Config) -> Facts:
    """NetworkManager's list of what it leaves alone, and the interfaces that matter here."""
    if not host.systemd.active_units((_UNIT,)):
        return Facts(False)
    unmanaged: list[str] = []
    for file in _files(host):
        for key, value in _settings(host, file):
            entries = [one.strip() for one in value.replace(",", ";").split(";") if one.strip()]
            if key == "unmanaged-devices":
                unmanaged = entries
            elif key == "unmanaged-devices+":
                unmanaged += entries
            elif key == "unmanaged-devices-":
                unmanaged = [one for one in unmanaged if one not in entries]
    try:
        plugins = read_cni(host).plugins
    except (OSError, NodefixError):
        # The adviser of the configuration itself says so.
        plugins = ()
    found = next((_INTERFACES[name] for name in plugins if name in _INTERFACES), _ANY)
    return Facts(True, tuple(unmanaged), found)


def _files(host: Host) -> Iterator[str]:
    names = {folder: _names(host, folder) for folder in _FOLDERS}
    for number, folder in enumerate(_FOLDERS):
        later = {name for other in _FOLDERS[number + 1 :] for name in names[other]}
        if number == len(_FOLDERS) - 1:
            yield _MAIN
        yield from (f"{folder}/{name}" for name in names[folder] if name not in later)


def _names(host: Host, folder: str) -> list[str]:
    try:
        names = [place.name for place in host.path(folder).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if name.endswith(".conf"))


def _settings(host: Host, file: str) -> list[tuple[str, str]]:
    """The settings of the section keyfile; devices that another section leaves alone are added."""
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#",), strict=False, allow_no_value=True
    )
    try:
        parser.read_string(host.read(file).decode("utf-8", "replace"))
    except (FileNotFoundError, configparser.Error):
        # NetworkManager ignores a file that is no keyfile.
        return []
    found = dict(parser.items("keyfile")) if parser.has_section("keyfile") else {}
    settings = [(key.strip(), value or "") for key, value in found.items()]
    for name in parser.sections():
        section = {key.strip(): value or "" for key, value in parser.items(name)}
        if name.startswith("device") and section.get("managed", "").strip() in _NO:
            settings.append(("unmanaged-devices+", section.get("match-device", "")))
    return settings


def judge(facts: Facts) -> tuple[Advice, ...]:
    """Each pattern has to be in the list."""
    if not facts.active:
        return ()
    managed = [name for name in facts.interfaces if not _is_left_alone(facts.unmanaged, name)]
    if not managed:
        return ()
    entry = ";".join(f"interface-name:{name}" for name in managed)
    return (
        Advice(
            "nm-manages-cni",
            f"{_UNIT}: found the interfaces {', '.join(managed)} in no unmanaged-devices= entry,"
            " expected them there",
            "NetworkManager may change addresses and routes of the interfaces that the network"
            " plugin makes, and pods then lose their network.",
            rf"printf '[keyfile]\nunmanaged-devices+={entry}\n' >{_DROP_IN}"
            " && systemctl reload NetworkManager",
        ),
    )


def _is_left_alone(unmanaged: tuple[str, ...], pattern: str) -> bool:
    """Whether interfaces of a pattern are in the list, by an example of a name."""
    name = pattern.replace("*", "12ab")
    hits = [one for one in unmanaged if _matches(one.removeprefix("except:"), name)]
    return bool(hits) and not any(one.startswith("except:") for one in hits)


def _matches(entry: str, name: str) -> bool:
    kind, colon, value = entry.partition(":")
    if kind == "interface-name" and colon:
        if value.startswith("="):
            return value[1:] == name
        return fnmatchcase(name, value.removeprefix("~"))
    # Of drivers and types the ones that are certain by the name.
    certain = {"driver:veth": ("cali", "veth", "lxc"), "type:bridge": ("cni0",)}
    return (
        entry == "*"
        or (not colon and fnmatchcase(name, entry))
        or name.startswith(certain.get(entry, ("\0",)))
    )
