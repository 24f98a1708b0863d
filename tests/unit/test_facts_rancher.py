"""nodefix/facts/rancher.py: what k3s and rke2 start kube-proxy with."""

from __future__ import annotations

import os

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import BusError, UnclearError
from nodefix.facts.proxy_sign import Sign
from nodefix.facts.rancher import said_by_rancher

K3S, RKE2 = "/etc/rancher/k3s/config.yaml", "/etc/rancher/rke2/config.yaml"
SERVER, AGENT = "k3s.service", "k3s-agent.service"


def install(node: Node, unit: str, *flags: str) -> None:
    """Put a unit there, as the install script does."""
    node.file(f"/etc/systemd/system/{unit}")
    node.systemd.commands[unit] = started_by("/usr/local/bin/k3s", "server", *flags)


@pytest.mark.parametrize(
    ("main", "drop_in", "mode"),
    [
        ("kube-proxy-arg: [proxy-mode=ipvs, ipvs-scheduler=rr]", "", "ipvs"),
        ("kube-proxy-arg: proxy-mode=nftables", "", "nftables"),
        ("kube-proxy-arg: [--proxy-mode=nftables]", "", "nftables"),
        ("kube-proxy-arg: [proxy-mode=ipvs, proxy_mode=nftables]", "", "nftables"),
        ("kube-proxy-arg: [proxy-mode=ipvs]", "kube-proxy-arg: [proxy-mode=nftables]", "nftables"),
        ("kube-proxy-arg: [proxy-mode=ipvs]", "kube-proxy-arg: [v=2]", ""),
        ("kube-proxy-arg: [proxy-mode=ipvs]", "kube-proxy-arg+: [v=2]", "ipvs"),
        ("disable-kube-proxy: true", "", "none"),
        ("disable-kube-proxy: true", "disable-kube-proxy: false", ""),
        ("disable-kube-proxy: true\nkube-proxy-arg: [proxy-mode=ipvs]", "", "none"),
        ("node-label: [a=b]", "", ""),
        ("- a list", "", ""),
        ("", "", ""),
    ],
)
@pytest.mark.parametrize("config", [K3S, RKE2])
def test_files(node: Node, config: str, main: str, drop_in: str, mode: str) -> None:
    """Without a unit, as under a name of the admin's."""
    node.file(config, f"{main}\n")
    node.file(f"{config}.d/10.yaml", f"{drop_in}\n")
    node.file(f"{config}.d/20.conf", "disable-kube-proxy: true\n")
    sign = said_by_rancher(node.host)
    assert (sign.mode if sign else "") == mode
    if sign and "disable" not in drop_in:
        assert sign.origin == (f"{config}.d/10.yaml" if "proxy" in drop_in else config) or (
            "+" in drop_in
        )


@pytest.mark.parametrize(
    ("flags", "sign"),
    [
        ((), Sign("iptables", f"{SERVER}, whose default it is")),
        (("--kube-proxy-arg", "proxy-mode=nftables"), Sign("nftables", SERVER)),
        (("--kube-proxy-arg=proxy-mode=nftables",), Sign("nftables", SERVER)),
        (("--disable-kube-proxy",), Sign("none", SERVER)),
        (("--disable-kube-proxy=false",), Sign("ipvs", K3S)),
        (("-c", "/etc/mine.yaml"), Sign("nftables", "/etc/mine.yaml")),
    ],
)
def test_flags_come_after_the_files(node: Node, flags: tuple[str, ...], sign: Sign) -> None:
    if flags:
        node.file(K3S, "kube-proxy-arg: [proxy-mode=ipvs]\n")
    node.file("/etc/mine.yaml", "kube-proxy-arg: [proxy-mode=nftables]\n")
    install(node, SERVER, *flags)
    assert said_by_rancher(node.host) == sign


def test_agent_is_told_by_its_server_whether_there_is_one(node: Node) -> None:
    install(node, AGENT)
    assert said_by_rancher(node.host) is None
    install(node, AGENT, "--kube-proxy-arg=proxy-mode=ipvs")
    assert said_by_rancher(node.host) == Sign("ipvs", AGENT)


def test_without_a_bus_the_files_are_all_that_is_known(node: Node) -> None:
    install(node, SERVER)
    node.systemd.failing["service_command"] = BusError("no bus")
    assert said_by_rancher(node.host) is None


def _fifo(node: Node) -> None:
    node.file(K3S).unlink()
    os.mkfifo(node.host.path(K3S))


def _directory(node: Node) -> None:
    node.host.path(K3S).mkdir(parents=True)


def _folder(node: Node) -> None:
    node.file(f"{K3S}.d").unlink()
    node.host.path(f"{K3S}.d").symlink_to("d")
    node.host.path(K3S).parent.joinpath("d").symlink_to("config.yaml.d")


BOMB = "a: &a [1]\nb: &b [*a, *a]\nkube-proxy-arg: *b\n"


@pytest.mark.parametrize(
    ("make", "content", "words"),
    [
        (_fifo, "", "a named pipe, expected a regular file"),
        (_directory, "", "a directory, expected a regular file"),
        (_folder, "", "cannot be listed"),
        (None, "x" * (64 << 10) + "x", "more than 65536 bytes"),
        (None, BOMB, "found an alias"),
        (None, "a: [\n", "is not valid YAML"),
        (None, "kube-proxy-arg: [proxy-mode=userspace]", "found 'userspace', expected one of: ipt"),
        (None, "kube-proxy-arg: [proxy-mode=none]", "found 'none', expected one of"),
    ],
)
def test_what_cannot_be_read_is_no_no(node: Node, make: object, content: str, words: str) -> None:
    if callable(make):
        make(node)
    else:
        node.file(K3S, content)
    with pytest.raises(UnclearError, match=words) as caught:
        said_by_rancher(node.host)
    assert K3S in caught.value.message
    assert K3S in caught.value.hint
