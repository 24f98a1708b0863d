"""nodefix/facts/proxy_mode.py: which sign of kube-proxy's mode counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakehost import Node, result
from proxysigns import LEARNED, NFT, NFTABLES, RKE2_POD, config_map, learned, static_pod, with_nft

from nodefix.errors import BusError
from nodefix.facts.proxy_mode import DEFAULT, Found, find_mode
from nodefix.facts.proxy_sign import Sign

K3S = "/etc/rancher/k3s/config.yaml"
Make = Callable[[Node, str], object]


def _live(node: Node) -> None:
    node.systemd.active.add("kubelet.service")


def _rancher(node: Node, mode: str) -> None:
    node.file(K3S, f"kube-proxy-arg: [proxy-mode={mode}]\n")


def _static(node: Node, mode: str) -> None:
    node.file(RKE2_POD, static_pod(f"--proxy-mode={mode}"))


def _config_map(node: Node, mode: str) -> None:
    config_map(node, f"mode: {mode}\n")


def _k0s(node: Node, mode: str) -> None:
    node.file("/etc/systemd/system/k0scontroller.service", "[Service]\n")
    node.file("/etc/k0s/k0s.yaml", f"spec: {{network: {{kubeProxy: {{mode: {mode}}}}}}}\n")


def _learned(node: Node, mode: str) -> None:
    node.file(LEARNED, learned(mode=mode))


def _microshift(node: Node, mode: str) -> None:
    node.file("/usr/lib/systemd/system/microshift.service", "[Service]\n")


# In their order, but for what the kernel shows, which is not asked where one of the first tells.
ORDER: tuple[Make, ...] = (_rancher, _static, _config_map, _k0s, _learned, _microshift)


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_first_sign_counts_and_the_others_are_told(node: Node, first: int) -> None:
    # The first says ipvs, all others nftables, and MicroShift has only one thing to say.
    ORDER[first](node, "ipvs")
    for make in ORDER[first + 1 :]:
        make(node, "nftables")
    found = find_mode(node.host)
    assert found.sign.mode == ("none" if first == 5 else "ipvs")
    assert len(found.others) == len(ORDER) - 1 - first
    assert all(f"{other.origin} says {other.mode}, " in found.in_words for other in found.others)
    assert (found.doubts, found.unread, found.seen) == ((), (), False)
    # At boot no program is asked.
    assert node.programs.calls == []


def test_without_any_sign(node: Node) -> None:
    assert find_mode(node.host) == Found(DEFAULT)
    assert DEFAULT.mode == "iptables"


def test_what_the_kernel_shows_goes_before_what_is_kept(node: Node) -> None:
    _learned(node, "ipvs")
    _live(node)
    with_nft(node, NFTABLES)
    found = find_mode(node.host)
    assert found.sign == Sign("nftables", "nft's table ip kube-proxy")
    assert found.seen
    assert [sign.mode for sign in found.others] == ["ipvs"]


@pytest.mark.parametrize("make", ORDER[:4])
def test_the_kernel_is_not_asked_where_a_file_tells(node: Node, make: Make) -> None:
    make(node, "ipvs")
    _live(node)
    assert find_mode(node.host).sign.mode == "ipvs"
    assert node.programs.calls == []


def test_the_kernel_is_not_asked_without_a_bus(node: Node) -> None:
    node.systemd.failing["active_units"] = BusError("no bus")
    assert find_mode(node.host) == Found(DEFAULT)


def test_two_signs_that_agree_are_one(node: Node) -> None:
    _static(node, "nftables")
    _learned(node, "nftables")
    assert find_mode(node.host).in_words == f"nftables, from {RKE2_POD}"


def test_a_sign_that_cannot_be_read_is_a_doubt_where_it_would_have_counted(node: Node) -> None:
    node.file(K3S, "a: [\n")
    _static(node, "nftables")
    found = find_mode(node.host)
    assert found.sign.mode == "nftables"
    (doubt,) = found.doubts
    assert doubt.message.startswith(f"{K3S}: is not valid YAML")
    assert doubt.hint == f"cat -A {K3S}"
    _rancher(node, "ipvs")
    node.file(RKE2_POD, "a: [\n")
    found = find_mode(node.host)
    assert (found.sign.mode, found.doubts, len(found.unread)) == ("ipvs", (), 1)


def test_a_kernel_that_does_not_answer_is_a_doubt(node: Node) -> None:
    _live(node)
    node.programs.table[*NFT, "tables"] = result(1, "", "Error: Operation not permitted")
    found = find_mode(node.host)
    assert (found.sign, len(found.doubts), found.seen) == (DEFAULT, 1, False)


def test_a_memory_that_is_lost_is_no_doubt(node: Node) -> None:
    node.file(LEARNED, "{")
    found = find_mode(node.host)
    assert (found.sign, found.doubts) == (DEFAULT, ())
    assert found.unread[0].hint == f"rm {LEARNED}"
