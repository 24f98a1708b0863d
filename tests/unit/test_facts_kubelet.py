"""nodefix/facts/kubelet.py: whether kubelet is configured to allow swap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fakehost import Node
from fakesystemd import started_by
from kubelets import COMMAND, CONFIG, ENVIRONMENT, FILES, HEAD, SYSCONFIG, from_the_field, kubeadms

from nodefix.answer import Answer
from nodefix.errors import BusError
from nodefix.facts.kubelet import wants_swap
from nodefix.host.units import ServiceCommand

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def kubeadm(node: Node) -> Node:
    """A node with kubelet as kubeadm sets it up."""
    return kubeadms(node)


def silent() -> BusError:
    return BusError("connecting to the system bus failed", "systemctl status dbus.socket")


def in_config(name: str) -> tuple[str, str]:
    return CONFIG, name


FIELD = {
    "01": ((SYSCONFIG, "01-sysconfig-continued"),),
    "02": ((SYSCONFIG, "02-sysconfig-multiline"),),
    "06": (in_config("06-duplicate-key.yaml"),),
    "07": (in_config("07-appended-failSwapOn.yaml"),),
    "08": (in_config("08-two-documents.yaml"),),
    "09": (in_config("09-end-marker.yaml"),),
    "10": (in_config("10-tabs.json"),),
    "16": ((SYSCONFIG, "16-underscores"),),
}


@pytest.mark.parametrize("files", FIELD.values(), ids=FIELD)
def test_what_people_have_met(kubeadm: Node, files: tuple[tuple[str, str], ...]) -> None:
    for path, name in files:
        kubeadm.file(path, from_the_field(name))
    assert wants_swap(kubeadm.host).value is True


def test_04_kubespray(node: Node) -> None:
    line = from_the_field("04-kubespray-unit").decode().split("ExecStart=")[1]
    node.systemd.kubelet = started_by(*line.split(), files=[("/etc/kubernetes/kubelet.env", True)])
    node.file("/etc/kubernetes/kubelet.env", from_the_field("04-kubespray-kubelet.env"))
    node.file("/etc/kubernetes/kubelet-config.yaml", from_the_field("04-kubelet-config.yaml"))
    where = "failSwapOn: false in /etc/kubernetes/kubelet-config.yaml"
    assert wants_swap(node.host) == Answer(True, where)


def test_13_folder_of_drop_ins(node: Node) -> None:
    node.systemd.kubelet = started_by("/usr/bin/kubelet", "--config-dir=/etc/kubernetes/conf.d")
    name = "site/20-swap.conf"
    node.file(f"/etc/kubernetes/conf.d/{name}", from_the_field(f"13-conf.d-subfolder/{name}"))
    assert wants_swap(node.host).value is True


def test_14_started_by_a_shell(kubeadm: Node) -> None:
    text = from_the_field("14-unit-bash-c").decode().split('"')[1]
    kubeadm.systemd.kubelet = started_by("/bin/bash", "-c", text)
    where = "--fail-swap-on=false on kubelet's command line"
    assert wants_swap(kubeadm.host) == Answer(True, where)


def test_17_node_of_k3s(node: Node) -> None:
    node.systemd.loaded = {"k3s.service"}
    node.file("/etc/rancher/k3s/config.yaml", from_the_field("17-etc-rancher-k3s-config.yaml"))
    assert wants_swap(node.host).value is True


@pytest.mark.parametrize(
    ("path", "content", "wanted"),
    [
        ("/etc/rancher/k3s/config.yaml", "kubelet-arg: [fail-swap-on=false]\n", True),
        ("/etc/rancher/rke2/config.yaml", "token: a\n", True),
        ("/etc/microshift/config.yaml", "", True),
        ("/etc/rancher/k3s/config.yaml", "kubelet-arg: [fail-swap-on=true]\n", False),
        ("/etc/rancher/k3s/config.yaml", "kubelet-arg: [\n", None),
    ],
)
def test_settings_of_a_unit_that_has_another_name(
    node: Node, path: str, content: str, wanted: bool | None
) -> None:
    node.file(path, content)
    assert wants_swap(node.host).value is wanted


def test_19_bus_that_does_not_answer(kubeadm: Node) -> None:
    kubeadm.file("/usr/lib/systemd/system/kubelet.service")
    kubeadm.systemd.failing["service_command"] = silent()
    kubeadm.file(CONFIG, HEAD + "failSwapOn: false\n")
    assert wants_swap(kubeadm.host) == Answer(True, f"failSwapOn: false in {CONFIG}")


def test_without_a_bus_the_files_never_say_no(kubeadm: Node) -> None:
    kubeadm.file("/usr/lib/systemd/system/kubelet.service")
    kubeadm.systemd.failing["service_command"] = silent()
    answer = wants_swap(kubeadm.host)
    assert answer.value is None
    assert "systemd did not say how kubelet.service is started: connecting" in answer.where
    assert answer.hint == "systemctl status dbus.socket"


@pytest.mark.parametrize("name", ["kubeadm-flags.env", "default", "sysconfig"])
def test_without_a_bus_the_flags_of_kubeadms_files_count(kubeadm: Node, name: str) -> None:
    kubeadm.file("/etc/systemd/system/kubelet.service")
    kubeadm.systemd.failing["service_command"] = silent()
    path, variable = {
        "kubeadm-flags.env": ("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS"),
        "default": ("/etc/default/kubelet", "KUBELET_EXTRA_ARGS"),
        "sysconfig": (SYSCONFIG, "KUBELET_EXTRA_ARGS"),
    }[name]
    kubeadm.file(path, f'OTHER=1\n{variable}="--v=2 --fail-swap-on=false"\n')
    assert wants_swap(kubeadm.host).value is True


def test_without_a_bus_and_with_a_file_that_cannot_be_read(kubeadm: Node) -> None:
    kubeadm.file("/etc/systemd/system/kubelet.service")
    kubeadm.systemd.failing["service_command"] = silent()
    (kubeadm.root / SYSCONFIG[1:]).mkdir(parents=True)
    answer = wants_swap(kubeadm.host)
    assert answer.value is None
    assert answer.where.startswith(f"{SYSCONFIG}: cannot be read: found a directory")
    assert answer.hint == f"ls -lZ {SYSCONFIG}"


def test_without_a_bus_and_without_kubelet(node: Node) -> None:
    node.systemd.failing["service_command"] = silent()
    assert wants_swap(node.host) == Answer(False, "there is no kubelet.service")
    node.file("/usr/local/lib/systemd/system/rke2-agent.service")
    assert wants_swap(node.host).value is True


@pytest.mark.parametrize("state", ["not-found", "masked"])
def test_no_kubelet(node: Node, state: str) -> None:
    node.systemd.kubelet = ServiceCommand(state)
    assert wants_swap(node.host) == Answer(False, "there is no kubelet.service")


def test_a_kubelet_of_another_name_may_have_left_its_wish(node: Node) -> None:
    node.file(CONFIG, HEAD + "failSwapOn: false\n")
    assert wants_swap(node.host).value is True
    node.file(CONFIG, "a: [\n")
    assert wants_swap(node.host).value is None


@pytest.mark.parametrize("state", ["bad-setting", "error", "loaded"])
def test_unit_that_systemd_cannot_start(node: Node, state: str) -> None:
    node.systemd.kubelet = ServiceCommand(state)
    answer = wants_swap(node.host)
    assert answer == Answer(
        None,
        f"systemd cannot load kubelet.service ({state})",
        "systemd-analyze verify kubelet.service",
    )


def test_nothing_is_said(kubeadm: Node) -> None:
    assert wants_swap(kubeadm.host).value is False


@pytest.mark.parametrize("value", ["false", "False", "FALSE", "0", "f", "F"])
def test_flag_wins_over_the_file(kubeadm: Node, value: str) -> None:
    kubeadm.file(SYSCONFIG, f'KUBELET_EXTRA_ARGS="--fail-swap-on={value} --v=2"\n')
    where = f"--fail-swap-on={value} on kubelet's command line"
    assert wants_swap(kubeadm.host) == Answer(True, where)


def test_flag_that_says_true_wins_over_the_file(kubeadm: Node) -> None:
    kubeadm.file(CONFIG, HEAD + "failSwapOn: false\n")
    kubeadm.systemd.kubelet = started_by("kubelet", f"--config={CONFIG}", "--fail-swap-on=true")
    assert wants_swap(kubeadm.host).value is False


@pytest.mark.parametrize("value", ["fAlse", "no", "", "maybe"])
def test_flag_that_kubelet_refuses(node: Node, value: str) -> None:
    node.systemd.kubelet = started_by("/usr/bin/kubelet", f"--fail-swap-on={value}")
    answer = wants_swap(node.host)
    assert answer.value is None
    assert answer.where.startswith(f"--fail-swap-on={value} on kubelet's command line: expected")
    assert answer.hint == "systemctl cat kubelet"


def test_environment_file_that_cannot_be_read(kubeadm: Node) -> None:
    (kubeadm.root / SYSCONFIG[1:]).mkdir(parents=True)
    answer = wants_swap(kubeadm.host)
    assert answer.value is None
    assert SYSCONFIG in answer.where


def test_release_that_systemd_does_not_tell(kubeadm: Node) -> None:
    """Then it is as without a bus."""
    kubeadm.file("/etc/systemd/system/kubelet.service")
    kubeadm.file(SYSCONFIG, "# a \\\nKUBELET_EXTRA_ARGS=--v=2\n")
    kubeadm.systemd.failing["version"] = silent()
    assert wants_swap(kubeadm.host).value is None


WRAPPED = ["/opt/start-kubelet", "--quick"]


def test_wrapper_that_names_no_kubelet(kubeadm: Node) -> None:
    kubeadm.systemd.kubelet = started_by(*WRAPPED)
    answer = wants_swap(kubeadm.host)
    assert answer.value is None
    assert answer.where == (
        "kubelet.service starts /opt/start-kubelet, not kubelet itself,"
        " so kubelet's flags are not known"
    )
    assert answer.hint == "systemctl cat kubelet.service"
    kubeadm.file(CONFIG, HEAD + "failSwapOn: false\n")
    assert wants_swap(kubeadm.host) == Answer(True, f"failSwapOn: false in {CONFIG}")


@pytest.mark.parametrize(
    ("argv", "value"),
    [
        (("/usr/bin/env", "A=1", "/usr/bin/kubelet", "--v=2"), False),
        (("/usr/bin/env", "A=1", "/usr/bin/kubelet", "--fail-swap-on=0"), True),
        (("/usr/bin/systemd-inhibit", "bash", "-c", "exec kubelet --v=2"), False),
        (("/usr/bin/wrapper", "/usr/bin/kubelet", "--v=2"), None),
        (("/usr/bin/wrapper", "/usr/bin/kubelet", "--fail-swap-on=0"), True),
        (("/bin/sh", "-c", "kubelet $MORE"), None),
        (("/bin/sh", "-c", "kubelet --fail-swap-on=false $MORE"), True),
        (("/bin/sh", "/opt/kubelet.sh"), None),
    ],
)
def test_other_ways_to_start_it(node: Node, argv: tuple[str, ...], value: bool | None) -> None:
    node.systemd.kubelet = started_by(*argv, expands=False)
    assert wants_swap(node.host).value is value


def test_unset_environment_is_seen(kubeadm: Node) -> None:
    kubeadm.file(CONFIG, HEAD + "failSwapOn: false\n")
    kubeadm.systemd.kubelet = started_by(
        *COMMAND, environment=ENVIRONMENT, files=FILES, unset=("KUBELET_CONFIG_ARGS",)
    )
    assert wants_swap(kubeadm.host).value is False


@pytest.mark.real_commands
def test_the_gate_can_ask_without_heavy_imports() -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(TOP)!r}]\n"
        "import nodefix.facts.kubelet; print(*sys.modules)"
    )
    argv = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    assert not {"sh", "yaml", "gi", "pydbus", "systemd"} & set(done.stdout.split())
