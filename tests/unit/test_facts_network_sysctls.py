"""nodefix/facts/network_sysctls.py: which sysctls are not as the network needs them."""

from __future__ import annotations

from cnifiles import FLANNEL, ROUTER, configured
from fakehost import Node

from nodefix.facts.cni_needs import PluginNeeds, read_needs
from nodefix.facts.network_sysctls import FORWARDING, differing_sysctls, file_of


def test_each_once_with_the_row_that_needs_it(node: Node) -> None:
    # Both rows of this file ask for it.
    configured(node, "10-x.conflist", FLANNEL, ROUTER)
    node.file("/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n")
    node.file("/etc/sysctl.d/a.conf", "net.bridge.bridge-nf-call-iptables = 0\n")
    (found,) = differing_sysctls(node.host, read_needs(node.host))
    assert found.need
    assert found.need.plugin == "Flannel"
    assert found.line
    assert found.line.file == "/etc/sysctl.d/a.conf"


def test_what_is_not_there_does_not_differ(node: Node) -> None:
    configured(node, "10-x.conflist", FLANNEL)
    assert differing_sysctls(node.host, read_needs(node.host)) == ()


def test_what_cannot_be_read_is_said(node: Node) -> None:
    node.host.path(f"/proc/sys/{FORWARDING.replace('.', '/')}").mkdir(parents=True)
    (found,) = differing_sysctls(node.host, PluginNeeds())
    assert found.unread.startswith(f"{file_of(found.sysctl)}: cannot be read: ")
