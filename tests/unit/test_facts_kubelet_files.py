"""nodefix/facts/kubelet_files.py: --config, and --config-dir as kubelet walks it."""

from __future__ import annotations

import os

import pytest
from fakehost import Node
from kubelets import CONFIG, HEAD

from nodefix.answer import Answer
from nodefix.errors import UnclearError
from nodefix.facts.kubelet_files import said_by_files

FOLDER = "/etc/kl.d"
OFF, ON = HEAD + "failSwapOn: true\n", HEAD + "failSwapOn: false\n"


def told(node: Node, config: str = "", folder: str = FOLDER) -> Answer:
    return said_by_files(node.host, config, folder)


def unclear(node: Node, config: str = "", folder: str = FOLDER) -> UnclearError:
    with pytest.raises(UnclearError) as caught:
        told(node, config, folder)
    return caught.value


def test_neither(node: Node) -> None:
    assert told(node, folder="").value is False


def test_config(node: Node) -> None:
    node.file(CONFIG, ON)
    assert told(node, CONFIG, "") == Answer(True, f"failSwapOn: false in {CONFIG}")
    node.file(CONFIG, OFF)
    assert told(node, CONFIG, "") == Answer(False, f"failSwapOn: true in {CONFIG}")
    node.file(CONFIG, HEAD + "failSwapOn: null\n")
    assert told(node, CONFIG, "").value is False


def test_later_drop_in_wins_whichever_way(node: Node) -> None:
    node.file(CONFIG, OFF)
    node.file(f"{FOLDER}/10-swap.conf", ON)
    node.file(f"{FOLDER}/50-other.conf", HEAD + "maxPods: 50\n")
    node.file(f"{FOLDER}/90-swap.yaml", OFF)
    assert told(node, CONFIG) == Answer(True, f"failSwapOn: false in {FOLDER}/10-swap.conf")
    node.file(f"{FOLDER}/90-swap.conf", OFF)
    assert told(node, CONFIG).value is False


def test_null_in_a_drop_in_takes_the_value_back(node: Node) -> None:
    node.file(CONFIG, ON)
    node.file(f"{FOLDER}/10.conf", HEAD + "failSwapOn: null\n")
    assert told(node, CONFIG).value is False


def test_sub_folders_in_the_order_of_names(node: Node) -> None:
    node.file(f"{FOLDER}/a.conf", OFF)
    node.file(f"{FOLDER}/b/z.conf", ON)
    assert told(node).where.endswith("/b/z.conf")
    # By name, not by path: the folder "b" comes before "b.conf", whose path sorts first.
    node.file(f"{FOLDER}/b.conf", OFF)
    assert told(node).value is False
    node.file(f"{FOLDER}/b0/a.conf", ON)
    assert told(node).value is True


def test_links(node: Node) -> None:
    node.file("/elsewhere/x.conf", ON)
    node.host.path(FOLDER).mkdir(parents=True)
    # A folder behind a link is not entered, a file is read.
    node.link(f"{FOLDER}/linked", str(node.host.path("/elsewhere")))
    assert told(node).value is False
    node.link(f"{FOLDER}/x.conf", str(node.host.path("/elsewhere/x.conf")))
    assert told(node).value is True
    node.link("/etc/link.d", str(node.host.path("/elsewhere")))
    assert told(node, folder="/etc/link.d").value is False
    assert told(node, folder="/etc/link.d/").value is True


@pytest.mark.parametrize("name", ["swap.conf.rpmsave", "conf", "x.CONF", "x.conf~"])
def test_other_names_are_ignored(node: Node, name: str) -> None:
    node.file(f"{FOLDER}/{name}", "a: [\n")
    assert told(node).value is False


def test_what_cannot_be_read_is_no_answer(node: Node) -> None:
    error = unclear(node, CONFIG, "")
    assert (
        error.message
        == f"{CONFIG} of kubelet's --config: cannot be read: No such file or directory"
    )
    assert error.hint == f"ls -lZ {CONFIG}"
    assert "--config-dir: cannot be read: No such file" in unclear(node).message
    node.host.path(f"{FOLDER}/x.conf").mkdir(parents=True)
    assert told(node).value is False
    node.link(f"{FOLDER}/y.conf", str(node.host.path(FOLDER)))
    assert "y.conf of kubelet's --config-dir: cannot be read: found a dir" in unclear(node).message


def test_pipe_does_not_hang(node: Node) -> None:
    node.host.path("/var/lib/kubelet").mkdir(parents=True)
    os.mkfifo(node.host.path(CONFIG))
    assert "found a named pipe" in unclear(node, CONFIG, "").message


def test_file_without_an_end_is_not_read(node: Node) -> None:
    node.file(CONFIG, ON + "#" * (5 << 20))
    assert "more than 1048576 bytes" in unclear(node, CONFIG, "").message


@pytest.mark.parametrize(("config", "folder"), [("kubelet.yaml", ""), ("", "kubelet.d")])
def test_relative_path(node: Node, config: str, folder: str) -> None:
    error = unclear(node, config, folder)
    assert "expected an absolute path" in error.message
    assert error.hint == "systemctl cat kubelet"


def test_drop_in_that_kubelet_refuses(node: Node) -> None:
    node.file(f"{FOLDER}/a.conf", "failSwapOn: false\n")
    assert "found no kind" in unclear(node).message


def test_hint_can_be_typed_for_a_name_with_a_blank(node: Node) -> None:
    assert unclear(node, "/etc/my kubelet.yaml", "").hint == "ls -lZ '/etc/my kubelet.yaml'"
    node.file("/etc/my kubelet.yaml", "a: [")
    assert unclear(node, "/etc/my kubelet.yaml", "").hint == "cat -A '/etc/my kubelet.yaml'"


def test_folders_in_each_other_without_end(node: Node) -> None:
    node.host.path(FOLDER + "/a" * 300).mkdir(parents=True)
    assert "found more than 100 nested folders" in unclear(node).message
