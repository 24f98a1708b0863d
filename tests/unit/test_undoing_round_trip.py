"""Whatever a node was, repaired and rolled back it is that again, byte by byte."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from fakehost import Node
from rolling import Everything, back, everything, items

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from wornnodes import WORN, Worn, repair_all, worn_node  # noqa: E402

ROUNDS = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
FEWER = settings(ROUNDS, max_examples=25)


def shown(before: Everything, after: Everything) -> dict[str, object]:
    """Where two trees differ."""
    names = before.keys() | after.keys()
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(names)
        if before.get(name) != after.get(name)
    }


@ROUNDS
@given(WORN)
def test_repaired_and_rolled_back_a_node_is_as_it_was(worn: Worn) -> None:
    with worn_node(worn) as node:
        before = everything(node)
        repair_all(node)
        planned = items(back(node, dry_run=True))
        found = items(back(node))
        assert {item.outcome for item in found} <= {"restored", "already"}
        assert [item[:2] for item in planned] == [item[:2] for item in found]
        assert shown(before, everything(node)) == {}
        assert back(node) == []


@FEWER
@given(WORN)
def test_repaired_twice_and_rolled_back_twice(worn: Worn) -> None:
    with worn_node(worn) as node:
        before = everything(node)
        for _ in range(2):
            repair_all(node)
            repair_all(node)
            back(node)
            assert shown(before, everything(node)) == {}


class Killed(BaseException):
    """The process ends here."""


CALLS = (
    "rename",
    "unlink",
    "link",
    "symlink",
    "mkdir",
    "rmdir",
    "chmod",
    "chown",
    "fsync",
    "setxattr",
)


def killed_at(number: int, patch: pytest.MonkeyPatch, *, after: bool) -> list[str]:
    """End the process at the n-th call that changes something; the calls so far."""
    calls: list[str] = []

    def wrap(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            calls.append(name)
            if len(calls) == number and not after:
                raise Killed
            done = real(*arguments, **named)
            if len(calls) == number:
                raise Killed
            return done

        return call

    for name in CALLS:
        patch.setattr(os, name, wrap(name, getattr(os, name)))
    return calls


@FEWER
@given(WORN, st.randoms(use_true_random=False), st.booleans())
def test_killed_anywhere_and_rolled_back_again_it_is_the_same(
    worn: Worn, chance: random.Random, after: bool
) -> None:
    with worn_node(worn) as node:
        before = everything(node)
        repair_all(node)
        for _ in range(6):
            with pytest.MonkeyPatch.context() as patch:
                killed_at(chance.randrange(1, 40), patch, after=after)
                try:
                    back(node)
                except Killed:
                    continue
                break
        back(node)
        assert shown(before, everything(node)) == {}


RICH = Worn(
    fstab=b"/dev/vda1 / ext4\r\n/a none swap\n\xff\n/b\xfe none swap sw",
    metadata=[(0o640, 11, b"a"), (0o750, 12, b""), (0o604, 13, b"\xff"), (0o755, 14, b"")],
    wants={"a.target.wants": "../own.swap", "c.wants": "/opt/gone/own.swap"},
    generated=["dev-x.swap"],
    state=7,
    targets={"ip6tables": None, "iptables-save": b"..//x/./y/"},
    middle="folder",
    saved=True,
    tmpfiles=False,
)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_each_call_in_turn_and_rolled_back_again_it_is_the_same(after: bool) -> None:
    number, was_killed = 0, True
    while was_killed:
        number += 1
        with worn_node(RICH) as node:
            before = everything(node)
            repair_all(node)
            with pytest.MonkeyPatch.context() as patch:
                killed_at(number, patch, after=after)
                try:
                    back(node)
                    was_killed = False
                except Killed:
                    was_killed = True
            back(node)
            assert shown(before, everything(node)) == {}, number
    assert number > 40


def changed_meanwhile(node: Node, known: Everything, chance: random.Random) -> dict[str, object]:
    """Somebody changes some of what nodefix left; path to what it is then."""
    theirs: dict[str, object] = {}
    names = [name for name in sorted(known) if chance.random() < 0.3]
    for name in names:
        place = node.root / name
        if not os.path.lexists(place) or (place.is_dir() and not place.is_symlink()):
            continue
        mode = place.lstat().st_mode
        if place.is_symlink() or chance.random() < 0.5:
            place.unlink()
            os.symlink("/the/admins/own", place)  # noqa: PTH211
        else:
            place.write_bytes(place.read_bytes() + b"\nthe admin's own")
            place.chmod(mode & 0o7777)
        theirs[name] = everything(node)[name]
    return theirs


@FEWER
@given(WORN, st.randoms(use_true_random=False))
def test_what_somebody_changed_in_between_is_never_lost(worn: Worn, chance: random.Random) -> None:
    with worn_node(worn) as node:
        before = everything(node)
        repair_all(node)
        repaired = everything(node)
        touched = {name: one for name, one in repaired.items() if before.get(name) != one}
        theirs = changed_meanwhile(node, touched, chance)
        back(node)
        after = everything(node)
        for name, one in theirs.items():
            if name == "etc/fstab" and isinstance(one, tuple) and after[name] != one:
                # Line by line: theirs is there, and nodefix' lines are not.
                assert b"the admin's own" in after[name][3].split(b"\n")
            else:
                # What was moved away with its folder is moved back with it.
                assert one in (after.get(name), after.get(name.replace(".saved/", "/"))), name
