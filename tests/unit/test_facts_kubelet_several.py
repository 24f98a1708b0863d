"""nodefix/facts/kubelet.py: a node with several units that start a kubelet."""

from __future__ import annotations

from typing import Any

import pytest
from fakehost import Node
from fakesystemd import started_by
from kubelets import CONFIG, HEAD, kubeadms

from nodefix.answer import Answer
from nodefix.errors import BusError
from nodefix.facts.kubelet import wants_swap
from nodefix.host.units import ServiceCommand, ServiceState, UnitState


@pytest.fixture
def kubeadm(node: Node) -> Node:
    """A node with kubelet as kubeadm sets it up."""
    return kubeadms(node)


def test_kubelet_and_k3s_that_do_not_agree(kubeadm: Node) -> None:
    kubeadm.systemd.loaded = {"k3s.service"}
    answer = wants_swap(kubeadm.host)
    assert answer == Answer(
        None,
        "kubelet.service and k3s.service both start a kubelet and disagree about swap: kubelet's"
        " settings do not say failSwapOn: false; k3s.service starts kubelet with failSwapOn:"
        " false; disable the one that this node does not use",
        "systemctl list-unit-files kubelet.service k3s.service",
    )
    kubeadm.file(CONFIG, HEAD + "failSwapOn: false\n")
    assert wants_swap(kubeadm.host).value is True


def installed(name: str, file_state: str, active: str = "inactive", job: bool = False) -> Any:
    """A unit by its name, for FakeSystemd.services."""
    return {name: ServiceState(name, UnitState("loaded", active, "dead", job), file_state)}


@pytest.mark.parametrize(
    ("kubelet", "k3s", "wanted"),
    [
        (("disabled",), ("enabled",), True),
        (("enabled",), ("disabled",), False),
        (("disabled",), ("disabled",), None),
        (("static",), ("enabled",), None),
        (("disabled", "activating"), ("disabled",), False),
        (("disabled", "failed"), ("enabled",), None),
        (("disabled", "inactive", True), ("enabled",), None),
    ],
)
def test_units_that_are_only_installed_do_not_count(
    kubeadm: Node, kubelet: Any, k3s: Any, wanted: bool | None
) -> None:
    kubeadm.systemd.loaded = {"k3s.service"}
    kubeadm.systemd.services = {
        **installed("kubelet.service", *kubelet),
        **installed("k3s.service", *k3s),
    }
    assert wants_swap(kubeadm.host).value is wanted


def test_all_units_of_distributions_count(node: Node) -> None:
    node.systemd.loaded = {"k3s.service", "k3s-agent.service", "rke2-server.service"}
    assert wants_swap(node.host).value is True
    node.systemd.commands["rke2-server.service"] = started_by(
        "/usr/local/bin/rke2", "server", "--kubelet-arg=fail-swap-on=true"
    )
    assert "k3s.service and rke2-server.service" in wants_swap(node.host).where
    # One that nobody understands is not outvoted.
    node.systemd.commands["rke2-server.service"] = started_by("/opt/start")
    assert wants_swap(node.host).where.startswith("rke2-server.service starts /opt/start, not rke2")
    node.systemd.commands["rke2-server.service"] = ServiceCommand("bad-setting")
    assert wants_swap(node.host).hint == "systemd-analyze verify rke2-server.service"


def test_a_controller_that_starts_no_kubelet_has_no_say(kubeadm: Node) -> None:
    kubeadm.systemd.loaded = {"k0scontroller.service"}
    kubeadm.systemd.commands["k0scontroller.service"] = started_by("k0s", "controller")
    assert wants_swap(kubeadm.host).value is False
    kubeadm.systemd.kubelet = ServiceCommand("not-found")
    where = "no kubelet is started by k0scontroller.service"
    assert wants_swap(kubeadm.host) == Answer(True, where)


def test_without_a_bus_all_units_count_and_none_says_no(kubeadm: Node) -> None:
    kubeadm.systemd.failing["service_command"] = BusError("no answer")
    kubeadm.file("/etc/systemd/system/k3s.service")
    assert wants_swap(kubeadm.host).value is True
    kubeadm.file("/usr/lib/systemd/system/kubelet.service")
    assert wants_swap(kubeadm.host).value is None
    kubeadm.file(CONFIG, HEAD + "failSwapOn: false\n")
    assert wants_swap(kubeadm.host).value is True
    kubeadm.file("/etc/rancher/k3s/config.yaml", "kubelet-arg: fail-swap-on=true\n")
    assert "systemd did not say how k3s.service is started" in wants_swap(kubeadm.host).where
