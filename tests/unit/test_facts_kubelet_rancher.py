"""nodefix/facts/kubelet_rancher.py: what k3s and rke2 tell their kubelet about swap."""

from __future__ import annotations

from typing import Any

import pytest
from fakehost import Node
from fakesystemd import started_by
from kubelets import HEAD

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_rancher import said_by_rancher

CONFIG = "/etc/rancher/k3s/config.yaml"
DROP_INS = "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d"
FORBIDS = "kubelet-arg: fail-swap-on=true\n"


def said(node: Node, *words: str, **other: Any) -> Answer:
    """What a server of k3s says that is started with these words after its role."""
    command = started_by("/usr/local/bin/k3s", "server", *words, **other)
    return said_by_rancher(node.host, "k3s.service", "k3s", command)


def unclear(node: Node, *words: str, **other: Any) -> UnclearError:
    """Why it cannot be told."""
    with pytest.raises(UnclearError) as caught:
        said(node, *words, **other)
    return caught.value


@pytest.mark.parametrize(
    ("main", "drop_in", "wanted"),
    [
        ("kubelet-arg:\n- fail-swap-on=false\n", "", True),
        (FORBIDS, "", False),
        ("kubelet-arg:\n- --fail-swap-on=true\n", "", False),
        ("kubelet-arg:\n- 'fail-swap-on=true'\n", "", False),
        ("kubelet-arg: [v=2, fail-swap-on=true, fail-swap-on=false]\n", "", True),
        ("kubelet-arg: [fail_swap_on=1]\n", "", False),
        (FORBIDS, "kubelet-arg: [v=2]\n", True),
        (FORBIDS, "kubelet-arg+: [v=2]\n", False),
        ("kubelet-arg+: [v=2]\n", "kubelet-arg+: fail-swap-on=true\n", False),
        ("kubelet-arg+: fail-swap-on=true\nkubelet-arg: v=2\n", "", True),
        ("node-label: [a=b]\n", "kubelet-arg: fail-swap-on\n", False),
        # k3s drops the word after one without a value.
        ("kubelet-arg: [fail-swap-on, fail-swap-on=false]\n", "", False),
        ("kube-proxy-arg: [fail-swap-on=true]\nkubelet-arg:\n", "", True),
        ("", "", True),
    ],
)
def test_its_settings(node: Node, main: str, drop_in: str, wanted: bool) -> None:
    node.file(CONFIG, main)
    node.file(f"{CONFIG}.d/10.YML", drop_in)
    node.file(f"{CONFIG}.d/20.txt", FORBIDS)
    node.file(f"{CONFIG}.d/30.yaml/inside.yaml", FORBIDS)
    assert said(node).value is wanted


def test_drop_ins_come_by_name_and_need_no_main_file(node: Node) -> None:
    node.file(f"{CONFIG}.d/9.yaml", FORBIDS)
    node.file(f"{CONFIG}.d/10.yaml", "kubelet-arg: fail-swap-on=false\n")
    where = f"k3s.service: kubelet-arg fail-swap-on=true in {CONFIG}.d/9.yaml"
    assert said(node) == Answer(False, where)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--kubelet-arg", "fail-swap-on=false"), True),
        (("--kubelet-arg=--fail-swap-on=false",), True),
        (("-kubelet-arg=fail-swap-on=false",), True),
        (("--debug", "--node-label", "a=b", "--kubelet-arg=fail-swap-on=0"), True),
        (("--kubelet-arg=v=2",), False),
        (("--", "--kubelet-arg=fail-swap-on=false"), False),
        (("--kubelet-arg=fail-swap-on=false", "--kubelet-arg=fail-swap-on=true"), False),
        (("--config", "/etc/other.yaml"), True),
        (("--config=/etc/other.yaml",), True),
        (("-c", "/etc/other.yaml"), True),
        # Found by whatever comes first.
        (("-c", CONFIG, "-c", "/etc/other.yaml"), False),
    ],
)
def test_its_command_line_comes_after_its_settings(
    node: Node, words: tuple[str, ...], wanted: bool
) -> None:
    node.file(CONFIG, FORBIDS)
    assert said(node, *words).value is wanted


def test_it_says_where(node: Node) -> None:
    where = "k3s.service: kubelet-arg fail-swap-on=true on its command line"
    assert said(node, "--kubelet-arg=fail-swap-on=true") == Answer(False, where)


def test_its_environment(node: Node) -> None:
    node.file("/etc/systemd/system/k3s.service.env", "K3S_CONFIG_FILE='/etc/k3s.yaml'\n")
    node.file("/etc/k3s.yaml", FORBIDS)
    files = [("/etc/systemd/system/k3s.service.env", True)]
    assert said(node, files=files).value is False
    # The variable wins over the flag.
    assert said(node, "--config=/etc/other.yaml", files=files).value is False
    assert said(node).value is True


