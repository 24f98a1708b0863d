"""nodefix/facts/cni.py: the network plugins' configuration and programs."""

from __future__ import annotations

import json

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts.cni import CniFacts, read_cni

FLANNEL = {
    "name": "cbr0",
    "cniVersion": "0.3.1",
    "plugins": [
        {"type": "flannel", "delegate": {"hairpinMode": True}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
FILE = "/etc/cni/net.d/10-flannel.conflist"
CRIO = '[crio.network]\nnetwork_dir = "/etc/cni/other/"\nplugin_dirs = ["/usr/libexec/cni/"]\n'


def test_none(node: Node) -> None:
    assert read_cni(node.host) == CniFacts()
    node.file("/etc/cni/net.d/.keep")
    node.file("/etc/cni/net.d/README.md")
    assert read_cni(node.host).file == ""


def test_each_plugin_is_looked_for(node: Node) -> None:
    node.file(FILE, json.dumps(FLANNEL))
    node.file("/opt/cni/bin/flannel")
    found = read_cni(node.host)
    assert (found.file, found.plugins, found.missing) == (
        FILE,
        ("flannel", "portmap"),
        ("portmap",),
    )


def test_the_first_by_name_counts_and_a_conf_is_one_plugin(node: Node) -> None:
    node.file(FILE, json.dumps(FLANNEL))
    node.file("/etc/cni/net.d/05-bridge.conf", '{"name": "a", "type": "bridge"}')
    found = read_cni(node.host)
    assert (found.file, found.plugins) == ("/etc/cni/net.d/05-bridge.conf", ("bridge",))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"plugins": [1]}', "[" * 100000])
def test_not_understood(node: Node, content: str) -> None:
    node.file(FILE, content)
    with pytest.raises(UnclearError, match="found no CNI configuration"):
        read_cni(node.host)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (
            "/etc/containerd/config.toml",
            "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n"
            "bin_dirs = ['/usr/libexec/cni', '/opt/other']\nconf_dir = '/etc/cni/other'\n",
        ),
        (
            "/etc/containerd/config.toml",
            'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n'
            'bin_dir = "/usr/libexec/cni/"\nconf_dir = "/etc/cni/other"\n',
        ),
        (
            "/etc/crio/crio.conf.d/10-crio.conf",
            CRIO,
        ),
        (
            "/etc/crio/crio.conf",
            CRIO,
        ),
    ],
)
def test_folders_of_the_runtime(node: Node, file: str, content: str) -> None:
    node.file(file, content)
    node.file("/etc/cni/other/10-flannel.conflist", json.dumps(FLANNEL))
    for name in ("flannel", "portmap"):
        node.file(f"/usr/libexec/cni/{name}")
    found = read_cni(node.host)
    assert (found.file, found.missing) == ("/etc/cni/other/10-flannel.conflist", ())
    assert found.programs[0] == "/usr/libexec/cni"


@pytest.mark.parametrize("content", ["x", "\0", "a = " + "[" * 5000, "bin_dir = 1\n", "bin_dir=''"])
def test_settings_that_say_nothing(node: Node, content: str) -> None:
    node.file("/etc/containerd/config.toml", content)
    assert read_cni(node.host) == CniFacts()


def test_k3s_brings_its_own(node: Node) -> None:
    file = "/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist"
    node.file(file, json.dumps(FLANNEL))
    found = read_cni(node.host)
    assert (found.bundled, found.file, found.missing) == (True, file, ())
    assert [entry["type"] for entry in found.entries] == ["flannel", "portmap"]


def test_the_programs_that_count_are_those_of_the_first_file(node: Node) -> None:
    node.file("/etc/cni/net.d/00-multus.conf", '{"name": "m", "type": "multus"}')
    node.file(FILE, json.dumps(FLANNEL))
    found = read_cni(node.host)
    assert found.plugins == found.missing == ("multus",)
    assert [entry["type"] for entry in found.entries] == ["multus", "flannel", "portmap"]
    assert found.files == ("/etc/cni/net.d/00-multus.conf", FILE)
