"""The real kubelet reads its settings as nodefix's unit tests have it recorded."""

from __future__ import annotations

import pytest
from build import RELEASES, binaries
from kubeletsettings import Answers, answers, cases
from realkubelet import all_of, by_systemd, minor, switches

from nodefix.facts.kubelet_refused import SWITCHES

_AGAIN = "if kubelet has changed: record anew, as tests/kubernetes/realkubelet.py says"


@pytest.fixture(scope="module")
def recorded() -> Answers:
    """What was recorded, of the releases that are pinned."""
    found = answers()
    assert set(found.kubelet) == {minor(release) for release in RELEASES}, _AGAIN
    return found


def test_systemd_makes_the_recorded_words(recorded: Answers) -> None:
    assert by_systemd() == recorded.words


@pytest.mark.parametrize("release", RELEASES)
def test_kubelet_gives_the_recorded_answers(recorded: Answers, release: str) -> None:
    found = all_of(binaries(release).kubelet, recorded.words)
    said = recorded.kubelet[minor(release)]
    differing = {name: (said.get(name), now) for name, now in found.items() if said[name] != now}
    assert not differing, _AGAIN
    assert set(said) == {case.name for case in cases()}, _AGAIN


@pytest.mark.parametrize("release", RELEASES)
def test_flags_that_take_no_word_are_known(release: str) -> None:
    flags = switches(binaries(release).kubelet)
    assert {name for name, is_switch in flags.items() if is_switch} <= SWITCHES
    assert not SWITCHES & {name for name, is_switch in flags.items() if not is_switch}
