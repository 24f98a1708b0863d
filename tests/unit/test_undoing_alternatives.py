"""nodefix/undoing/alternatives.py: links, state file and what was moved away, as they were."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable

import pytest
from altstage import answer_rpm, answer_versions, coreutils, damaged
from altundo import run
from debian_alternatives import debian_node, debian_package, really
from el_alternatives import ADMIN, INSTALL, LINKS, ElAlternatives
from el_states import STATE, STATES
from fakehost import Node
from rolling import attribute, back, everything, items, outcomes, read_only

from nodefix.undo import UNDONE, Entry, UndoLog

__all__ = ["read_only"]


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    return ElAlternatives(node)


def there_and_back(node: Node) -> None:
    """Repaired and rolled back, a node is as it was; again, and nothing is done."""
    before = everything(node)
    assert not run(node).problems
    repaired = everything(node)
    assert repaired != before
    planned = outcomes(back(node, dry_run=True))
    assert everything(node) == repaired
    found = back(node)
    assert {one.outcome for one in items(found)} <= {"restored", "already"}
    assert outcomes(found) == planned
    assert everything(node) == before
    assert {one.state for one in UndoLog(node.root).entries() if isinstance(one, Entry)} == {UNDONE}
    assert back(node) == []
    assert everything(node) == before


def nothing(node: Node) -> None:
    """Nothing is registered."""


def no_folder(node: Node) -> None:
    """The folder of links is gone, which both groups then need."""
    debian_package(node)
    shutil.rmtree(node.root / "etc/alternatives")


def other(node: Node) -> None:
    """Another candidate is chosen for one family, and a link is gone."""
    debian_package(node)
    really(node, "--set", "ip6tables", "/usr/sbin/ip6tables-legacy")
    (node.root / "usr/sbin/iptables-save").unlink()


@pytest.mark.real_commands
@pytest.mark.parametrize("damage", [nothing, no_folder, other])
def test_debians_two_groups_come_back(node: Node, damage: Callable[[Node], None]) -> None:
    debian_node(node)
    damage(node)
    there_and_back(node)


REPAIRED = [4, 5, 7, 8, 13, 14, 15, 16, 24, 30, 31, 32, 34, 35, 36, 37, 38, 39, 41]


@pytest.mark.parametrize("number", REPAIRED)
def test_each_repair_comes_back(el: ElAlternatives, number: int) -> None:
    damaged(el, number)
    there_and_back(el.node)


@pytest.mark.parametrize("number", REPAIRED)
def test_a_repair_is_made_anew_and_comes_back_again(el: ElAlternatives, number: int) -> None:
    damaged(el, number)
    there_and_back(el.node)
    there_and_back(el.node)


def test_mode_and_attributes_of_the_state_file(el: ElAlternatives) -> None:
    damaged(el, 7)
    place = el.node.host.path(STATE)
    place.chmod(0o640)
    attribute(place, b"\xff\0 mine")
    there_and_back(el.node)


def test_a_file_that_was_moved_away_with_an_earlier_one(el: ElAlternatives) -> None:
    STATES[14](el)
    el.node.file(f"{LINKS}/iptables.saved", "an earlier one")
    there_and_back(el.node)


def test_a_folder_that_was_moved_away_with_an_earlier_one(el: ElAlternatives) -> None:
    STATES[15](el)
    el.node.file(f"{LINKS}/iptables/inside", "content")
    el.node.file(f"{LINKS}/iptables.saved", "an earlier one")
    there_and_back(el.node)


def test_links_with_odd_targets(el: ElAlternatives) -> None:
    STATES[1](el)
    for name, target in (("ip6tables", "..//sbin/./nowhere/"), ("iptables-save", "\udcff \n")):
        el.node.host.path(f"/usr/sbin/{name}").unlink()
        el.node.link(f"/usr/sbin/{name}", target)
    there_and_back(el.node)


def test_a_file_where_an_admins_followers_link_belongs(el: ElAlternatives) -> None:
    el.node.file("/usr/sbin/iptables-nft-apply")
    el.node.file("/usr/sbin/iptables-apply", "the admin's own")
    extra = ("/usr/sbin/iptables-apply", "iptables-apply", "/usr/sbin/iptables-nft-apply")
    el.run(*INSTALL[1:], "--follower", *extra)
    there_and_back(el.node)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/usr/sbin/ip6tables", lambda place: place.unlink()),
        (f"{LINKS}/iptables", lambda place: (place.unlink(), place.symlink_to("/opt/mine"))),
        (f"{LINKS}/ip6tables", lambda place: (place.unlink(), place.write_text("mine"))),
        (STATE, lambda place: place.write_bytes(place.read_bytes().replace(b"auto", b"manual"))),
    ],
    ids=["gone", "elsewhere", "a file", "state"],
)
def test_what_was_changed_since_is_left_and_all_else_comes_back(
    el: ElAlternatives, path: str, change: Callable[[object], object]
) -> None:
    damaged(el, 4)
    before = everything(el.node)
    run(el.node)
    change(el.node.host.path(path))
    name = path.lstrip("/")
    theirs = everything(el.node).get(name)
    found = back(el.node)
    after = everything(el.node)
    assert after.pop(name, None) == theirs
    before.pop(name, None)
    # Nothing was there before, and of nothing nothing is missing.
    expected = "already" if theirs is None else "left"
    assert outcomes(found)[path] == expected
    assert {one: what for one, what in after.items() if before.get(one) != what} == {}


@pytest.mark.parametrize(
    ("number", "folder"), [(4, LINKS), (4, "/usr/sbin"), (4, ADMIN), (14, LINKS)]
)
def test_a_folder_that_is_read_only_leaves_nothing_half(
    el: ElAlternatives, number: int, folder: str, read_only: Callable[[Node, str], None]
) -> None:
    damaged(el, number)
    before = everything(el.node)
    run(el.node)
    repaired = everything(el.node)
    read_only(el.node, folder)
    for dry_run in (True, False):
        found = items(back(el.node, dry_run=dry_run))
        failed = [one for one in found if one.outcome == "failed"]
        assert {one.outcome for one in found} <= {"failed", "already"}
        assert {one.why for one in failed} == {f"{folder} cannot be changed: Read-only file system"}
        assert f"findmnt -T {folder}" in failed[0].hint
        assert everything(el.node) == repaired
    read_only(el.node, "")
    back(el.node)
    assert everything(el.node) == before


def test_the_state_file_waits_for_its_links(
    el: ElAlternatives, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(el, 4)
    run(el.node)
    state = el.node.host.path(STATE).read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for way in ("put_link", "remove"):
        monkeypatch.setattr(f"nodefix.undoing.tree.{way}", refuse)
    found = {one.target: one for one in items(back(el.node))}
    assert found[STATE].outcome == "failed"
    assert "could not be restored: both belong together" in found[STATE].why
    assert el.node.host.path(STATE).read_bytes() == state


@pytest.mark.parametrize("change", ["moved", "written"])
def test_what_was_moved_away_and_changed_since_is_left(el: ElAlternatives, change: str) -> None:
    damaged(el, 14)
    run(el.node)
    saved = el.node.host.path(f"{LINKS}/iptables.saved")
    if change == "moved":
        saved.rename(saved.with_name("elsewhere"))
    else:
        saved.write_text("the admin's next one")
    (item,) = (one for one in items(back(el.node)) if one.target == f"{LINKS}/iptables")
    assert item.outcome == "left"
    assert f"moved to {LINKS}/iptables.saved and was changed there since" in item.why
    assert el.node.end(f"{LINKS}/iptables") == "/usr/sbin/xtables-nft-multi"


def test_nothing_is_moved_over_an_admins_link(el: ElAlternatives) -> None:
    damaged(el, 14)
    run(el.node)
    place = el.node.host.path(f"{LINKS}/iptables")
    place.unlink()
    place.symlink_to("/opt/mine")
    (item,) = (one for one in items(back(el.node)) if one.target == f"{LINKS}/iptables")
    assert item.outcome == "left"
    assert "a link to /usr/sbin/iptables-nft there, and it was changed since" in item.why
    assert str(place.readlink()) == "/opt/mine"
    assert el.node.host.path(f"{LINKS}/iptables.saved").exists()


def test_a_folder_with_something_of_the_admins_stays(el: ElAlternatives) -> None:
    damaged(el, 16)
    run(el.node)
    el.node.file(f"{LINKS}/mine", "mine")
    found = {one.target: one for one in items(back(el.node))}
    assert found[LINKS].outcome == "left"
    assert found[LINKS].why == "there is something in it: mine"
    assert [one.target for one in found.values() if one.outcome == "left"] == [LINKS]
    # Once it is gone the rest is done.
    el.node.host.path(f"{LINKS}/mine").unlink()
    assert outcomes(back(el.node))[LINKS] == "restored"
    assert not el.node.host.path(LINKS).exists()


def test_folder_of_the_state_was_another(el: ElAlternatives) -> None:
    el.node.host.path(ADMIN).rmdir()
    there_and_back(el.node)
