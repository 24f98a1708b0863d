"""nodefix/undoing/places.py: links, folders and files of units and of tmpfiles.d."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import pytest
from fakehost import Node
from rolling import back, items, names, outcomes, read_only
from test_undo import lasting

from nodefix.facts.lockfile import TMPFILES
from nodefix.plan import Undo
from nodefix.shape import Json
from nodefix.undo import UndoLog
from nodefix.undoing.entries import Unreadable
from nodefix.undoing.places import places_of
from nodefix.undoing.tree import is_path

__all__ = ["read_only"]

UNITS = "/etc/systemd/system"
WANTS = f"{UNITS}/swap.target.wants"
MASK = f"{UNITS}/dev-x.swap"
OWNER: list[Json] = [os.geteuid(), os.getegid()]


def written(node: Node, kind: str, was: dict[str, Json], became: dict[str, Json]) -> None:
    """An entry as a stage writes it."""
    change = lasting(f"{kind} {len(was)}")._replace(undo=Undo(kind, was, became))
    UndoLog(node.root).begin("swap", change)


def masked(node: Node) -> None:
    written(node, "unit-masked", {MASK: None}, {MASK: {"link": "/dev/null"}})
    node.link(MASK, "/dev/null")


def disabled(node: Node, owner: list[Json] = OWNER) -> None:
    link: dict[str, Json] = {"link": "../own.swap", "owner": owner}
    folder: dict[str, Json] = {"folder": "1750", "owner": owner}
    was: dict[str, Json] = {WANTS: folder, f"{WANTS}/own.swap": link}
    written(node, "unit-disabled", was, dict.fromkeys(was))
    node.host.path(UNITS).mkdir(parents=True, exist_ok=True)


def test_a_mask_goes(node: Node) -> None:
    masked(node)
    assert outcomes(back(node)) == {MASK: "restored"}
    assert names(node, UNITS) == []
    assert back(node) == []


def test_links_of_a_unit_come_back_together(
    node: Node, read_only: Callable[[Node, str], None]
) -> None:
    disabled(node)
    read_only(node, UNITS)
    before = node.snapshot()
    assert outcomes(back(node)) == {WANTS: "failed", f"{WANTS}/own.swap": "failed"}
    assert node.snapshot() == before
    read_only(node, "")
    assert outcomes(back(node)) == {WANTS: "restored", f"{WANTS}/own.swap": "restored"}


@pytest.mark.parametrize("kind", ["link", "file", "folder"])
def test_a_mask_that_was_replaced_stays(node: Node, kind: str) -> None:
    masked(node)
    place = node.host.path(MASK)
    place.unlink()
    match kind:
        case "link":
            node.link(MASK, "/opt/dev-x.swap")
        case "file":
            node.file(MASK, "[Swap]")
        case _:
            place.mkdir()
    before = node.snapshot()
    (item,) = items(back(node))
    assert item.outcome == "left"
    assert "nodefix left a link to /dev/null there, and it was changed since" in item.why
    assert (item.was, item.hint) == ("nothing", f"ls -ldZ {MASK} {UNITS}")
    assert node.snapshot() == before


def test_links_come_back_with_their_folder(node: Node) -> None:
    disabled(node)
    assert set(outcomes(back(node)).values()) == {"restored"}
    folder = node.host.path(WANTS)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1750
    assert os.readlink(folder / "own.swap") == "../own.swap"  # noqa: PTH115
    assert names(node, WANTS) == ["own.swap"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_come_back(node: Node) -> None:
    disabled(node, [1234, 4321])
    back(node)
    for path in (WANTS, f"{WANTS}/own.swap"):
        status = node.host.path(path).lstat()
        assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_what_was_enabled_again_is_done(node: Node) -> None:
    disabled(node)
    node.link(f"{WANTS}/own.swap", "../own.swap")
    node.host.path(WANTS).chmod(0o1750)
    assert set(outcomes(back(node)).values()) == {"already"}


def test_a_folder_that_is_another_now_is_left_and_its_link_comes_back(node: Node) -> None:
    disabled(node)
    node.link(f"{WANTS}/other.swap", "../other.swap")
    found = outcomes(back(node))
    assert found == {WANTS: "left", f"{WANTS}/own.swap": "restored"}
    assert names(node, WANTS) == ["other.swap", "own.swap"]


def test_a_link_whose_folder_is_gone_is_left_with_its_command(node: Node) -> None:
    path = f"{UNITS}/gone.wants/own.swap"
    written(node, "unit-disabled", {path: {"link": "../own.swap"}}, {path: None})
    (item,) = items(back(node))
    assert (item.outcome, item.why) == ("left", "the folder in which it was is gone")
    assert item.hint == (
        f"mkdir -p {UNITS}/gone.wants &&"
        f" ln -s --backup=numbered --no-target-directory ../own.swap {path}"
    )


@pytest.mark.parametrize("has_folder", [True, False])
def test_the_entry_of_tmpfiles_goes_with_its_folder(node: Node, has_folder: bool) -> None:
    folder = TMPFILES.rpartition("/")[0]
    became: dict[str, Json] = {TMPFILES: {"file": "ours\n", "mode": "0644"}}
    if not has_folder:
        became[folder] = {"folder": "0755"}
    written(node, "tmpfiles-entry", dict.fromkeys(became), became)
    node.file(TMPFILES, "ours\n").parent.chmod(0o755)
    assert set(outcomes(back(node)).values()) == {"restored"}
    assert node.host.path(folder).exists() is has_folder
    assert not node.host.path(TMPFILES).exists()


@pytest.mark.parametrize(("content", "mode"), [("theirs\n", 0o644), ("ours\n", 0o600)])
def test_an_entry_of_tmpfiles_that_was_changed_stays(node: Node, content: str, mode: int) -> None:
    became: dict[str, Json] = {TMPFILES: {"file": "ours\n", "mode": "0644"}}
    written(node, "tmpfiles-entry", {TMPFILES: None}, became)
    node.file(TMPFILES, content, mode)
    assert outcomes(back(node)) == {TMPFILES: "left"}
    assert node.host.read(TMPFILES) == content.encode()


def test_a_folder_with_an_admins_file_stays(node: Node) -> None:
    folder = TMPFILES.rpartition("/")[0]
    became: dict[str, Json] = {
        TMPFILES: {"file": "ours\n", "mode": "0644"},
        folder: {"folder": "0755"},
    }
    written(node, "tmpfiles-entry", dict.fromkeys(became), became)
    node.file(TMPFILES, "ours\n").parent.chmod(0o755)
    node.file(f"{folder}/site.conf", "theirs")
    found = {item.target: item for item in items(back(node))}
    assert found[TMPFILES].outcome == "restored"
    assert (found[folder].outcome, found[folder].why) == (
        "left",
        "there is something in it: site.conf",
    )


def test_a_folder_that_only_an_older_entry_empties_goes(node: Node) -> None:
    folder, link = "/etc/made", "/etc/made/link"
    written(node, "unit-masked", {link: None}, {link: {"link": "x"}})
    written(node, "tmpfiles-entry", {folder: None}, {folder: {"folder": "0755"}})
    node.link(link, "x").parent.chmod(0o755)
    assert outcomes(back(node)) == {folder: "restored", link: "restored"}
    assert not node.host.path(folder).exists()
    assert back(node) == []


def test_what_the_kernel_refuses_is_told_and_the_rest_is_done(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    disabled(node)
    masked(node)

    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("nodefix.undoing.tree.remove", refuse)
        found = {item.target: item for item in items(back(node))}
    assert (found[MASK].outcome, found[MASK].why) == ("failed", "Operation not permitted")
    assert f"lsattr -d {UNITS}" in found[MASK].hint
    assert found[WANTS].outcome == "restored"
    # Once it can be done only that is left to do.
    assert outcomes(back(node)) == {MASK: "restored"}


def test_only_the_stages_that_are_named(node: Node) -> None:
    masked(node)
    assert back(node, "lockfile", "alternatives") == []
    assert outcomes(back(node, "swap")) == {MASK: "restored"}


SHAPES: list[tuple[str, dict[str, Json], dict[str, Json]]] = [
    ("unit-masked", {"etc/x": None}, {"etc/x": None}),
    ("unit-masked", {"/etc/../x": None}, {"/etc/../x": None}),
    ("unit-masked", {MASK: None}, {}),
    ("unit-masked", {MASK: 1}, {MASK: None}),
    ("unit-masked", {MASK: {"folder": "rwx"}}, {MASK: None}),
    ("unit-masked", {MASK: {"link": "x", "owner": [1]}}, {MASK: None}),
    ("alternatives", {}, {}),
    ("alternatives", {"places": {}, "state": "/s", "moved": [["/a"]]}, {"places": {}}),
    ("of a later version", {}, {}),
]


@pytest.mark.parametrize(("kind", "was", "became"), SHAPES)
def test_an_entry_that_cannot_be_understood_is_left_and_the_others_are_done(
    node: Node, kind: str, was: dict[str, Json], became: dict[str, Json]
) -> None:
    masked(node)
    written(node, kind, was, became)
    bad, good = back(node)
    assert isinstance(bad, Unreadable)
    assert bad.file == "0002.json"
    assert outcomes([good]) == {MASK: "restored"}


def test_a_damaged_entry_is_named_by_its_file(node: Node) -> None:
    masked(node)
    place = node.file("/var/lib/nodefix/undo/0002.json", "{")
    bad, good = back(node)
    assert isinstance(bad, Unreadable)
    assert bad.file == str(place)
    assert outcomes([good]) == {MASK: "restored"}


@pytest.mark.parametrize("path", ["", "x", "/", "//x", "/x/", "/x//y", "/x/./y", "/x/../y"])
def test_what_is_no_path(path: str) -> None:
    assert not is_path(path)


def test_a_link_keeps_odd_bytes() -> None:
    undo = Undo("unit-masked", {MASK: {"link": "\udcff"}}, {MASK: None})
    assert os.fsencode(places_of(undo)[0].was.target or "") == b"\xff"


def test_a_link_to_nothing_in_the_place_of_a_folder_is_left(node: Node) -> None:
    disabled(node)
    node.link(WANTS, "nowhere")
    before = node.snapshot()
    assert outcomes(back(node)) == {WANTS: "left", f"{WANTS}/own.swap": "left"}
    assert node.snapshot() == before
