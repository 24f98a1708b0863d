"""tests/PROOF.md: each block is a command's, and its figures are of what is measured now."""

from __future__ import annotations

import os
import re
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import marked
import picture
import proof
import pytest
import table

PAGE = proof.PAGE.read_text()
COMMANDS = (proof.SPEED, proof.FAULTS, proof.SAFETY)
UNITS = sorted((proof.TOP / "systemd").glob("*.service"))
TARGETS = {
    f"{title}: {row.what}": row.target
    for title, rows in table.SECTIONS
    for row in rows
    if row.target
}


def speed() -> list[list[str]]:
    """The rows of the table of speed; a skip where nobody has measured them."""
    if not proof.is_written(proof.SPEED):
        pytest.skip(f"tests/PROOF.md has no figures of speed yet: {proof.SPEED} writes them")
    lines = proof.block(proof.SPEED).splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]


def test_each_block_stands_below_its_command_which_is_there() -> None:
    assert tuple(found["name"] for found in proof.FORM.block.finditer(PAGE)) == COMMANDS
    for command in COMMANDS:
        section = PAGE.partition(f"<!-- written by {command} -->")[0].rpartition("\n## ")[2]
        assert f"`{command}`" in section
        assert os.access(proof.TOP / command.split()[0], os.X_OK)


def test_no_figure_stands_beside_the_blocks() -> None:
    beside = proof.FORM.block.sub("", PAGE)
    assert re.findall(r"(?<!Debian )\b\d+\b", beside) == []


def test_the_readme_leads_to_the_page() -> None:
    assert "](tests/PROOF.md)" in (proof.TOP / "README.md").read_text()


def test_the_page_has_each_comparison_with_its_target() -> None:
    shown = [(what, target) for what, _, _, _, target, _ in speed()]
    assert shown == [(what, str(target)) for what, target in TARGETS.items()], f"fix: {proof.SPEED}"


@pytest.mark.parametrize("what", TARGETS)
def test_a_target_is_met_or_not_as_the_figures_say(what: str) -> None:
    target = TARGETS[what]
    ((_, left, right, ratio, _, met),) = (row for row in speed() if row[0] == what)
    assert met == ("yes" if target.met(table.figure(left if target.unit else ratio)) else "NO")
    # The ratio is that of the figures, each of which was rounded.
    low, high = (
        (table.figure(left) + by) / (table.figure(right) - by)
        for by in (-half_a_digit(left, right), half_a_digit(left, right))
    )
    assert low - 0.005 <= table.figure(ratio) <= high + 0.005


def half_a_digit(*cells: str) -> float:
    """What rounding may have taken from or added to one of them."""
    return max(0.05 if "." in cell else 0.5 if cell.split()[1:] else 0 for cell in cells)


def test_page_and_picture_are_of_one_run() -> None:
    drawn, rows = picture_text(), speed()
    (python,) = re.findall(r"`python3 -c pass` takes ([\d.,]+) ms", proof.block(proof.SPEED))
    delay = next(row[1] for row in rows if "delay" in row[0])
    for bar, shown in (("python3 -c pass", python), ("kubelet's delay by nodefix at boot", delay)):
        (label,) = re.findall(rf">{bar}</text>(?:\n.*){{2}}\n<text [^>]*>([^<]*)</text>", drawn)
        value, unit = label.split()
        milliseconds = float(value) * (1000 if unit == "s" else 1)
        # The one is rounded otherwise than the other.
        assert milliseconds == pytest.approx(table.figure(shown), rel=0.05, abs=0.6)


def picture_text() -> str:
    """The picture of the bench."""
    return (proof.TOP / "tests/bench/picture.svg").read_text()


def test_the_picture_is_as_it_is_drawn_now() -> None:
    assert f"<style>{picture.STYLE}</style>" in picture_text(), f"fix: {proof.SPEED}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_has_a_ground_of_its_own(scheme: str) -> None:
    assert re.search(r'</style>\n<rect class="ground" width="100%" height="100%"/>', picture_text())
    light, _, dark = picture.STYLE.partition("@media (prefers-color-scheme: dark)")
    rules = light if scheme == "light" else dark
    text, ground = (
        re.findall(rf"(?m)^ *{name} {{[^}}]*fill: #(\w\w)", rules) for name in ("text", r"\.ground")
    )
    # The one is light where the other is dark.
    assert abs(int(text[0], 16) - int(ground[0], 16)) > 150


def test_no_name_in_the_picture_covers_another() -> None:
    places = re.findall(r'<text x="\S+" y="(\S+)" class="name"', picture.picture(figures()))
    heights = sorted(map(float, places))
    assert [high - low for low, high in pairwise(heights)] == [picture.LINE] * 2


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_names_the_file_of_its_reasons(unit: Path) -> None:
    (named,) = re.findall(r"and why not others: (\S+)\.\n", unit.read_text())
    assert (proof.TOP / named).is_file()


def figures() -> dict[str, Any]:
    """Of a bench in which everything took as long as everything else."""
    case = {
        "seconds": [0.1, 0.1],
        "cpu_seconds": [0.1],
        "own_kib": 10 << 10,
        "child_kib": 3 << 10,
        "processes": 5,
    }
    return {
        name: case for _, rows in table.SECTIONS for row in rows for name in (row.left, row.right)
    }


def test_what_was_measured_in_part_is_not_whole() -> None:
    whole = figures()
    assert table.lacking(whole) == []
    for name in whole:
        assert table.lacking({key: whole[key] for key in whole if key != name})
    assert "empty nodefix: own_kib" in table.lacking({**whole, "empty nodefix": {"seconds": [1]}})


def test_the_page_says_where_it_was_measured_and_what_is_met() -> None:
    text = table.page(figures(), table.Place(4, 0.5, "257"))
    assert text.count("| yes |") + text.count("| NO |") == len(TARGETS)
    met = text.count("| yes |")
    assert f"{met} of {len(TARGETS)} targets are met." in text
    assert "4 processors, on which `python3 -c pass` takes 100 ms" in text
    assert "systemd 257. Times are medians, of 2 to 2 runs." in text
    assert "busy" not in text
    assert "busy (load 2.5, 4 processors)" in table.page(figures(), table.Place(4, 2.5, "257"))


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the page."""
    copy = tmp_path / "PROOF.md"
    copy.write_text(PAGE)
    copy.chmod(0o640)
    monkeypatch.setattr(proof, "PAGE", copy)
    return copy


@pytest.mark.parametrize("command", COMMANDS)
def test_writing_a_block_touches_nothing_else(page: Path, command: str) -> None:
    before = proof.block(command)
    proof.write(command, "new\n")
    assert page.read_text() == PAGE.replace(f"{command} -->\n{before}", f"{command} -->\nnew\n")
    proof.write(command, before)
    assert page.read_text() == PAGE
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


def test_a_page_without_the_block_is_told(page: Path) -> None:
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="found no block of `tests/bench/run`, expected one"):
        proof.write(proof.SPEED, "new\n")
    assert page.read_text() == "nothing\n"


def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, content: str) -> None:
        with file.open("w") as opened:
            opened.write(content[:100])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        proof.write(proof.SPEED, "new\n")
    assert page.read_text() == PAGE
    assert list(page.parent.iterdir()) == [page]


def test_a_bar_in_a_cell_ends_no_cell() -> None:
    text = marked.table(("what", "costs"), [("`A|B`", "1.0")], ("costs",))
    assert text == "| what | costs |\n|---|---:|\n| `A\\|B` | 1.0 |\n"
