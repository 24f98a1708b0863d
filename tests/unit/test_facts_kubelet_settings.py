"""nodefix/facts/kubelet_settings.py: a distribution's settings file and its unit's flags."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.errors import UnclearError
from nodefix.facts.kubelet_settings import mapping, names_in, values_of


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--a=1", "--b=2", "--a", "3"], ["1", "3"]),
        (["-a=1", "---a=2", "a=3", "--ab=4"], ["1"]),
        (["--b", "--a", "1", "--", "--a=2"], ["1"]),
        (["--a"], [""]),
    ],
)
def test_values_of_a_flag(words: list[str], found: list[str]) -> None:
    assert values_of(words, "a") == found


def test_file_that_is_not_there_is_empty(node: Node) -> None:
    assert mapping(node.host, "/etc/none.yaml") == {}


def test_folder_that_cannot_be_listed(node: Node) -> None:
    assert names_in(node.host, "/etc/none") == []
    node.file("/etc/a", "")
    with pytest.raises(UnclearError) as caught:
        names_in(node.host, "/etc/a")
    assert caught.value.hint == "ls -ldZ /etc/a"
