"""nodefix/stages/alternatives_undo.py: what was written down puts everything back, byte by byte."""

from __future__ import annotations

import errno
import json
import os
import shutil

import pytest
from altstage import answer_rpm, answer_versions, changes, coreutils, damaged, plan
from altundo import places, round_trip, run, tree
from el_alternatives import ADMIN, INSTALL, LINKS, NFT, ElAlternatives
from el_states import OTHER, STATE, STATES
from fakehost import Node, result

from nodefix.host.programs import Result
from nodefix.plan import Change
from nodefix.undo import UndoLog, content_of


@pytest.fixture
def el(node: Node) -> ElAlternatives:
    """A node with Enterprise Linux's alternatives and nothing registered."""
    answer_versions(node)
    answer_rpm(node, "iptables-nft", "alternatives")
    coreutils(node)
    return ElAlternatives(node)


REPAIRED = [4, 5, 7, 8, 13, 14, 15, 16, 24, 30, 31, 32, 34, 35, 36, 37, 38, 39, 41]


@pytest.mark.parametrize("number", REPAIRED)
def test_each_repair_can_be_undone(el: ElAlternatives, number: int) -> None:
    damaged(el, number)
    round_trip(el.node)


def test_what_was_moved_away_earlier_comes_back_to_its_name(el: ElAlternatives) -> None:
    STATES[14](el)
    el.node.file(f"{LINKS}/iptables.saved", "an earlier one")
    el.node.file(f"{LINKS}/iptables.saved.~7~", "one before that")
    coreutils_number(el.node, 8)
    round_trip(el.node)


def coreutils_number(node: Node, number: int) -> None:
    """Let the next thing that is in mv's way get this number."""
    real = node.programs.table[("/usr/bin/mv",)]
    assert callable(real)

    def move(argv: tuple[str, ...], stdin: bytes) -> Result:
        done = real(argv, stdin)
        made = node.host.path(f"{argv[-1]}.~1~")
        made.rename(node.host.path(f"{argv[-1]}.~{number}~"))
        return done

    node.programs.table[("/usr/bin/mv",)] = move


def test_a_follower_that_only_the_other_candidate_brings(el: ElAlternatives) -> None:
    STATES[1](el)
    for path in (OTHER, f"{OTHER}-apply"):
        el.node.file(path)
    extra = ("--follower", "/usr/sbin/iptables-apply", "iptables-apply", f"{OTHER}-apply")
    el.run("--install", "/usr/sbin/iptables", "iptables", OTHER, "5", *extra)
    el.run("--set", "iptables", OTHER)
    assert el.node.end("/usr/sbin/iptables-apply") == f"{OTHER}-apply"
    round_trip(el.node)


def test_a_follower_that_no_candidate_brings_any_more(el: ElAlternatives) -> None:
    STATES[1](el)
    el.node.link("/usr/sbin/iptables-apply", f"{LINKS}/iptables-apply")
    el.node.link(f"{LINKS}/iptables-apply", "/usr/sbin/nowhere")
    head = "auto\n/usr/sbin/iptables\niptables-apply\n/usr/sbin/iptables-apply\n\n"
    el.node.file(STATE, f"{head}{NFT}\n10\n\n")
    el.node.host.path("/usr/sbin/ip6tables").unlink()
    round_trip(el.node)


def test_a_file_where_the_link_of_an_admins_follower_belongs(el: ElAlternatives) -> None:
    el.node.file("/usr/sbin/iptables-nft-apply")
    el.node.file("/usr/sbin/iptables-apply", "the admin's own")
    extra = ("/usr/sbin/iptables-apply", "iptables-apply", "/usr/sbin/iptables-nft-apply")
    el.run(*INSTALL[1:], "--follower", *extra)
    round_trip(el.node)


def test_links_and_bytes_are_kept_as_they_are(el: ElAlternatives) -> None:
    STATES[1](el)
    odd = b"auto\n/usr/sbin/iptables\n\n" + NFT.encode() + b"\n10 \xff\n\0rest"
    el.node.file(STATE, odd, 0o600)
    el.node.host.path("/usr/sbin/ip6tables").unlink()
    el.node.link("/usr/sbin/ip6tables", "..//sbin/./nowhere/")
    (change,) = plan(el.node).changes
    assert change.undo
    was = places(change.undo.was)
    assert was["/usr/sbin/ip6tables"]["target"] == "..//sbin/./nowhere/"
    assert content_of(was[STATE], "content") == odd
    owner = (was[STATE]["mode"], was[STATE]["uid"], was[STATE]["gid"])
    assert owner == (0o600, os.geteuid(), os.getegid())


