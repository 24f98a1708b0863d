"""What tests/kubernetes builds: pinned whole, and never missing where nobody would see it."""

from __future__ import annotations

import re

import build
import pytest
from testnode import Failed


def test_two_minor_releases_are_pinned_in_a_row() -> None:
    newest, other = (int(release.split(".")[1]) for release in build.RELEASES)
    assert newest == other + 1


@pytest.mark.parametrize("release", build.RELEASES)
def test_what_a_release_is_made_of_is_of_that_release(release: str) -> None:
    module = (build.MODULES / release / "go.mod").read_text()
    assert re.findall(r"(?m)^require (.*)$", module) == [f"{build.KUBERNETES} {release}"]
    replaced = re.findall(r"(?m)^\t(\S+) => (\S+) (\S+)$", module)
    assert len(replaced) > 20
    assert {(old == new, version) for old, new, version in replaced} == {(True, f"v0{release[2:]}")}
    sums = (build.MODULES / release / "go.sum").read_text()
    assert f"{build.KUBERNETES} {release} h1:" in sums


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_programs_that_cannot_be_had_are_told(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    def without(_: object) -> build.Go:
        raise Failed("no route to host")

    monkeypatch.setattr(build, "_go", without)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=r"NO REAL KUBERNETES v1\.\S+: no route to host"):
        build.binaries(build.RELEASES[0])
