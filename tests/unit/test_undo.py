"""nodefix/undo.py: what stood there is on disk before it is changed."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from pathlib import Path

import pytest
from fakehost import Node
from fakestage import change

from nodefix import undo
from nodefix.errors import NodefixError
from nodefix.plan import Change, Undo
from nodefix.shape import Json
from nodefix.undo import BEGUN, LIMIT, MADE, UNDONE, Entry, UndoLog, content_of, text

FOLDER = "/var/lib/nodefix/undo"


@pytest.fixture
def log(node: Node) -> UndoLog:
    """The log of a node that has none yet."""
    return UndoLog(node.root)


def lasting(target: str, was: Json = "old", became: Json = "new") -> Change:
    """A change that lasts."""
    return change(target)._replace(undo=Undo("line", {"line": was}, {"line": became}))


def names(node: Node) -> list[str]:
    return sorted(path.name for path in node.host.path(FOLDER).iterdir())


def states(log: UndoLog) -> list[tuple[int, str] | str]:
    """Number and state of each entry, newest first; the name of one that cannot be read."""
    return [
        (found.number, found.state) if isinstance(found, Entry) else found.name
        for found in log.entries()
    ]


def test_what_stood_there_is_on_disk(
    node: Node, log: UndoLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.struct_time((2026, 5, 4, 3, 2, 1, 0, 124, 0))
    monkeypatch.setattr(time, "gmtime", lambda _: now)
    assert log.begin("swap", lasting("/etc/fstab")) == 1
    assert json.loads(node.host.path(f"{FOLDER}/0001.json").read_bytes()) == {
        "schema": 1,
        "number": 1,
        "stage": "swap",
        "target": "/etc/fstab",
        "undo": {"kind": "line", "was": {"line": "old"}, "became": {"line": "new"}},
        "state": "begun",
        "time": "2026-05-04T03:02:01Z",
    }


def test_only_root_may_read_it(node: Node, log: UndoLog) -> None:
    log.begin("swap", lasting("a"))
    folder = node.host.path(FOLDER)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "0001.json").stat().st_mode) == 0o600
    log.confirm(1)
    assert stat.S_IMODE((folder / "0001.json").stat().st_mode) == 0o600


def test_a_power_cut_does_not_lose_it(
    node: Node, log: UndoLog, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    real = os.open

    def remember(path: Path, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECTORY:
            opened.append(Path(path))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", remember)
    log.begin("swap", lasting("a"))
    folder = node.host.path(FOLDER)
    # The name of the entry, and those of all folders that were made for it.
    assert opened == [*list(folder.parents)[3::-1], folder]
    assert len(synced) == len(opened) + 1


def test_numbers_tell_the_order(log: UndoLog) -> None:
    assert [log.begin("swap", lasting(name)) for name in "abc"] == [1, 2, 3]
    assert states(log) == [(3, BEGUN), (2, BEGUN), (1, BEGUN)]


def test_numbers_have_no_end(node: Node, log: UndoLog) -> None:
    node.file(f"{FOLDER}/9999.json")
    assert log.begin("swap", lasting("a")) == 10_000
    assert log.begin("swap", lasting("b")) == 10_001
    assert states(log) == [(10_001, BEGUN), (10_000, BEGUN), "9999.json"]


def test_what_is_there_is_confirmed(log: UndoLog) -> None:
    first, second = log.begin("swap", lasting("a")), log.begin("swap", lasting("b"))
    log.confirm(first)
    assert states(log) == [(second, BEGUN), (first, MADE)]
    (_, entry) = log.entries()
    assert isinstance(entry, Entry)
    assert (entry.stage, entry.target, entry.undo) == ("swap", "a", lasting("a").undo)


def test_what_is_back_is_reverted_and_begun_once_more_when_it_is_made_again(log: UndoLog) -> None:
    first, second = log.begin("swap", lasting("a")), log.begin("swap", lasting("b"))
    log.confirm(first)
    log.revert(first)
    assert states(log) == [(second, BEGUN), (first, UNDONE)]
    assert log.begin("swap", lasting("a")) == first
    assert states(log) == [(second, BEGUN), (first, BEGUN)]


def test_the_same_change_again_is_the_same_entry(node: Node, log: UndoLog) -> None:
    due = lasting("a", was=["x", {"mode": 0o644, "link": None}])
    assert log.begin("swap", due) == 1
    log.confirm(1)
    log.begin("swap", lasting("b"))
    # Somebody put it back, and it is changed once more.
    assert log.begin("swap", due) == 1
    assert states(log) == [(2, BEGUN), (1, BEGUN)]
    assert len(names(node)) == 2


@pytest.mark.parametrize(
    "other",
    [("swap", lasting("a", was="other")), ("swap", lasting("b")), ("lockfile", lasting("a"))],
    ids=["another state", "another target", "another stage"],
)
def test_another_change_is_another_entry(log: UndoLog, other: tuple[str, Change]) -> None:
    log.begin("swap", lasting("a"))
    assert log.begin(*other) == 2


def test_only_the_newest_entry_of_a_target_is_compared(log: UndoLog) -> None:
    """A came back after B: the way from B to A is to be told, too."""
    for was in ("A", "B", "A"):
        log.begin("swap", lasting("a", was=was))
    assert states(log) == [(3, BEGUN), (2, BEGUN), (1, BEGUN)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        json.dumps({"schema": 2, "undo": {}}).encode(),
        json.dumps({"schema": 1, "undo": []}).encode(),
    ],
)
def test_an_entry_that_cannot_be_read_is_told_and_kept(
    node: Node, log: UndoLog, content: bytes
) -> None:
    place = node.file(f"{FOLDER}/0001.json", content)
    assert log.begin("swap", lasting("a")) == 2
    assert states(log) == [(2, BEGUN), "0001.json"]
    log.confirm(1)
    assert place.read_bytes() == content


@pytest.mark.parametrize(
    ("key", "value"),
    [("stage", 1), ("target", None), ("state", []), ("was", []), ("became", "x"), ("kind", {})],
)
def test_an_entry_of_another_shape_cannot_be_read(
    node: Node, log: UndoLog, key: str, value: object
) -> None:
    log.begin("swap", lasting("a"))
    place = node.host.path(f"{FOLDER}/0001.json")
    found = json.loads(place.read_bytes())
    (found if key in found else found["undo"])[key] = value
    place.write_text(json.dumps(found))
    assert states(log) == ["0001.json"]


def test_what_is_no_entry_is_passed_over(node: Node, log: UndoLog) -> None:
    names_of_others = [
        "1.json",
        "00001.json",
        "\u0660\u0660\u0660\u0661.json",
        "0001.json~",
        "notes",
    ]
    others = [node.file(f"{FOLDER}/{name}", "mine") for name in names_of_others]
    assert log.begin("swap", lasting("a")) == 1
    assert states(log) == [(1, BEGUN)]
    assert {other.read_text() for other in others} == {"mine"}


def test_a_folder_in_the_place_of_an_entry(node: Node, log: UndoLog) -> None:
    node.file(f"{FOLDER}/0001.json/file")
    assert log.begin("swap", lasting("a")) == 2
    assert states(log) == [(2, BEGUN), "0001.json"]


def test_of_too_many_one_of_the_middle_goes(
    node: Node, log: UndoLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "MOST", 4)
    for number in range(1, 8):
        log.begin("swap", lasting(str(number)))
    # The first ones are what the admin had, the newest ones what is there now.
    assert names(node) == ["0001.json", "0002.json", "0006.json", "0007.json"]
    log.begin("swap", lasting("6"))
    assert len(names(node)) == 4


def test_one_too_many_that_cannot_be_taken_away_does_no_harm(
    node: Node, log: UndoLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "MOST", 2)
    node.file(f"{FOLDER}/0001.json")
    node.file(f"{FOLDER}/0002.json/file")
    assert log.begin("swap", lasting("a")) == 3
    assert states(log)[0] == (3, BEGUN)


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES]
)
def test_a_disk_that_takes_nothing(
    node: Node, log: UndoLog, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    log.begin("swap", lasting("a"))
    before = node.snapshot()
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(NodefixError) as caught:
        log.begin("swap", lasting("b"))
    assert caught.value.message == (
        "b is left unchanged, because its present state cannot be saved in"
        f" /var/lib/nodefix/undo: {os.strerror(number)}"
    )
    assert "df -h /var/lib; df -i /var/lib" in caught.value.hint
    with pytest.raises(OSError):
        log.confirm(1)
    # Neither half of an entry nor a lost one.
    assert node.snapshot() == before


def test_a_file_in_the_place_of_the_folder(node: Node, log: UndoLog) -> None:
    node.file("/var/lib/nodefix", "mine")
    with pytest.raises(NodefixError, match=r"File exists|Not a directory"):
        log.begin("swap", lasting("a"))
    assert node.host.path("/var/lib/nodefix").read_text() == "mine"


def test_what_could_not_be_read_back_is_not_begun(node: Node, log: UndoLog) -> None:
    with pytest.raises(NodefixError, match="expected at most"):
        log.begin("swap", lasting("a", was="x" * LIMIT))
    assert names(node) == []


def test_the_largest_fstab_fits(log: UndoLog) -> None:
    line = b"\xff" * (1 << 20)
    log.begin("swap", lasting("a", was=text(line), became=text(b"# " + line)))
    (entry,) = log.entries()
    assert isinstance(entry, Entry)
    assert content_of(entry.undo.was, "line") == line


@pytest.mark.parametrize(
    "content", [b"", b"a\0b\r\n\x1b", b"\xff\xfe", "ä\u2028🄰".encode(), b"\xed\xa0\x80\xed\xb0\x80"]
)
def test_bytes_come_back_as_they_were(log: UndoLog, content: bytes) -> None:
    log.begin("swap", lasting("a", was=text(content)))
    (entry,) = log.entries()
    assert isinstance(entry, Entry)
    assert content_of(entry.undo.was, "line") == content


@pytest.mark.parametrize("found", [{}, {"line": 1}, {"line": None}, {"line": "\ud800"}])
def test_what_holds_no_bytes_says_so(found: dict[str, Json]) -> None:
    with pytest.raises((KeyError, TypeError, UnicodeError)):
        content_of(found, "line")


def test_no_folder_yet(log: UndoLog) -> None:
    assert list(log.entries()) == []
    log.confirm(1)