def test_a_repair_that_is_tried_again_is_written_down_once(el: ElAlternatives) -> None:
    damaged(el, 7)
    el.node.programs.table[("/usr/sbin/alternatives",)] = result(2, stderr="unheard of\n")
    for _ in range(3):
        run(el.node)
    assert len(list(UndoLog(el.node.root).entries())) == 1


def first_entry(node: Node) -> dict[str, object]:
    """The first entry, as it is on disk."""
    found: dict[str, object] = json.loads(node.host.read("/var/lib/nodefix/undo/0001.json"))
    return found


def test_entry_is_on_disk_before_anything_is_touched(el: ElAlternatives) -> None:
    damaged(el, 14)
    before = tree(el.node)
    states: list[object] = []
    for argv, answer in list(el.node.programs.table.items()):
        if argv[0] in ("/usr/bin/mv", "/usr/bin/ln", "/usr/sbin/alternatives"):
            assert callable(answer)

            def watched(argv: tuple[str, ...], stdin: bytes, real: object = answer) -> Result:
                if not states:
                    assert tree(el.node) == before
                states.append(first_entry(el.node)["state"])
                assert callable(real)
                done: Result = real(argv, stdin)
                return done

            el.node.programs.table[argv] = watched
    assert not run(el.node).problems
    assert states == ["begun"] * 3
    assert first_entry(el.node)["state"] == "made"


def test_entry_of_a_repair_that_failed_stays_begun_and_its_hint_is_told(
    el: ElAlternatives,
) -> None:
    damaged(el, 7)
    el.node.programs.table[("/usr/sbin/alternatives",)] = result(2, stderr="unheard of\n")
    (problem,) = run(el.node).problems
    assert first_entry(el.node)["state"] == "begun"
    assert "unheard of" in problem.message
    assert problem.hint.startswith("namei -l /usr/sbin/iptables ")
    assert problem.code == "alternatives-links-wrong"


def test_nothing_is_changed_where_nothing_can_be_written_down(el: ElAlternatives) -> None:
    damaged(el, 14)
    el.node.file("/var/lib/nodefix", "no folder")
    before = el.node.snapshot()
    (problem,) = run(el.node).problems
    assert "is left unchanged, because its present state cannot be saved" in problem.message
    assert changes(el.node) == []
    assert el.node.snapshot() == before


@pytest.mark.parametrize("path", [f"{LINKS}/iptables.saved", "/usr/sbin/iptables-apply"])
def test_what_cannot_be_read_cannot_be_put_back_and_is_not_changed(
    el: ElAlternatives, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    STATES[39](el)
    el.node.host.path("/usr/sbin/ip6tables").unlink(missing_ok=True)
    el.node.host.path(f"{LINKS}/iptables").unlink()
    el.node.file(f"{LINKS}/iptables", "not a link")
    broken(monkeypatch, el.node, path)
    left = plan(el.node)
    assert left.changes == ()
    (problem,) = (one for one in left.problems if one.message.startswith(f"{path}: "))
    assert "could not be read (Input/output error)" in problem.message


def broken(monkeypatch: pytest.MonkeyPatch, node: Node, path: str) -> None:
    """Let nobody look at one path."""
    place = node.host.path(path)
    real = type(place).lstat

    def lstat(self: os.PathLike[str]) -> os.stat_result:
        if os.fspath(self) == str(place):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self)  # type: ignore[arg-type]

    monkeypatch.setattr(type(place), "lstat", lstat)


def test_no_folder_of_the_state_and_none_of_links(el: ElAlternatives) -> None:
    for folder in (ADMIN, LINKS):
        shutil.rmtree(el.node.host.path(folder))
    round_trip(el.node)


def test_each_change_has_its_undo(el: ElAlternatives) -> None:
    changes: tuple[Change, ...] = plan(el.node).changes
    assert [change.undo.kind for change in changes if change.undo] == ["alternatives"]
