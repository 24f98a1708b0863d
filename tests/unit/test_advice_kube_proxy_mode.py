"""nodefix/advice/kube_proxy_mode.py: kube-proxy's mode against the setting."""

from __future__ import annotations

import pytest
from fakehost import Node, result

from nodefix.advice import kube_proxy_mode
from nodefix.advice.kube_proxy_mode import Facts
from nodefix.config import Config
from nodefix.errors import UnclearError

NFT = ("/usr/sbin/nft", "list")
TABLES = "table ip nat\ntable ip filter\ntable ip6 nat\n"
EMPTY = "table ip nat {\n\tchain KUBE-POSTROUTING {\n\t}\n}\n"
FULL = "table ip nat {\n\tchain KUBE-POSTROUTING {\n\t\tmeta mark & 0x4000 == 0 return\n\t}\n}\n"
SERVERS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr
  -> C0A8C801:192B      Masq    1      0          0
"""
NO_CHAIN = "Error: No such file or directory"


def with_nft(node: Node, tables: str, ipv4: str | None = EMPTY, ipv6: str | None = EMPTY) -> None:
    """Let nft list these tables, and this chain of each family; None where there is none."""
    node.programs.table[*NFT, "tables"] = result(0, tables)
    for family, text in (("ip", ipv4), ("ip6", ipv6)):
        argv = (*NFT, "chain", family, "nat", "KUBE-POSTROUTING")
        node.programs.table[argv] = result(0, text) if text else result(1, "", NO_CHAIN)


@pytest.mark.parametrize(
    ("tables", "ipv4", "ipv6", "mode"),
    [
        ("", EMPTY, EMPTY, ""),
        (TABLES, EMPTY, EMPTY, ""),
        (TABLES, None, None, ""),
        (TABLES, FULL, EMPTY, "iptables"),
        (TABLES, EMPTY, FULL, "iptables"),
        (TABLES, None, FULL, "iptables"),
        (f"{TABLES}table ip kube-proxy\n", FULL, EMPTY, "nftables"),
        (f"{TABLES}table ip6 kube-proxy\n", EMPTY, EMPTY, "nftables"),
    ],
)
def test_mode(node: Node, tables: str, ipv4: str | None, ipv6: str | None, mode: str) -> None:
    with_nft(node, tables, ipv4, ipv6)
    assert kube_proxy_mode.read(node.host, Config()) == Facts("iptables", mode)


def test_ipvs(node: Node) -> None:
    with_nft(node, TABLES, FULL)
    node.file("/proc/net/ip_vs", SERVERS)
    assert kube_proxy_mode.read(node.host, Config()).mode == "ipvs"
    node.file("/proc/net/ip_vs", "".join(SERVERS.splitlines(True)[:3]))
    assert kube_proxy_mode.read(node.host, Config()).mode == "iptables"


def test_no_answer(node: Node) -> None:
    with_nft(node, TABLES)
    argv = (*NFT, "chain", "ip", "nat", "KUBE-POSTROUTING")
    node.programs.table[argv] = result(1, "", "Error: Operation not permitted")
    with pytest.raises(UnclearError):
        kube_proxy_mode.read(node.host, Config())


@pytest.mark.parametrize(
    "facts",
    [
        Facts("iptables"),
        Facts("none"),
        Facts("iptables", "iptables"),
        Facts("nftables", "nftables"),
        Facts("iptables", "ipvs", True),
    ],
)
def test_in_order(facts: Facts) -> None:
    assert kube_proxy_mode.judge(facts) == ()


@pytest.mark.parametrize("setting", ["iptables", "none"])
def test_another_mode(setting: str) -> None:
    (found,) = kube_proxy_mode.judge(Facts(setting, "nftables"))
    assert found.code == "kube-proxy-mode"
    assert f"found it in the mode nftables, expected {setting}, " in found.message
    assert found.hint == (
        "echo 'kube_proxy: nftables' >/etc/nodefix/nodefix.yaml.d/50-kube-proxy.yaml"
        " && systemctl restart nodefix"
    )


@pytest.mark.parametrize(
    ("setting", "first"), [("iptables", ""), ("none", r"kube_proxy: iptables\n")]
)
def test_ipvs_needs_modules_of_its_own(setting: str, first: str) -> None:
    (found,) = kube_proxy_mode.judge(Facts(setting, "ipvs"))
    assert found.code == "kube-proxy-ipvs"
    assert found.hint == (
        rf"printf '{first}extra_modules: [ip_vs, ip_vs_rr, ip_vs_wrr, ip_vs_sh]\n'"
        " >/etc/nodefix/nodefix.yaml.d/50-kube-proxy.yaml && systemctl restart nodefix"
    )
