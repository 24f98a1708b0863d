"""nodefix/advice/network_sysctls.py: sysctls that keep pods from their network."""

from __future__ import annotations

import pytest
from cnifiles import CILIUM, FLANNEL, FOLDER, ROUTER, configured
from fakehost import Node

from nodefix.advice import network_sysctls
from nodefix.advice.finding import Advice
from nodefix.config import Config
from nodefix.errors import UnclearError

FORWARD = "/proc/sys/net/ipv4/ip_forward"
FORWARD_6 = "/proc/sys/net/ipv6/conf/all/forwarding"
BRIDGED = "/proc/sys/net/bridge/bridge-nf-call-iptables"
RP_FILTER = "/proc/sys/net/ipv4/conf/all/rp_filter"
DROP_IN = "/etc/sysctl.d/99-kubernetes.conf"
DUAL = ROUTER | {"ipam": {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}]]}}


def advised(node: Node, config: Config | None = None) -> tuple[Advice, ...]:
    """What the adviser says of a node."""
    return network_sysctls.judge(network_sysctls.read(node.host, config or Config()))


def test_forwarding_is_off_whatever_the_plugin(node: Node) -> None:
    node.file(FORWARD, "0\n")
    (found,) = advised(node)
    assert found.code == "ip-forward-off"
    assert found.message == "net.ipv4.ip_forward: found 0, expected 1"
    assert found.hint == f"echo 'net.ipv4.ip_forward = 1' >>{DROP_IN} && sysctl -p {DROP_IN}"


@pytest.mark.parametrize("content", ["1\n", "2\n"])
def test_on(node: Node, content: str) -> None:
    node.file(FORWARD, content)
    assert advised(node) == ()


@pytest.mark.parametrize(
    ("file", "value", "by", "hint"),
    [
        (
            "/etc/sysctl.d/60 hard.conf",
            "0",
            " by /etc/sysctl.d/60 hard.conf line 2 (`net.ipv4.ip_forward=0`)",
            "sed -i '2s/=.*/= 1/' '/etc/sysctl.d/60 hard.conf' && sysctl -w net.ipv4.ip_forward=1",
        ),
        (
            "/usr/lib/sysctl.d/50-vendor.conf",
            "0",
            " by /usr/lib/sysctl.d/50-vendor.conf line 2 (`net.ipv4.ip_forward=0`)",
            f"echo 'net.ipv4.ip_forward = 1' >>{DROP_IN} && sysctl -p {DROP_IN}",
        ),
        (
            "/etc/sysctl.d/k8s.conf",
            "1",
            ", which somebody has changed after /etc/sysctl.d/k8s.conf line 2"
            " (`net.ipv4.ip_forward=1`)",
            "sysctl -w net.ipv4.ip_forward=1",
        ),
    ],
)
def test_whose_line_it_is_decides_on_the_remedy(
    node: Node, file: str, value: str, by: str, hint: str
) -> None:
    node.file(FORWARD, "0\n")
    node.file(file, f"# site\nnet.ipv4.ip_forward={value}\n")
    (found,) = advised(node)
    assert found.message == f"net.ipv4.ip_forward: found 0{by}, expected 1"
    assert found.hint == hint


@pytest.mark.parametrize(
    ("plugin", "file", "wrong", "fine"),
    [(FLANNEL, BRIDGED, "0", "1"), (ROUTER, BRIDGED, "0", "1"), (CILIUM, RP_FILTER, "1", "2")],
)
def test_what_a_plugin_fails_without(
    node: Node, plugin: dict[str, object], file: str, wrong: str, fine: str
) -> None:
    node.file(file, f"{wrong}\n")
    # Nobody is known to need it.
    assert advised(node) == ()
    configured(node, "10-x.conflist", plugin)
    (found,) = advised(node)
    assert found.code == "network-sysctl-differs"
    assert f"by {FOLDER}/10-x.conflist: " in found.why
    assert advised(node, Config(network_plugin="none")) == ()
    node.file(file, f"{fine}\n")
    assert advised(node) == ()


def test_ipv6_only_where_pods_have_it(node: Node) -> None:
    node.file(FORWARD_6, "0\n")
    node.file(f"{BRIDGED[:-8]}ip6tables", "0\n")
    configured(node, "10-x.conflist", ROUTER)
    assert advised(node) == ()
    configured(node, "10-x.conflist", DUAL)
    assert [one.code for one in advised(node)] == ["ipv6-forwarding-off", "network-sysctl-differs"]


def test_a_plugin_that_is_not_clear_hides_nothing(node: Node) -> None:
    node.file(f"{FOLDER}/10-x.conflist", "{")
    node.file(FORWARD, "0\n")
    assert [one.code for one in advised(node)] == ["ip-forward-off"]


def test_unreadable(node: Node) -> None:
    node.host.path(FORWARD).mkdir(parents=True)
    with pytest.raises(UnclearError, match="ip_forward: cannot be read: found a directory"):
        advised(node)
