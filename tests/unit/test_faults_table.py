"""Each boot in a row counts by itself in the table of the faults, and none gets lost."""

from __future__ import annotations

import json

import faultnode
import faulttable

_ROW = {"group": "boots", "kind": "in a row", "value": 7, "boots": 3, "tools": ["/usr/bin/a"]}
_TOOL = {"group": "tools", "kind": "missing", "target": "/usr/bin/a"}


def _rows(*lines: tuple[int, list[str]]) -> list[tuple[int, int, int]]:
    """Tried, held, else of what was tried, the sum last."""
    said = [json.dumps([number, wrong, 0.5]) for number, wrong in lines]
    table = faulttable.rows(faultnode.outcomes([_ROW, _TOOL], said))
    return [row[1:] for row in table]


def test_each_boot_of_a_row_counts() -> None:
    lines = [(0, []), (1, []), (0, ["it took 300 s", "it ended with 9"]), (0, [])]
    assert _rows(*lines) == [(1, 1, 0), (3, 2, 1), (4, 3, 1)]


def test_what_was_not_told_did_not_hold() -> None:
    assert _rows((0, []), (0, ["the harness ended with 9"])) == [(1, 0, 1), (3, 1, 2), (4, 1, 3)]


def test_what_the_node_cannot_have_broken_was_not_tried() -> None:
    assert _rows((1, ["-/usr/bin/a: covered already"]), *[(0, [])] * 3) == [(3, 3, 0), (3, 3, 0)]


def test_a_boot_is_named_by_its_row_and_number() -> None:
    found = faultnode.outcomes([_ROW], ["[0, [], 1.0]", '[0, ["it ended with 9"], 2.0]'])
    assert faulttable.described(found[1]) == "boots in a row 7 boot 2"
    assert "tools" not in found[1].fault
