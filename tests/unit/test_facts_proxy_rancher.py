"""nodefix/facts/proxy_rancher.py: what k3s and rke2 start kube-proxy with."""

from __future__ import annotations

import os

import pytest
from fakehost import Node
from fakesystemd import started_by

from nodefix.errors import BusError, UnclearError
from nodefix.facts.proxy_rancher import said_by_rancher
from nodefix.facts.proxy_sign import Sign

K3S, RKE2 = "/etc/rancher/k3s/config.yaml", "/etc/rancher/rke2/config.yaml"
SERVER, AGENT = "k3s.service", "k3s-agent.service"
SERVER_DEFAULT = Sign("iptables", f"{SERVER}, whose default it is")


def install(node: Node, unit: str, *flags: str) -> None:
    """Put a unit there, as the install script does."""
    node.file(f"/etc/systemd/system/{unit}", "[Service]\n")
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
        ((), SERVER_DEFAULT),
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
        (None, "- a list", "found no mapping"),
        (None, "kube-proxy-arg: v=1\nkube-proxy-arg: v=2", "the key kube-proxy-arg a second time"),
        (None, "kube-proxy-arg: {proxy-mode: ipvs}", "expected words such as"),
        (None, "disable-kube-proxy: maybe", "found 'maybe' in .*, expected true or false"),
        (None, "kube-proxy-arg: [config=/none]", "config=/none in .*: found no such file"),
        (None, "kube-proxy-arg: [config=none]", "config=none in .*: expected an absolute path"),
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


def test_drop_ins_as_k3s_finds_them(node: Node) -> None:
    for name, mode in (("9.yaml", "nftables"), ("B.YML", "ipvs"), ("a.Yaml", "iptables")):
        node.file(f"{K3S}.d/{name}", f"kube-proxy-arg: proxy-mode={mode}\n")
        assert said_by_rancher(node.host) == Sign(mode, f"{K3S}.d/{name}")
    node.file(f"{K3S}.d/z.yaml/inside.yaml", "kube-proxy-arg: proxy-mode=ipvs\n")
    assert said_by_rancher(node.host) == Sign("iptables", f"{K3S}.d/a.Yaml")


def test_its_environment(node: Node) -> None:
    install(node, SERVER)
    node.file("/etc/mine.yaml", "kube-proxy-arg: proxy-mode=nftables\n")
    command = node.systemd.commands[SERVER]
    mine = command._replace(environment=("K3S_CONFIG_FILE=/etc/mine.yaml",))
    node.systemd.commands[SERVER] = mine
    assert said_by_rancher(node.host) == Sign("nftables", "/etc/mine.yaml")


def test_settings_of_kube_proxys_own(node: Node) -> None:
    node.file("/etc/proxy.yaml", "mode: nftables\n")
    node.file(K3S, "kube-proxy-arg: [proxy-mode=ipvs, config=/etc/proxy.yaml]\n")
    assert said_by_rancher(node.host) == Sign("nftables", "/etc/proxy.yaml")
    node.host.path(K3S).unlink()
    # That of rke2 is in kube-proxy's pod.
    node.file(RKE2, "kube-proxy-arg: [config=/etc/proxy.yaml]\n")
    with pytest.raises(UnclearError, match="a file of kube-proxy's pod") as caught:
        said_by_rancher(node.host)
    assert caught.value.hint == f"cat -A {RKE2}"


@pytest.mark.parametrize(
    ("argv", "sign"),
    [
        (("/usr/local/bin/k3s", "--disable-kube-proxy", "server"), SERVER_DEFAULT),
        (("/usr/local/bin/k3s", "agent"), None),
        (("/usr/bin/env", "A=1", "k3s", "server"), SERVER_DEFAULT),
        (("/bin/sh", "-c", "k3s server $MORE"), "other flags than are seen here"),
        (
            ("/bin/sh", "-c", "k3s server --kube-proxy-arg=proxy-mode=ipvs $MORE"),
            Sign("ipvs", SERVER),
        ),
        (("/opt/start-k3s",), "not k3s itself"),
        (("/usr/local/bin/k3s",), "neither `server` nor `agent`"),
        (("k3s", "server", "--kube-proxy-arg=proxy-mode=userspace"), "found 'userspace'"),
        (("k3s", "server", "--disable-kube-proxy=maybe"), "expected true or false"),
    ],
)
def test_ways_to_start_it(node: Node, argv: tuple[str, ...], sign: Sign | str | None) -> None:
    install(node, SERVER)
    node.systemd.commands[SERVER] = started_by(*argv, expands=False)
    if isinstance(sign, str):
        with pytest.raises(UnclearError, match=sign) as caught:
            said_by_rancher(node.host)
        assert caught.value.hint == f"systemctl cat {SERVER}"
    else:
        assert said_by_rancher(node.host) == sign


def test_unit_that_the_node_does_not_use(node: Node) -> None:
    """rke2's archive brings both."""
    for unit, role in (("rke2-server.service", "server"), ("rke2-agent.service", "agent")):
        node.file(f"/usr/lib/systemd/system/{unit}", "[Service]\n")
        node.systemd.commands[unit] = started_by("/usr/bin/rke2", role)
    assert said_by_rancher(node.host)
    wants = "/etc/systemd/system/multi-user.target.wants"
    node.link(f"{wants}/rke2-agent.service", "/usr/lib/systemd/system/rke2-agent.service")
    assert said_by_rancher(node.host) is None
