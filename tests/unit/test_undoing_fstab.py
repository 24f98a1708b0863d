"""nodefix/undoing/fstab.py: lines come back where they still are what nodefix made of them."""

from __future__ import annotations

import os

import pytest
from fakehost import Node
from rolling import back, items
from swaps import turn_on

from nodefix.config import Config
from nodefix.converge import run_stage
from nodefix.host import writing
from nodefix.plan import Undo
from nodefix.stages import swap
from nodefix.stages.swap_fstab import MARK
from nodefix.undo import UNDONE, Entry, UndoLog
from nodefix.undoing.fstab import Line, compare, lines_of

A, B = b"/a none swap", b"/b none swap sw\r"
ROOT = b"/dev/vda1 / ext4 defaults 0 1"
HOME = b"/dev/vda3 /home ext4 defaults 0 2"


@pytest.fixture
def node_with(node: Node) -> Node:
    """A node whose fstab was repaired."""
    turn_on(node)
    node.file("/etc/fstab", b"\n".join([ROOT, A, B, HOME]))
    assert run_stage(swap, node.host, Config()).outcome == "changed"
    return node


def now(node: Node) -> list[bytes]:
    return node.host.read("/etc/fstab").split(b"\n")


def put(node: Node, *lines: bytes) -> None:
    node.file("/etc/fstab", b"\n".join(lines))


def came_of(node: Node) -> list[str]:
    return [item.outcome for item in items(back(node))]


def test_all_lines_come_back_and_systemd_is_not_asked_here(node_with: Node) -> None:
    assert came_of(node_with) == ["restored", "restored"]
    assert now(node_with) == [ROOT, A, B, HOME]
    (entry,) = UndoLog(node_with.root).entries()
    assert isinstance(entry, Entry)
    assert entry.state == UNDONE


def test_lines_that_moved_are_found_by_their_text(node_with: Node) -> None:
    put(node_with, b"# new", HOME, MARK + A, ROOT, b"", MARK + B, b"")
    found = items(back(node_with))
    assert [item.outcome for item in found] == ["restored", "restored"]
    assert found[0].found.endswith("on line 3 now")
    assert now(node_with) == [b"# new", HOME, A, ROOT, b"", B, b""]


@pytest.mark.parametrize("theirs", [b"", b"# /a none swap", MARK + A + b" ", MARK + A + b"\r"])
def test_a_line_that_was_changed_is_left_and_the_other_comes_back(
    node_with: Node, theirs: bytes
) -> None:
    put(node_with, ROOT, theirs, MARK + B, HOME)
    first, second = items(back(node_with))
    assert (first.outcome, second.outcome) == ("left", "restored")
    assert first.target == "/etc/fstab line 2"
    assert (first.was, first.hint) == (
        "`/a none swap`",
        "printf '\\n%s\\n' '/a none swap' >>/etc/fstab",
    )
    assert now(node_with) == [ROOT, theirs, B, HOME]
    (entry,) = UndoLog(node_with.root).entries()
    assert isinstance(entry, Entry)
    assert entry.state == "made"
    assert came_of(node_with) == ["left", "already"]


@pytest.mark.parametrize(
    "line", [b"/\xff none swap", b"/a\x1b none swap", b"/" + b"a" * 500 + b" none swap"]
)
def test_a_line_that_cannot_be_typed_has_no_such_command(node: Node, line: bytes) -> None:
    turn_on(node)
    put(node, line)
    run_stage(swap, node.host, Config())
    put(node, b"")
    (item,) = items(back(node))
    assert (item.outcome, item.hint) == ("left", "grep -n swap /etc/fstab")
    assert len(item.was) < 500
    assert item.was.isprintable()


def test_a_line_that_somebody_put_back_is_done(node_with: Node) -> None:
    put(node_with, A, ROOT, MARK + B, HOME)
    assert came_of(node_with) == ["already", "restored"]
    assert now(node_with) == [A, ROOT, B, HOME]


def test_more_lines_of_that_text_than_there_were(node_with: Node) -> None:
    put(node_with, b"#", ROOT, MARK + A, MARK + A, MARK + B, HOME)
    first, second = items(back(node_with))
    assert (first.outcome, second.outcome) == ("left", "restored")
    assert "more than one line" in first.why
    assert now(node_with) == [b"#", ROOT, MARK + A, MARK + A, B, HOME]


def test_two_equal_lines(node: Node) -> None:
    turn_on(node)
    put(node, A, A, ROOT)
    run_stage(swap, node.host, Config())
    put(node, b"# above", MARK + A, ROOT, MARK + A)
    assert came_of(node) == ["restored", "restored"]
    assert now(node) == [b"# above", A, ROOT, A]


def test_no_file_any_more(node_with: Node) -> None:
    node_with.host.path("/etc/fstab").unlink()
    found = items(back(node_with))
    assert [item.outcome for item in found] == ["left", "left"]
    assert found[0].found == "there is no such file"
    assert not node_with.host.path("/etc/fstab").exists()


def test_a_file_that_cannot_be_read(node_with: Node) -> None:
    node_with.host.path("/etc/fstab").unlink()
    node_with.host.path("/etc/fstab").mkdir()
    found = items(back(node_with))
    assert [item.outcome for item in found] == ["failed", "failed"]
    assert "expected a regular file" in found[0].why


def test_a_file_that_cannot_be_written(node_with: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    before = now(node_with)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_keep_metadata", refuse)
        found = items(back(node_with))
    assert [item.outcome for item in found] == ["failed", "failed"]
    assert "Read-only file system" in found[0].why
    assert now(node_with) == before
    assert came_of(node_with) == ["restored", "restored"]


def test_two_entries_newest_first(node_with: Node) -> None:
    put(node_with, *now(node_with), b"/c none swap")
    run_stage(swap, node_with.host, Config())
    assert came_of(node_with) == ["restored"] * 3
    assert now(node_with) == [ROOT, A, B, HOME, b"/c none swap"]


def test_a_link_stays_one(node: Node) -> None:
    turn_on(node)
    node.file("/etc/fstab.real", A, 0o640)
    os.symlink("fstab.real", node.host.path("/etc/fstab"))  # noqa: PTH211
    run_stage(swap, node.host, Config())
    assert came_of(node) == ["restored"]
    assert node.host.path("/etc/fstab").is_symlink()
    assert node.host.read("/etc/fstab.real") == A
    assert node.host.path("/etc/fstab.real").stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize(
    ("was", "became"),
    [({"1": "a"}, {}), ({"0": "a"}, {"0": "b"}), ({"-1": "a"}, {"-1": "b"}), ({"1": 1}, {"1": 1})],
)
def test_another_shape_is_refused(was: dict[str, object], became: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        lines_of(Undo("fstab", was, became))


def test_different_lines_that_became_the_same_are_told_apart_by_their_place_only() -> None:
    told = [Line(1, b"x", b"#"), Line(2, b"y", b"#")]
    assert [one.outcome for one in compare(told, [b"#", b"#"]).values()] == ["restored"] * 2
    assert [one.outcome for one in compare(told, [b"", b"", b"#", b"#"]).values()] == ["left"] * 2
