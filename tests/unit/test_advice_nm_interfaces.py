"""nodefix/advice/nm_interfaces.py: NetworkManager and the network plugin's interfaces."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.advice import nm_interfaces
from nodefix.advice.finding import Advice
from nodefix.config import Config

FOLDER = "/etc/NetworkManager/conf.d"
ALL = "interface-name:cali*;interface-name:flannel*;interface-name:cni0;interface-name:veth*"


@pytest.fixture
def managed(node: Node) -> Node:
    """A node on which NetworkManager runs."""
    node.systemd.active.add("NetworkManager.service")
    return node


def judged(node: Node) -> tuple[Advice, ...]:
    return nm_interfaces.judge(nm_interfaces.read(node.host, Config()))


def told(node: Node) -> list[str]:
    """The patterns that are named."""
    found = judged(node)
    return found[0].message.partition("interfaces ")[2].partition(" in no")[0].split(", ")


def test_without_networkmanager(node: Node) -> None:
    assert judged(node) == ()


def test_without_an_entry(managed: Node) -> None:
    (found,) = judged(managed)
    assert found.code == "nm-manages-cni"
    assert found.hint == (
        rf"printf '[keyfile]\nunmanaged-devices+={ALL}\n' >{FOLDER}/99-kubernetes.conf"
        " && systemctl reload NetworkManager"
    )


@pytest.mark.parametrize(
    "content",
    [
        f"[keyfile]\nunmanaged-devices={ALL}\n",
        f"[main]\nplugins=keyfile\n\n[keyfile]\n# site\nunmanaged-devices+={ALL}\n",
        f"[keyfile]\nunmanaged-devices={ALL.replace(';', ',')}\n",
        "[keyfile]\nunmanaged-devices=*;except:interface-name:eth0\n",
        "[keyfile]\nunmanaged-devices=driver:veth;type:bridge;interface-name:~flannel*\n",
        f"[device-pods]\nmatch-device={ALL}\nmanaged=0\n",
    ],
)
@pytest.mark.parametrize("folder", [FOLDER, "/usr/lib/NetworkManager/conf.d"])
def test_with_an_entry(managed: Node, folder: str, content: str) -> None:
    managed.file(f"{folder}/90-x.conf", content)
    assert judged(managed) == ()


def test_the_remedy_is_understood(managed: Node) -> None:
    (found,) = judged(managed)
    written = found.hint.partition("'")[2].partition("'")[0].replace(r"\n", "\n")
    managed.file(f"{FOLDER}/99-kubernetes.conf", written)
    assert judged(managed) == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[keyfile]\nunmanaged-devices=interface-name:cali*\n", ["flannel*", "cni0", "veth*"]),
        (
            f"[keyfile]\nunmanaged-devices={ALL};except:interface-name:cni0\n",
            ["cni0"],
        ),
        (
            "[device-x]\nmatch-device=interface-name:cni0\nmanaged=1\n",
            ["cali*", "flannel*", "cni0", "veth*"],
        ),
        ("no keyfile", ["cali*", "flannel*", "cni0", "veth*"]),
    ],
)
def test_what_is_left(managed: Node, content: str, expected: list[str]) -> None:
    managed.file(f"{FOLDER}/90-x.conf", content)
    assert told(managed) == expected


def test_later_files_count_and_the_same_name_masks(managed: Node) -> None:
    entry = f"[keyfile]\nunmanaged-devices={ALL}\n"
    managed.file("/usr/lib/NetworkManager/conf.d/50-a.conf", entry)
    assert judged(managed) == ()
    managed.file("/run/NetworkManager/conf.d/50-a.conf", "")
    assert len(told(managed)) == 4
    managed.file("/etc/NetworkManager/NetworkManager.conf", entry)
    assert judged(managed) == ()
    managed.file(f"{FOLDER}/60-b.conf", "[keyfile]\nunmanaged-devices=none\n")
    assert len(told(managed)) == 4
    managed.file(f"{FOLDER}/70-c.conf", f"[keyfile]\nunmanaged-devices+={ALL}\n")
    managed.file(f"{FOLDER}/80-d.conf", "[keyfile]\nunmanaged-devices-=interface-name:cni0\n")
    assert told(managed) == ["cni0"]


def test_the_plugin_in_use_decides(managed: Node) -> None:
    managed.file("/etc/cni/net.d/10-calico.conflist", '{"plugins": [{"type": "calico"}]}')
    assert told(managed) == ["cali*", "tunl*", "vxlan.calico"]
    managed.file("/etc/cni/net.d/10-calico.conflist", "{")
    assert len(told(managed)) == 4
