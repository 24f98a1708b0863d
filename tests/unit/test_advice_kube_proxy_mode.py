"""nodefix/advice/kube_proxy_mode.py: kube-proxy's mode against the setting."""

from __future__ import annotations

import pytest
from fakehost import Node, result
from proxysigns import FULL, NFT, TABLES, config_map, with_nft

from nodefix.advice import kube_proxy_mode
from nodefix.advice.kube_proxy_mode import Facts
from nodefix.config import Config
from nodefix.errors import UnclearError
from nodefix.facts.proxy_sign import Sign


def test_with_auto_nothing_is_even_read(node: Node) -> None:
    assert kube_proxy_mode.judge(kube_proxy_mode.read(node.host, Config())) == ()
    assert node.programs.calls == []


def test_what_it_does_goes_before_what_it_is_told(node: Node) -> None:
    with_nft(node, TABLES, FULL)
    path = config_map(node, "mode: nftables\n")
    setting = Config(kube_proxy="nftables")
    read = kube_proxy_mode.read(node.host, setting)
    assert read.sign and read.sign.mode == "iptables"
    with_nft(node, TABLES)
    assert kube_proxy_mode.read(node.host, setting) == Facts("nftables", Sign("nftables", path))


def test_no_answer_and_no_sign(node: Node) -> None:
    with_nft(node, "")
    setting = Config(kube_proxy="ipvs")
    assert kube_proxy_mode.judge(kube_proxy_mode.read(node.host, setting)) == ()
    path = config_map(node, "mode: [\n")
    with pytest.raises(UnclearError, match=path):
        kube_proxy_mode.read(node.host, setting)
    node.programs.table[*NFT, "tables"] = result(1, "", "Error: Operation not permitted")
    with pytest.raises(UnclearError, match="not permitted"):
        kube_proxy_mode.read(node.host, setting)


@pytest.mark.parametrize("setting", ["iptables", "none", "ipvs"])
def test_another_mode(setting: str) -> None:
    (found,) = kube_proxy_mode.judge(Facts(setting, Sign("nftables", "nft's table ip kube-proxy")))
    assert found.code == "kube-proxy-mode"
    assert (
        f"found it in the mode nftables, by nft's table ip kube-proxy, expected {setting}, "
        in found.message
    )
    assert found.hint == (
        "echo 'kube_proxy: auto' >/etc/nodefix/nodefix.yaml.d/50-kube-proxy.yaml"
        " && systemctl restart nodefix"
    )
