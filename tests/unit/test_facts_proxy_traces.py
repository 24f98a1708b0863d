"""nodefix/facts/proxy_traces.py: what kube-proxy has left in the kernel."""

from __future__ import annotations

import pytest
from fakehost import Node, result
from proxysigns import EMPTY, FULL, NFT, NFTABLES, TABLES, with_nft

from nodefix.errors import UnclearError
from nodefix.facts.proxy_traces import seen_in_kernel

INTERFACE = "/sys/class/net/kube-ipvs0"

SERVERS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr
  -> C0A8C801:192B      Masq    1      0          0
"""


@pytest.mark.parametrize(
    ("tables", "ipv4", "ipv6", "mode"),
    [
        ("", EMPTY, EMPTY, ""),
        (TABLES, EMPTY, EMPTY, ""),
        (TABLES, None, None, ""),
        (TABLES, FULL, EMPTY, "iptables"),
        (TABLES, EMPTY, FULL, "iptables"),
        (TABLES, None, FULL, "iptables"),
        (NFTABLES, FULL, EMPTY, "nftables"),
        (f"{TABLES}table ip6 kube-proxy\n", EMPTY, EMPTY, "nftables"),
        (f"{TABLES}table inet kube-proxy\ntable ip kube-proxy-2\n", EMPTY, EMPTY, ""),
    ],
)
def test_mode(node: Node, tables: str, ipv4: str | None, ipv6: str | None, mode: str) -> None:
    with_nft(node, tables, ipv4, ipv6)
    sign = seen_in_kernel(node.host)
    assert (sign.mode if sign else "") == mode


def test_ipvs(node: Node) -> None:
    with_nft(node, TABLES, FULL)
    node.file("/proc/net/ip_vs", SERVERS)
    node.file(INTERFACE)
    sign = seen_in_kernel(node.host)
    assert sign and sign.mode == "ipvs"
    node.file("/proc/net/ip_vs", "".join(SERVERS.splitlines(True)[:3]))
    sign = seen_in_kernel(node.host)
    assert sign and sign.mode == "iptables"


@pytest.mark.parametrize(("rules", "mode"), [(EMPTY, ""), (FULL, "iptables")])
def test_virtual_servers_of_a_load_balancer_are_not_kube_proxys(
    node: Node, rules: str, mode: str
) -> None:
    with_nft(node, TABLES, rules)
    node.file("/proc/net/ip_vs", SERVERS)
    sign = seen_in_kernel(node.host)
    assert (sign.mode if sign else "") == mode


def test_interface_that_cannot_be_examined(node: Node) -> None:
    with_nft(node, TABLES)
    node.file("/proc/net/ip_vs", SERVERS)
    node.file("/sys/class/net")
    with pytest.raises(UnclearError, match="kube-ipvs0"):
        seen_in_kernel(node.host)


def test_no_answer(node: Node) -> None:
    with_nft(node, TABLES)
    argv = (*NFT, "chain", "ip", "nat", "KUBE-POSTROUTING")
    # The dynamic loader has the words of nft for a chain that is not there.
    library = "nft: error while loading libnftables.so.1: No such file or directory"
    for words in ("Error: Operation not permitted", library):
        node.programs.table[argv] = result(1, "", words)
        with pytest.raises(UnclearError):
            seen_in_kernel(node.host)
    node.host.path("/proc/net/ip_vs").mkdir()
    with pytest.raises(UnclearError, match="ip_vs"):
        seen_in_kernel(node.host)
