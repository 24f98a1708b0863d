"""nodefix/facts/kubeproxy_pod.py: kube-proxy as the container runtime has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from crictl import ENDPOINT, LIST, PROGRAM, container, listed, with_crictl
from fakehost import Node, result

from nodefix.errors import CommandError
from nodefix.facts.kubeproxy_pod import (
    EXITED,
    RUNNING,
    SOCKETS,
    ContainerFacts,
    KubeProxyFacts,
    find_crictl,
    read_kube_proxy,
)

DATA = Path(__file__).parent / "data"
CRICTL = (PROGRAM, "--runtime-endpoint", ENDPOINT)


def test_kube_proxy_runs(node: Node) -> None:
    with_crictl(node, listed(container(attempt=3, created=1764214800)))
    found = read_kube_proxy(node.host)
    expected = ContainerFacts(
        id="8c6f1d2f1d0e4a7f9f0c2b7f6a4d3e2c1b0a99887766554433221100ffeeddcc",
        pod="kube-proxy-x7k2p",
        uid="3f1c7a52-6d55-4b0e-9a52-0c1f4d8e7b61",
        state=RUNNING,
        created_at=1764214800.123456789,
        attempt=3,
    )
    assert found == KubeProxyFacts((expected,), CRICTL)
    assert expected.runs
    assert node.programs.calls == [(*CRICTL, *LIST)]


def test_what_a_real_runtime_printed(node: Node) -> None:
    """Recorded with crictl 1.37.0 and containerd 1.6.20: one that died, and the one after it."""
    with_crictl(node, (DATA / "crictl-ps.json").read_text())
    found = read_kube_proxy(node.host).containers
    assert found is not None
    seen = [(one.pod, one.attempt, one.state, one.created_at) for one in found]
    assert seen == [
        ("kube-proxy-x7k2p", 1, RUNNING, 1795763323.429813818),
        ("kube-proxy-x7k2p", 0, EXITED, 1795763322.272019398),
    ]


def test_what_the_others_take_for_real_has_its_fields() -> None:
    def fields(entry: dict[str, Any]) -> set[str]:
        return {*entry, *entry["labels"], *entry["metadata"]}

    recorded = json.loads((DATA / "crictl-ps.json").read_text())["containers"]
    assert all(fields(entry) == fields(container()) for entry in recorded)


def test_the_newest_comes_first(node: Node) -> None:
    old = container(attempt=4, created=1764214800, state=EXITED)
    new = container(attempt=5, created=1764214900, state=EXITED)
    with_crictl(node, listed(old, new))
    found = read_kube_proxy(node.host).containers
    assert found is not None
    assert [(one.attempt, one.runs) for one in found] == [(5, False), (4, False)]


@pytest.mark.parametrize("printed", ["{}", '{"containers": []}', '{"containers": null}'])
def test_there_is_none(node: Node, printed: str) -> None:
    with_crictl(node, printed)
    assert read_kube_proxy(node.host).containers == ()


def without(*path: str) -> dict[str, Any]:
    entry = container()
    inner = entry
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return entry


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "[]",
        "null",
        "{",
        '{"containers": {}}',
        '{"containers": [1]}',
        listed(without("id")),
        listed(without("createdAt")),
        listed(without("labels", "io.kubernetes.pod.name")),
        listed({**container(), "createdAt": "yesterday"}),
        listed({**container(), "createdAt": 5}),
        "[" * 100000,
    ],
)
def test_another_form_is_unknown(node: Node, printed: str) -> None:
    with_crictl(node, printed)
    found = read_kube_proxy(node.host)
    assert found.containers is None
    assert found.crictl == CRICTL
    assert "cannot be understood" in found.where
    assert found.hint == f"{PROGRAM} --runtime-endpoint {ENDPOINT} info"


def test_the_first_attempt_may_be_left_out(node: Node) -> None:
    with_crictl(node, listed(without("metadata", "attempt")))
    found = read_kube_proxy(node.host).containers
    assert found
    assert found[0].attempt == 0


def test_a_runtime_that_does_not_answer_is_unknown(node: Node) -> None:
    with_crictl(node, "")
    words = "FATA[0000] validate service connection: dial unix /run/x.sock: permission denied"
    node.programs.table[(PROGRAM,)] = result(1, "", words)
    found = read_kube_proxy(node.host)
    assert found.containers is None
    assert "permission denied" in found.where


def test_a_program_that_cannot_be_started_is_unknown(node: Node) -> None:
    with_crictl(node, "")
    node.programs.table[(PROGRAM,)] = CommandError("no such program", "dnf install x")
    found = read_kube_proxy(node.host)
    assert (found.containers, found.where, found.hint) == (None, "no such program", "dnf install x")


def test_no_crictl(node: Node) -> None:
    found = read_kube_proxy(node.host)
    assert found.containers is None
    assert "crictl" in found.where
    assert found.hint == "dnf install cri-tools"
    node.file("/run/ostree-booted")
    assert read_kube_proxy(node.host).hint == ""


def test_no_runtime(node: Node) -> None:
    node.file(PROGRAM)
    found = read_kube_proxy(node.host)
    assert found.containers is None
    assert "found no socket" in found.where
    assert found.hint == "systemctl status containerd.service crio.service"


@pytest.mark.parametrize("program", ["/usr/local/bin/crictl", "/var/lib/rancher/rke2/bin/crictl"])
@pytest.mark.parametrize("socket", SOCKETS)
def test_places_of_the_distributions(node: Node, program: str, socket: str) -> None:
    node.file(program)
    node.file(socket)
    assert find_crictl(node.host) == (program, "--runtime-endpoint", f"unix://{socket}")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (
            "/var/lib/kubelet/kubeadm-flags.env",
            'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/crio/crio.sock'
            ' --pod-infra-container-image=registry.k8s.io/pause:3.10"\n',
        ),
        (
            "/var/lib/kubelet/kubeadm-flags.env",
            'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/crio/crio.sock"\n',
        ),
        (
            "/var/lib/kubelet/config.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\n"
            "containerRuntimeEndpoint: unix:///run/crio/crio.sock\nkind: KubeletConfiguration\n",
        ),
        ("/etc/crictl.yaml", 'runtime-endpoint: "unix:///run/crio/crio.sock"\ntimeout: 2\n'),
        ("/etc/crictl.yaml", "runtime-endpoint: /run/crio/crio.sock\n"),
    ],
)
def test_the_socket_that_the_settings_name_comes_first(node: Node, file: str, content: str) -> None:
    # Docker's containerd has a socket of the usual name without being kubelet's runtime.
    node.file(PROGRAM)
    node.file("/run/containerd/containerd.sock")
    node.file("/run/crio/crio.sock")
    node.file(file, content)
    assert find_crictl(node.host)[2] == "unix:///run/crio/crio.sock"


@pytest.mark.parametrize(
    "content",
    ["containerRuntimeEndpoint: ''\n", "containerRuntimeEndpoint: tcp://127.0.0.1:1\n", "\0\xff"],
)
def test_settings_that_name_none(node: Node, content: str) -> None:
    node.file(PROGRAM)
    node.file("/run/crio/crio.sock")
    node.file("/var/lib/kubelet/config.yaml", content)
    assert find_crictl(node.host)[2] == "unix:///run/crio/crio.sock"


def test_the_list_is_json_as_crictl_prints_it() -> None:
    assert json.loads(listed(container()))["containers"][0]["metadata"]["name"] == "kube-proxy"
