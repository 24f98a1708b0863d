"""nodefix/facts/node_name.py: what the cluster calls this node."""

from __future__ import annotations

import base64

import pytest
from fakehost import Node
from fakesystemd import started_by
from liveproxy import CERTIFICATE, KUBELET_CONF, NAME

from nodefix.errors import BusError
from nodefix.facts.node_name import KUBECONFIG, read_node_name

CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
# As an exec plugin or a bootstrap token has it: no certificate.
BARE = KUBELET_CONF[: KUBELET_CONF.index("    client-certificate")] + "    token: abcdef.0123\n"


@pytest.fixture
def kubelet(node: Node) -> Node:
    """A node that was joined by kubeadm."""
    node.systemd.kubelet = started_by("/usr/bin/kubelet")
    node.file(KUBECONFIG, KUBELET_CONF)
    node.file(CURRENT, CERTIFICATE.read_bytes())
    node.file("/proc/sys/kernel/hostname", "Worker-2\n")
    return node


def test_certificate_of_kubelet(kubelet: Node) -> None:
    found = read_node_name(kubelet.host)
    assert (found.name, found.kubeconfig) == (NAME, KUBECONFIG)
    assert found.where == f"the certificate in {CURRENT}"


def test_certificate_goes_before_the_command_line_and_the_hosts_name(kubelet: Node) -> None:
    kubelet.systemd.kubelet = started_by("/usr/bin/kubelet", "--hostname-override=other")
    assert read_node_name(kubelet.host).name == NAME


def test_certificate_in_the_kubeconfig_itself(kubelet: Node) -> None:
    data = base64.b64encode(CERTIFICATE.read_bytes()).decode()
    text = KUBELET_CONF.replace(
        f"client-certificate: {CURRENT}", f"client-certificate-data: {data}"
    )
    kubelet.file(KUBECONFIG, text)
    kubelet.host.path(CURRENT).unlink()
    assert read_node_name(kubelet.host).name == NAME


def test_relative_path_of_a_certificate_starts_at_the_kubeconfig(kubelet: Node) -> None:
    kubelet.file("/etc/kubernetes/pki/me.pem", CERTIFICATE.read_bytes())
    kubelet.file(KUBECONFIG, KUBELET_CONF.replace(CURRENT, "pki/me.pem"))
    assert read_node_name(kubelet.host).name == NAME


def test_kubeconfig_that_kubelets_command_line_names(kubelet: Node) -> None:
    kubelet.host.path(KUBECONFIG).unlink()
    kubelet.file("/var/lib/kubelet/kubeconfig", KUBELET_CONF)
    flag = ("--kubeconfig", "/var/lib/kubelet/kubeconfig")
    kubelet.systemd.kubelet = started_by("/usr/bin/kubelet", *flag)
    found = read_node_name(kubelet.host)
    assert (found.name, found.kubeconfig) == (NAME, "/var/lib/kubelet/kubeconfig")


def test_user_that_is_called_after_the_node(kubelet: Node) -> None:
    kubelet.file(KUBECONFIG, BARE.replace("default-auth", "system:node:worker-3"))
    assert read_node_name(kubelet.host).name == "worker-3"


def test_certificate_and_user_that_disagree_are_no_answer(kubelet: Node) -> None:
    kubelet.file(KUBECONFIG, KUBELET_CONF.replace("default-auth", "system:node:worker-3"))
    found = read_node_name(kubelet.host)
    assert found.name == ""
    assert f"{NAME}" in found.where
    assert "worker-3" in found.where


@pytest.mark.parametrize("flag", ["--hostname-override=Worker-4", "--hostname_override=worker-4"])
def test_name_on_the_command_line(kubelet: Node, flag: str) -> None:
    kubelet.file(KUBECONFIG, BARE)
    kubelet.systemd.kubelet = started_by("/usr/bin/kubelet", "--v=2", flag)
    assert read_node_name(kubelet.host).name == "worker-4"


def test_hosts_name_in_lower_case(kubelet: Node) -> None:
    kubelet.file(KUBECONFIG, BARE)
    found = read_node_name(kubelet.host)
    assert (found.name, found.where) == ("worker-2", "the host's name")


def test_command_line_that_is_not_known_is_no_answer(kubelet: Node) -> None:
    kubelet.file(KUBECONFIG, BARE)
    kubelet.systemd.kubelet = started_by("/usr/local/bin/start", "x")
    assert read_node_name(kubelet.host).name == ""
    kubelet.systemd.failing["service_command"] = BusError("no bus")
    found = read_node_name(kubelet.host)
    assert (found.name, found.hint) == ("", "systemctl cat kubelet.service")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (KUBECONFIG, "a: [\n"),
        (KUBECONFIG, "- a\n"),
        (KUBECONFIG, "current-context: a\ncontexts: []\nusers: []\n"),
        (
            KUBECONFIG,
            KUBELET_CONF.replace(f"client-certificate: {CURRENT}", "client-certificate-data: A"),
        ),
    ],
)
def test_kubeconfig_that_cannot_be_understood_is_no_answer(
    kubelet: Node, path: str, content: str
) -> None:
    kubelet.file(path, content)
    found = read_node_name(kubelet.host)
    assert found.name == ""
    assert found.where.startswith(KUBECONFIG)
    assert found.hint


@pytest.mark.parametrize("path", [KUBECONFIG, CURRENT])
def test_file_that_is_missing_is_no_answer(kubelet: Node, path: str) -> None:
    kubelet.host.path(path).unlink()
    found = read_node_name(kubelet.host)
    assert (found.name, found.where) == ("", f"{path}: cannot be read: No such file or directory")


def test_certificate_without_a_nodes_name_leaves_it_to_the_rest(kubelet: Node) -> None:
    kubelet.file(CURRENT, b"-----BEGIN CERTIFICATE-----\nMAkGA1UEAwwA\n-----END CERTIFICATE-----\n")
    assert read_node_name(kubelet.host).name == "worker-2"


def test_name_that_is_none_is_no_answer(kubelet: Node) -> None:
    kubelet.file(KUBECONFIG, BARE)
    kubelet.file("/proc/sys/kernel/hostname", "a/b?c\n")
    assert read_node_name(kubelet.host).name == ""
