"""nodefix/facts/kubelet.py: whether kubelet is told to live with swap."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.errors import BusError
from nodefix.facts.kubelet import wants_swap

CONFIG = "/var/lib/kubelet/config.yaml"
# As kubeadm's drop-in has it.
COMMAND = [
    "/usr/bin/kubelet",
    "$KUBELET_KUBECONFIG_ARGS",
    "$KUBELET_CONFIG_ARGS",
    "$KUBELET_KUBEADM_ARGS",
    "$KUBELET_EXTRA_ARGS",
]
ENVIRONMENT = [
    "KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf",
    f"KUBELET_CONFIG_ARGS=--config={CONFIG}",
]
FILES = [("/var/lib/kubelet/kubeadm-flags.env", True), ("/etc/sysconfig/kubelet", True)]


@pytest.fixture
def kubeadm(node: Node) -> Node:
    """A node with kubelet as kubeadm sets it up."""
    node.systemd.kubelet = (COMMAND, ENVIRONMENT, FILES)
    node.file(CONFIG, "kind: KubeletConfiguration\nclusterDNS: [10.96.0.10]\n")
    return node


def with_flags(node: Node, *words: str) -> str:
    node.systemd.kubelet = (["/usr/bin/kubelet", *words], [], [])
    return wants_swap(node.host)


def test_no_kubelet(node: Node) -> None:
    assert wants_swap(node.host) == ""


def test_no_bus(kubeadm: Node) -> None:
    kubeadm.file(CONFIG, "failSwapOn: false\n")
    kubeadm.systemd.failing["service_command"] = BusError("no bus")
    assert wants_swap(kubeadm.host) == ""


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("failSwapOn: false\n", True),
        ("failSwapOn: true\n", False),
        ("failSwapOn: 'false'\n", False),
        ("kind: KubeletConfiguration\n", False),
        ("", False),
        ("- failSwapOn: false\n", False),
        ("a: [\n", False),
        ("\xff", False),
    ],
)
def test_kubelets_file(kubeadm: Node, content: str, wanted: bool) -> None:
    kubeadm.file(CONFIG, content.encode("latin-1"))
    assert wants_swap(kubeadm.host) == (f"failSwapOn: false in {CONFIG}" if wanted else "")


def test_odd_tag_in_kubelets_file(kubeadm: Node) -> None:
    kubeadm.file(CONFIG, "failSwapOn: !!bool perhaps\n")
    assert wants_swap(kubeadm.host) == ""


def test_kubelets_file_is_missing(kubeadm: Node) -> None:
    (kubeadm.root / CONFIG[1:]).unlink()
    assert wants_swap(kubeadm.host) == ""


def test_later_drop_in_wins_whichever_way(kubeadm: Node) -> None:
    kubeadm.systemd.kubelet = (["kubelet", "--config", CONFIG, "--config-dir=/etc/kl.d"], [], [])
    kubeadm.file(CONFIG, "failSwapOn: true\n")
    kubeadm.file("/etc/kl.d/10-swap.conf", "failSwapOn: false\n")
    kubeadm.file("/etc/kl.d/50-other.conf", "maxPods: 50\n")
    kubeadm.file("/etc/kl.d/90-swap.yaml", "failSwapOn: true\n")
    assert wants_swap(kubeadm.host) == "failSwapOn: false in /etc/kl.d/10-swap.conf"
    kubeadm.file("/etc/kl.d/90-swap.conf", "failSwapOn: true\n")
    assert wants_swap(kubeadm.host) == ""


@pytest.mark.parametrize("value", ["false", "False", "0", "f", "F"])
def test_flag_wins_over_the_file(kubeadm: Node, value: str) -> None:
    kubeadm.file("/etc/sysconfig/kubelet", f'KUBELET_EXTRA_ARGS="--fail-swap-on={value} --v=2"\n')
    assert wants_swap(kubeadm.host) == f"--fail-swap-on={value} on kubelet's command line"


@pytest.mark.parametrize("words", [("--fail-swap-on",), ("--fail-swap-on", "false"), ("--v", "2")])
def test_flag_that_says_true_or_nothing(node: Node, words: tuple[str, ...]) -> None:
    assert with_flags(node, *words) == ""


def test_flag_that_says_true_wins_over_the_file(kubeadm: Node) -> None:
    kubeadm.file(CONFIG, "failSwapOn: false\n")
    assert with_flags(kubeadm, f"--config={CONFIG}", "--fail-swap-on=true") == ""


def test_environment_of_every_form(node: Node) -> None:
    node.file("/etc/sysconfig/kubelet", "# a comment\n\nDIR='/etc/kl'\nODD=it's\nno assignment\n")
    node.file("/etc/kl/c.yaml", "failSwapOn: false\n")
    node.systemd.kubelet = (
        ["/usr/bin/kubelet", "--config=${DIR}/c.yaml", "$ODD", "$MISSING", "${MISSING}"],
        ["DIR=/nowhere"],
        [("/etc/sysconfig/kubelet", True), ("/etc/missing", True)],
    )
    assert wants_swap(node.host) == "failSwapOn: false in /etc/kl/c.yaml"