FAILS, ALLOWS = f"{HEAD}failSwapOn: true\n", f"{HEAD}failSwapOn: false\n"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"50-swap.conf": FAILS}, False),
        ({"50-swap.conf": FAILS, "60.conf": ALLOWS}, True),
        ({"00-k3s-defaults.conf": ALLOWS, "50/swap.conf": FAILS}, False),
        # Written anew at each start, so what it says now is nothing.
        ({"00-k3s-defaults.conf": FAILS}, True),
        ({"10-cli-config.conf": FAILS}, False),
        ({"swap.yaml": FAILS}, True),
        ({"50-swap.conf": f"{HEAD}failSwapOn: null\n"}, False),
    ],
)
def test_kubelets_drop_ins(node: Node, files: dict[str, str], wanted: bool) -> None:
    for name, content in files.items():
        node.file(f"{DROP_INS}/{name}", content)
    assert said(node).value is wanted
    # kubelet's flag is above them.
    assert said(node, f"--kubelet-arg=fail-swap-on={str(wanted).lower()}").value is not wanted


def test_other_files_of_kubelets_are_copied_between_them(node: Node) -> None:
    node.file("/etc/kubelet.yaml", FAILS)
    node.file("/etc/kubelet.d/a.conf", ALLOWS)
    config, folder = (
        "--kubelet-arg=config=/etc/kubelet.yaml",
        "--kubelet-arg=config-dir=/etc/kubelet.d",
    )
    assert said(node, config) == Answer(False, "failSwapOn: true in /etc/kubelet.yaml")
    assert said(node, config, folder).value is True
    node.file(f"{DROP_INS}/10-cli-config.conf", ALLOWS)
    assert said(node, config).value is False
    node.file(f"{DROP_INS}/20-cli-config-dir/b.conf", FAILS)
    assert said(node, folder).value is False
    node.file("/etc/kubelet.d/b.conf", ALLOWS)
    assert said(node, folder).value is True
    assert unclear(node, f"{config}x").hint == "ls -lZ /etc/kubelet.yamlx"


def test_data_elsewhere(node: Node) -> None:
    node.file("/data/agent/etc/kubelet.conf.d/50.conf", FAILS)
    assert said(node).value is True
    assert said(node, "--data-dir=/data").value is False
    assert said(node, "-d", "/data/").value is False
    assert said(node, environment=["K3S_DATA_DIR=/data"]).value is False
    node.file(CONFIG, "data-dir: /data\n")
    assert said(node).value is False
    assert said(node, "--data-dir=/var/lib/rancher/k3s").value is True


def test_rke2_has_paths_of_its_own(node: Node) -> None:
    command = started_by("/usr/bin/rke2", "agent")
    assert said_by_rancher(node.host, "rke2-agent.service", "rke2", command).value is True
    node.file("/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf", FAILS)
    assert said_by_rancher(node.host, "rke2-agent.service", "rke2", command).value is True
    node.file("/etc/rancher/rke2/config.yaml.d/50-swap.yaml", FORBIDS)
    assert said_by_rancher(node.host, "rke2-agent.service", "rke2", command).value is False


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("a: [\n", f"cat -A {CONFIG}"),
        (None, f"ls -lZ {CONFIG}"),
        ("- a list\n", f"cat -A {CONFIG}"),
        ("kubelet-arg: fail-swap-on=maybe\n", f"cat -A {CONFIG}"),
        ("kubelet-arg:\n- fail-swap-on: true\n", f"cat -A {CONFIG}"),
        ("data-dir: data\n", "systemctl cat k3s.service"),
    ],
)
def test_settings_that_cannot_be_understood(node: Node, content: str | None, hint: str) -> None:
    if content is None:
        node.host.path(CONFIG).mkdir(parents=True)
    else:
        node.file(CONFIG, content)
    assert unclear(node).hint == hint


@pytest.mark.parametrize(
    "words",
    [("--config=https://example.com/k3s.yaml",), ("--kubelet-arg=fail-swap-on=maybe",)],
)
def test_words_that_cannot_be_understood(node: Node, words: tuple[str, ...]) -> None:
    assert unclear(node, *words).hint == "systemctl cat k3s.service"


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (("/usr/bin/env", "A=1", "k3s", "server"), True),
        (("/bin/sh", "-c", "exec k3s server --kubelet-arg=fail-swap-on=1"), False),
        (("/bin/sh", "-c", "k3s server $MORE"), True),
        (("/bin/sh", "-c", "k3s server --kubelet-arg=fail-swap-on=1 $MORE"), None),
        (("/opt/start-k3s",), None),
        (("/usr/local/bin/k3s",), None),
    ],
)
def test_other_ways_to_start_it(node: Node, argv: tuple[str, ...], wanted: bool | None) -> None:
    command = started_by(*argv, expands=False)
    if wanted is None:
        with pytest.raises(UnclearError) as caught:
            said_by_rancher(node.host, "k3s.service", "k3s", command)
        assert caught.value.hint == "systemctl cat k3s.service"
    else:
        assert said_by_rancher(node.host, "k3s.service", "k3s", command).value is wanted
