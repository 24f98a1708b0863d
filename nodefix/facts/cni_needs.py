"""What the configured network plugin needs of the kernel, where its files say which plugin it is.

Nothing is guessed: without a file, or with a plugin that has no row in the table, there is no need.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from nodefix.errors import NodefixError, UnclearError
from nodefix.facts.cni import CniFacts, read_cni
from nodefix.facts.cni_table import NEEDS, Need
from nodefix.host.node import Host
from nodefix.shape import JsonObject, mapping, parsed

# Flannel's own settings: k3s', and where a Flannel outside of a pod has them; a pod's are not on
# the node. Source: k3s pkg/executor/embed (ConfFile), flannel main.go (net-config-path).
_FLANNEL = (
    "/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json",
    "/etc/kube-flannel/net-conf.json",
)
_IPV6 = "ipv6"


class PluginNeeds(NamedTuple):
    """What the network plugin needs; all empty where no file names one that has a row.

    Attributes:
        file: the configuration that counts.
        rows: those that its signs name.
        modules: all that these ask for.
        ipv6: whether it gives pods IPv6 addresses, as far as its files say.
        unclear: what of its files could not be read or understood; empty if nothing.
        hint: the command that shows that.
    """

    file: str = ""
    rows: tuple[Need, ...] = ()
    modules: tuple[str, ...] = ()
    ipv6: bool = False
    unclear: str = ""
    hint: str = ""

    def needing(self, module: str) -> Need | None:
        """The row that asks for a module."""
        return next((row for row in self.rows if module in (*row.modules, *row.rules)), None)


def read_needs(host: Host, has_rules: bool = True) -> PluginNeeds:
    """Read which plugin there is; never raises for what its files hold.

    Args:
        host: the node.
        has_rules: whether kube-proxy may make iptables rules, which some plugins follow.
    """
    try:
        cni = read_cni(host)
    except (NodefixError, OSError) as error:
        return _unclear(error)
    try:
        flannel, needs = _flannel(host, cni), PluginNeeds(cni.file)
    except (NodefixError, OSError) as error:
        # The plugin is known all the same.
        flannel, needs = (), _unclear(error)._replace(file=cni.file)
    signs = {*_signs(cni), *flannel}
    rows = tuple(row for row in NEEDS if not signs.isdisjoint(row.signs))
    modules = (name for row in rows for name in (*row.modules, *(row.rules if has_rules else ())))
    ipv6 = bool(rows) and (_IPV6 in flannel or any(map(_has_ipv6, cni.entries)))
    return needs._replace(rows=rows, modules=tuple(dict.fromkeys(modules)), ipv6=ipv6)


def _unclear(error: NodefixError | OSError) -> PluginNeeds:
    if isinstance(error, NodefixError):
        return PluginNeeds(unclear=error.message, hint=error.hint)
    words = f"{error.filename}: cannot be read: {error.strerror}"
    return PluginNeeds(unclear=words, hint=f"ls -ldZ {shlex.quote(str(error.filename))}")


def _signs(cni: CniFacts) -> Iterator[str]:
    """By what plugins are told: types, file names, and the names of bridges."""
    yield from (file.rpartition("/")[2] for file in cni.files)
    for entry in cni.entries:
        kind = entry["type"]
        # portmap's other backend makes no iptables rules.
        if isinstance(kind, str) and entry.get("backend") != "nftables":
            yield kind
        yield f"bridge={entry.get('bridge')}"


def _flannel(host: Host, cni: CniFacts) -> tuple[str, ...]:
    """The backend that Flannel's settings name, and whether they have IPv6."""
    if not any(entry["type"] == "flannel" for entry in cni.entries):
        return ()
    for file in _FLANNEL:
        try:
            settings = parsed(host.read(file))
            backend = mapping(settings.get("Backend") or {"Type": "udp"}).get("Type")
        except FileNotFoundError:
            continue
        except (TypeError, ValueError, RecursionError) as error:
            words = f"found no settings of Flannel ({type(error).__name__}: {error})"
            raise UnclearError(f"{file}: {words}", f"python3 -m json.tool {file}") from error
        return (f"backend={backend}", *((_IPV6,) if settings.get("EnableIPv6") is True else ()))
    return ()


def _has_ipv6(entry: JsonObject) -> bool:
    """Whether a plugin's configuration says that pods get IPv6 addresses."""
    ipam = entry.get("ipam")
    if not isinstance(ipam, dict):
        return False
    if str(ipam.get("assign_ipv6")).lower() == "true":
        return True
    return any(isinstance(subnet, str) and ":" in subnet for subnet in _subnets(ipam))


def _subnets(ipam: JsonObject) -> Iterator[object]:
    """host-local's: one, or lists of them."""
    yield ipam.get("subnet")
    ranges = ipam.get("ranges")
    for alternatives in ranges if isinstance(ranges, list) else ():
        for one in alternatives if isinstance(alternatives, list) else ():
            if isinstance(one, dict):
                yield one.get("subnet")
