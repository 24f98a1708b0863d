"""The faults on tests/PROOF.md: written when all were made, held against the list of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import faultlist
import faulttable
import proof
import pytest
from faultnode import Outcome

_POINTS = [faultlist.Point("/usr/bin/nodefix", "rename", number + 1) for number in range(9)]
_EVERY = faultlist.every(1, _POINTS)
# What part of the faults that there are now stands on the page at least.
_MOST = 0.9


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the page, with other folders for what is written beside it."""
    copy = tmp_path / "PROOF.md"
    copy.write_text(proof.PAGE.read_text())
    monkeypatch.setattr(proof, "PAGE", copy)
    monkeypatch.setattr(faulttable, "BUILD", tmp_path / "build")
    return copy


def _outcomes() -> list[Outcome]:
    """Of all faults, each boot by itself: one did not hold, two could not be made."""
    found = [
        Outcome({name: value for name, value in fault.items() if name != "boots"}, [], "", 1.5)
        for fault in _EVERY
        for _ in range(fault.get("boots", 1))
    ]
    found[0] = found[0]._replace(wrong=["it took 300 s"])
    found[1] = found[1]._replace(skipped="/proc/a: covered already")
    found[2] = found[2]._replace(skipped="/proc/b: covered already", seconds=0.0)
    return found


def _rows(text: str) -> dict[str, list[int]]:
    """The rows of the table on the page: title to tried, held, else, left out."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:2] == "| "]
    return {row[0]: [int(cell.replace(",", "")) for cell in row[1:]] for row in cells[1:]}


def _hold(text: str) -> None:
    """Hold the table against the list of faults."""
    found = _rows(text)
    assert [*found] == [*faulttable.TITLES.values(), "all"]
    assert all(tried == held + other for tried, held, other, _ in found.values())
    everything = found.pop("all")
    assert everything == [sum(column) for column in zip(*found.values(), strict=True)]
    counted = faulttable.counted(faultlist.every(1, []))
    for group, title in faulttable.TITLES.items():
        # A path that nodefix begins to read need not wait for an hour of faults.
        assert found[title][0] + found[title][3] >= _MOST * counted[group], title


def test_the_page_shows_the_faults_that_there_are_now() -> None:
    if not proof.is_written(proof.FAULTS):
        pytest.skip(f"tests/PROOF.md has no faults yet: {proof.FAULTS} writes them")
    try:
        _hold(proof.block(proof.FAULTS))
    except AssertionError as error:
        raise AssertionError(f"out of date; fix: {proof.FAULTS}") from error


def test_all_outcomes_are_written_onto_the_page(page: Path) -> None:
    before = page.read_text()
    said = faulttable.write(_outcomes(), "faults", 3000, _EVERY)
    text = proof.block(proof.FAULTS)
    _hold(text)
    assert "2 were left out, since they cannot be made on this node (2: covered already)." in text
    assert "took 50 minutes" in text
    assert _rows(text)["all"][2:] == [1, 2]
    assert "left as it is" not in said
    assert re.search(r"(?m)^all +\d+ +\d+ +1$", said)
    # What stands around the block is as it was.
    rest = page.read_text().split(text)
    assert before.startswith(rest[0])
    assert before.endswith(rest[1])
    assert [file.name for file in sorted(page.parent.iterdir())] == ["PROOF.md", "build"]


@pytest.mark.parametrize(
    "part",
    [
        lambda found: [
            Outcome(fault, [], "", 1.5) for fault in faultlist.quick([one.fault for one in found])
        ],
        lambda found: found[1:],
        lambda found: [one for one in found if one.fault["group"] != "kill"],
        lambda found: [one for one in found if one.fault["group"] != "boots"],
        # The harness broke down beneath it.
        lambda found: [*found[:-1], found[-1]._replace(wrong=["it has no outcome"], seconds=0.0)],
    ],
    ids=["selection", "one", "kill", "boots", "broken-down"],
)
def test_a_part_of_them_leaves_the_page_as_it_is(
    page: Path, part: Callable[[list[Outcome]], list[Outcome]]
) -> None:
    before = page.read_text()
    said = faulttable.write(part(_outcomes()), "faults", 60, _EVERY)
    assert re.search(r"[1-9]\d* faults were not made, so tests/PROOF.md is left as it is\n$", said)
    assert page.read_text() == before
