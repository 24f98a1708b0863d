"""nodefix/facts/yaml_files.py: files of settings, and folders of them."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts import yaml_files
from nodefix.facts.yaml_files import mapping_in, names_in


def test_file_that_is_not_there_is_empty(node: Node) -> None:
    assert mapping_in(node.host, "/etc/none.yaml") == {}


def test_names_come_by_their_bytes(node: Node) -> None:
    for name in ("b", "B", "\ue000", "\U0001f600", "10", "9"):
        node.file(f"/etc/d/{name}")
    node.file("/etc/d/folder/x")
    found = ["10", "9", "B", "b", "\ue000", "\U0001f600"]
    assert names_in(node.host, "/etc/d") == found
    # Python would sort surrogates, which stand for other bytes, elsewhere.
    node.file("/etc/d/\udcff")
    assert names_in(node.host, "/etc/d", with_folders=True)[-3:] == [*found[-2:], "\udcff"]
    assert "folder" in names_in(node.host, "/etc/d", with_folders=True)


def test_folder_that_cannot_be_listed(node: Node) -> None:
    assert names_in(node.host, "/etc/none") == []
    node.file("/etc/a", "")
    with pytest.raises(UnclearError) as caught:
        names_in(node.host, "/etc/a")
    assert caught.value.hint == "ls -ldZ /etc/a"


def test_folder_with_too_much_in_it_is_no_folder_with_less(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_files, "MOST", 2)
    for name in "abc":
        node.file(f"/etc/d/{name}")
    with pytest.raises(UnclearError, match="found more than 2 entries"):
        names_in(node.host, "/etc/d")
