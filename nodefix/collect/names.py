"""The names by which this node and its people are known, so that they can be taken out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nodefix.collect.part import Got
from nodefix.errors import NodefixError
from nodefix.facts.node_name import read_node_name
from nodefix.host.node import Host
from nodefix.host.users import who
from nodefix.shape import Json
from nodefix.switch import read_switch

# The kernel's; hostname(5); hosts(5); resolv.conf(5); machine-info(5).
_KERNEL, _STATIC, _HOSTS = "/proc/sys/kernel/hostname", "/etc/hostname", "/etc/hosts"
_RESOLVER, _INFO = "/etc/resolv.conf", "/etc/machine-info"
_DOMAIN = "/proc/sys/kernel/domainname"
_HOSTNAME = "/usr/bin/hostname"
_LIMIT, _MOST = 256 << 10, 2000
# hostname(1) asks the resolver, which may ask the network.
_SECONDS = 3.0
# Words of machine-info(5) that are names.
_PRETTY = ("PRETTY_HOSTNAME", "LOCATION")


class Names(NamedTuple):
    """The names of hosts and domains, and the login names."""

    hosts: tuple[str, ...]
    domains: tuple[str, ...]
    users: tuple[str, ...]


def read_names(host: Host) -> Got:
    """All names; what they are is in the content, which never goes into an archive as it is."""
    missing: list[str] = []
    lines = {path: _lines(host, path, missing) for path in (_KERNEL, _STATIC, _HOSTS, _RESOLVER)}
    hosts = [line.strip() for path in (_KERNEL, _STATIC) for line in lines[path]]
    hosts += [name for line in lines[_HOSTS] for name in line.split("#")[0].split()[1:]]
    hosts += [os.uname().nodename] if str(host.root) == "/" else []
    hosts += _pretty(_lines(host, _INFO, missing))
    hosts += _full_name(host)
    node = read_node_name(host)
    if node.name:
        hosts.append(node.name)
    elif "No such file" not in node.where:
        missing.append(f"the name by which the cluster knows this node: {node.where}")
    domains = [*_searched(lines[_RESOLVER]), *_lines(host, _DOMAIN, missing)]
    found: Json = {
        "hosts": list(hosts[:_MOST]),
        "domains": [one.strip() for one in domains if one.strip() != "(none)"],
        "users": list(_users(host)),
    }
    return Got(found, missing="; ".join(missing))


def names_of(got: Got) -> Names:
    """The names that read_names() found."""
    found = got.content if isinstance(got.content, dict) else {}

    def texts(key: str) -> tuple[str, ...]:
        values = found.get(key)
        return tuple(map(str, values)) if isinstance(values, list) else ()

    return Names(texts("hosts"), texts("domains"), texts("users"))


def _lines(host: Host, path: str, missing: list[str]) -> list[str]:
    try:
        content = host.read(path, _LIMIT)
    except FileNotFoundError:
        return []
    except OSError as error:
        missing.append(f"{path}: {error.strerror}")
        return []
    return [
        line
        for line in content.decode("utf-8", "replace").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _pretty(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        key, _, value = line.partition("=")
        if key in _PRETTY:
            yield value.strip("\"' ")


def _full_name(host: Host) -> list[str]:
    """What `hostname -f` prints, where there is one that answers."""
    try:
        done = host.programs.read(_HOSTNAME, "-f", timeout=_SECONDS)
    except NodefixError:
        return []
    return done.text.split()[:1] if done.status == 0 else []


def _searched(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        word, *rest = line.split()
        if word in ("search", "domain"):
            yield from rest


def _users(host: Host) -> Iterator[str]:
    yield who(host.root)
    yield os.environ.get("SUDO_USER", "")
    switch = read_switch(f"{host.root}/")
    yield switch.by if switch else ""
