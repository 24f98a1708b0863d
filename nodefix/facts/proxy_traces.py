"""What kube-proxy has left in the kernel: things that only kube-proxy makes, in one of its modes.

They tell how it worked at some moment of this boot. The kernel forgets them at its end.

Sources: kubernetes pkg/proxy/nftables/proxier.go (the tables `kube-proxy`), pkg/proxy/iptables and
pkg/proxy/ipvs/proxier.go (only kube-proxy has rules in KUBE-POSTROUTING; virtual servers, and the
interface that their addresses are bound to); ip_vs's net/netfilter/ipvs/ip_vs_ctl.c for
/proc/net/ip_vs.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from nodefix.errors import UnclearError
from nodefix.facts.nft_listing import chain_listing, listing
from nodefix.facts.proxy_sign import Sign

if TYPE_CHECKING:
    from nodefix.host.node import Host

_SERVERS = "/proc/net/ip_vs"
# kube-router, kube-vip and keepalived have virtual servers as well, but not this interface.
_INTERFACE = "/sys/class/net/kube-ipvs0"
_CHAIN = "KUBE-POSTROUTING"


def seen_in_kernel(host: Host) -> Sign | None:
    """The mode that kube-proxy has worked in; None where it has left no trace.

    Raises:
        CommandError, UnclearError: the kernel cannot be asked.
    """
    tables = listing(host, "tables")
    if found := re.search(r"(?m)^table (ip6? kube-proxy)$", tables):
        return Sign("nftables", f"nft's table {found[1]}")
    if re.search(r"(?m)^(TCP|UDP|SCTP) ", _servers(host)) and _has_interface(host):
        return Sign("ipvs", f"virtual servers in {_SERVERS}")
    for family in ("ip", "ip6"):
        if re.search(rf"(?m)^table {family} nat$", tables) and _has_rules(host, family):
            return Sign("iptables", f"rules in the chain {family} nat {_CHAIN}")
    return None


def _servers(host: Host) -> str:
    try:
        return host.read(_SERVERS, 16 << 20).decode("ascii", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        words = f"{_SERVERS}: cannot be read: {error.strerror}"
        raise UnclearError(words, f"ls -lZ {shlex.quote(_SERVERS)}") from error


def _has_interface(host: Host) -> bool:
    try:
        host.path(_INTERFACE).lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        words = f"{_INTERFACE}: cannot be examined: {error.strerror}"
        raise UnclearError(words, f"ls -ldZ {_INTERFACE}") from error
    return True


def _has_rules(host: Host, family: str) -> bool:
    """Whether kube-proxy has filled its chain, which nodefix makes and leaves empty."""
    text = chain_listing(host, family, "nat", _CHAIN)
    return any(line.startswith("\t\t") for line in (text or "").split("\n"))
