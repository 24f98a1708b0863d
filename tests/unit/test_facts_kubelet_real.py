"""What nodefix and the real kubelet make of the same settings."""

from __future__ import annotations

import pytest
from fakehost import Node
from kubeletsettings import Case, answers, cases

from nodefix.facts.kubelet import wants_swap
from nodefix.facts.kubelet_environment import words_of


@pytest.mark.parametrize("release", answers().kubelet)
def test_each_case_was_put_to_kubelet(release: str) -> None:
    assert set(answers().kubelet[release]) == {case.name for case in cases()}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_nodefix_is_right_or_says_that_it_cannot_tell(node: Node, case: Case) -> None:
    case.lay(node.root)
    node.systemd.kubelet = case.command
    found = wants_swap(node.host)
    if case.cannot_tell:
        assert found.value is None, found
        assert case.cannot_tell in found.where
        assert found.hint
        return
    for release, said in answers().kubelet.items():
        recorded = said[case.name]
        # Else the case says what nodefix makes of what kubelet refuses for another reason.
        assert isinstance(recorded, bool) == (case.nodefix is None), (release, recorded)
        fails = recorded if case.nodefix is None else case.nodefix
        assert found.value is (not fails), (release, recorded, found)


@pytest.mark.parametrize("name", answers().words)
def test_words_are_those_that_systemd_makes(node: Node, name: str) -> None:
    (case,) = (case for case in cases() if case.name == name)
    words = answers().words[name]
    case.lay(node.root)
    if words is not None:
        assert words_of(node.host, case.command) == words
